"""Run commands of the project in the process of the tests: to start Python with TensorFlow costs 4
seconds.

A process of its own is for tests of what only a process does: being killed, starting, importing.
"""

import io
import logging
import runpy
import signal
import sys
import warnings
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from subprocess import CompletedProcess
from unittest import mock

from absl import app, flags


def run_command(module, *arguments):
    """Runs ``python -m MODULE ARGUMENTS``; returns its exit status and what it said, as subprocess
    does.

    What workers print is not among it. A fault of the program, which would be a traceback, is
    raised.
    """
    argv = [module, *map(str, arguments)]
    stdout = io.StringIO()
    stderr = io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(sys, "argv", argv))
        stack.enter_context(_own_flags())
        stack.enter_context(_own_handlers())
        stack.enter_context(redirect_stdout(stdout))
        stack.enter_context(redirect_stderr(stderr))
        returncode = _exit_status(module)
    return CompletedProcess(argv, returncode, stdout.getvalue(), stderr.getvalue())


def set_flags(overrides):
    """Returns the flags of a command that override fields of its config."""
    return [f"--set={override}" for override in overrides]


def _exit_status(module):
    """Runs a module as a command, which must end as commands do."""
    with warnings.catch_warnings():
        # The module may be imported already; a command is another copy of it.
        warnings.filterwarnings("ignore", ".* found in sys.modules after import", RuntimeWarning)
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            return end.code or 0
    raise AssertionError(f"{module} ended without a status")


@contextmanager
def _own_flags():
    """Forgets the flags that a command defines, and their values, when it has ended."""
    app.define_help_flags()  # absl does so once in a process
    known = set(flags.FLAGS)
    try:
        yield
    finally:
        for name in set(flags.FLAGS) - known:
            delattr(flags.FLAGS, name)
        flags.FLAGS.unparse_flags()


@contextmanager
def _own_handlers():
    """Puts back what a command changes of the process: handlers of signals, logging and errors."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    hook = sys.unraisablehook
    of_signals = {number: signal.getsignal(number) for number in numbers}
    of_logging = list(logging.root.handlers)
    try:
        yield
    finally:
        logging.root.handlers[:] = of_logging
        sys.unraisablehook = hook
        for number, handler in of_signals.items():
            signal.signal(number, handler)
