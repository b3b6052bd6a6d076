"""Runs command lines one after the other in this process, and tells what slow modules they import.

python -m tests.support.quick_commands < CALLS.json, a list of [module, argument, ...]; the answer is
a list of [status, stdout, stderr, slow modules] on stdout.
"""

import io
import json
import runpy
import sys
from contextlib import redirect_stderr, redirect_stdout

from absl import app, flags

SLOW = ("tensorflow", "keras", "jax", "matplotlib", "scipy.optimize", "google.cloud.storage")


def call(module, *arguments):
    """Does what ``python -m`` does, with the flags of the command before gone."""
    before = set(flags.FLAGS)
    imported = set(sys.modules)
    sys.argv = [module, *arguments]
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as error:
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            status = None
        except SystemExit as end:
            status = end.code
    for name in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, name)
    slow = [name for name in SLOW if name in sys.modules and name not in imported]
    return status, out.getvalue(), error.getvalue(), slow


if __name__ == "__main__":
    # Once for all: absl never defines them again.
    app.define_help_flags()
    print(json.dumps([call(*line) for line in json.load(sys.stdin)]))
