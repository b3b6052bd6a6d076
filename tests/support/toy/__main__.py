"""Runs a command of the project with the toy network and the toy task registered."""

import runpy
import sys

import tests.support.toy  # noqa: F401

if __name__ == "__main__":
    command = sys.argv.pop(1)
    runpy.run_module(command, run_name="__main__", alter_sys=True)
