"""Gives commands of the project from within another one."""

import shlex
import subprocess
import sys
from collections.abc import Sequence


def give(words: Sequence[str]) -> int:
    """Shows a command and gives it to a process of its own; returns its exit status.

    Args:
        words: what follows ``python -m``.
    """
    print(f"    python -m {shlex.join(words)}", flush=True)
    with subprocess.Popen([sys.executable, "-m", *words]) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The terminal interrupts the command too: let it save and say so.
            return process.wait()
