"""Is the command that an installation brings, ``source-separate``."""

import runpy


def main() -> None:
    """Runs ``python -m evaluation.separate``."""
    runpy.run_module("evaluation.separate", run_name="__main__", alter_sys=True)
