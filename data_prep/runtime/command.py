"""Runs a command: parses its flags, calls its main, and ends it in words and with a status.

    if __name__ == "__main__":
        flags.DEFINE_string("records", None, "folder of the records", required=True)
        command.run(main)

Every command is quick to try. ``--help``, a refused flag, and what is missing (an experiment, a
folder, a run) are answered within a second, while TensorFlow alone takes four to import. So:

- A module that defines a command imports nothing slow at its top: no TensorFlow, Keras or JAX, no
  matplotlib, no SciPy beyond what it must. Nor do the modules that it imports there; those of
  ``data_prep.records`` and ``data_prep.storage`` import TensorFlow in the functions that use it.
- ``main`` first refuses what it can without these (``configs.load``, ``load_manifest``,
  ``load_run``), then imports the rest in a block ``with command.importing():``, in which Ctrl-C is
  one sentence, too; or calls ``command.import_first(["tensorflow"])``, where functions that it
  calls import it. Names that only annotations need are imported where ``TYPE_CHECKING``.
- Work in other processes names what they import: ``parallel.run(..., imports=["tensorflow"])``.

Importing a command's module does nothing else: flags live in one registry per process, so a command
defines its own only where it runs as one.

The status is 0 for finished, 1 for an error that the user can mend, 75 for interrupted and
resumable.
"""

import errno
import io
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from logging import getLogger
from pathlib import Path

from absl import app, flags, logging

from data_prep.runtime import interruption
from data_prep.runtime.interruption import import_first, importing
from data_prep.runtime.memory import ran_out
from data_prep.runtime.tensorflow_errors import is_of_tensorflow, reason

__all__ = [
    "ERROR",
    "FINISHED",
    "INTERRUPTED",
    "import_first",
    "importing",
    "require_flags_alone",
    "run",
]

FINISHED = 0
ERROR = 1
INTERRUPTED = interruption.STATUS

_MISSING_FLAG = re.compile(r"^flag (--\w+)=None: .*")
# They say what was expected, which the words of the system do not.
_PLAIN_WORDS: dict[type[Exception], str] = {
    FileExistsError: " is a file; expected a folder, or nothing yet.",
    NotADirectoryError: " cannot be there: one of its folders is a file.",
    IsADirectoryError: " is a folder; expected a file.",
}
_TOO_LITTLE_MEMORY = (
    "memory ran out; use fewer --workers or --processes, smaller values of the config (such as "
    "train.batch_size, model.num_filters, evaluation.filter_taps), or a machine with more of it."
)
_MAKE_ROOM = "; make room there, and give the same command again."


def run(main: Callable[[list[str]], int | None], takes_files: bool = False) -> None:
    """Parses the flags, calls ``main`` and exits.

    What a user can mend (``ValueError``, ``OSError``, TensorFlow's file errors) is one sentence on
    stderr; ``--verbosity=1`` shows where it came from. Other exceptions are faults of the program
    and keep their traceback.

    Args:
        main: is called with the arguments that are no flags, the program first; returns a status,
            or None for finished.
        takes_files: whether there may be any beside the program, or behind ``--``.
    """

    def settle(argv: list[str]) -> int:
        status = _status(main, argv, takes_files)
        sys.stdout.flush()
        interruption.settle(status)
        return status

    interruption.catch()
    _print_whatever_a_name_holds()
    _set_up_tensorflow(sys.argv)
    try:
        app.run(settle, flags_parser=_parse_flags)
    except KeyboardInterrupt:
        # Before main was called, or while what it came to was told.
        interruption.end_at_once()


def _print_whatever_a_name_holds() -> None:
    """Lets output escape what its terminal or file cannot show: no name of a song ends the work."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _set_up_tensorflow(arguments: Sequence[str]) -> None:
    """Sets what TensorFlow looks for when it is imported, here or in a process begun here.

    Its notices at the start would bury the first lines that a user should read. With a bucket they
    stay: the same log tells of requests that failed and are tried again.
    """
    if not any("gs://" in argument for argument in arguments):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0")
    os.environ.setdefault("TF_CPP_VMODULE", "retrying_utils=1")
    # About ten minutes; TensorFlow's own ten retries take three.
    os.environ.setdefault("GCS_RETRY_CONFIG_MAX_RETRIES", "24")


def _status(main: Callable[[list[str]], int | None], argv: list[str], takes_files: bool) -> int:
    """Returns what a command exits with; tells what a user can mend, and of an interruption."""
    try:
        if not takes_files:
            require_flags_alone(argv)
        _settle_flags()
        return main([_expand_home(argument) for argument in argv]) or FINISHED
    except (KeyboardInterrupt, Exception) as error:
        # A library may have made another exception of the one that interrupts.
        if isinstance(error, KeyboardInterrupt) or interruption.came():
            print(interruption.SENTENCE, file=sys.stderr)
            return INTERRUPTED
        if not _is_mendable(error):
            raise
        print(f"error: {_sentence(error)}", file=sys.stderr)
        logging.debug("The error came from here.", exc_info=error)
        return ERROR


def require_flags_alone(argv: Sequence[str]) -> None:
    """Refuses arguments that are no flags, the program apart.

    Raises:
        ValueError: there is one.
    """
    if argv[1:]:
        raise ValueError(
            f"{argv[1]!r} is no flag; everything is said by flags, such as --set train.steps=100."
        )


def _parse_flags(argv: Sequence[str]) -> list[str]:
    """Returns the arguments that are no flags; exits for ``--help`` and for flags it refuses."""
    try:
        arguments = list(flags.FLAGS(argv))
    except flags.Error as error:
        sentence = _MISSING_FLAG.sub(r"\1 is missing.", _sentence(error))
        print(f"error: {sentence} (--help lists the flags)", file=sys.stderr)
        sys.exit(ERROR)
    except SystemExit:
        # absl ends a call for --help with 1, which here means an error.
        sys.exit(FINISHED)
    if flags.FLAGS["verbosity"].using_default_value:
        # Else absl turns it up, and TensorFlow tells of every file that it saves.
        flags.FLAGS.verbosity = logging.WARNING
        # It warns those who write programs, as of each value in a checkpoint that was refused.
        getLogger("tensorflow").setLevel("ERROR")
    return arguments


def _settle_flags() -> None:
    """Expands the home in flags that are paths, and refuses numbers that nothing can be done with.

    Raises:
        ValueError: a number is NaN or infinite, which no bounds of a flag exclude.
    """
    for name in flags.FLAGS:
        flag = flags.FLAGS[name]
        if isinstance(flag.value, str):
            flag.value = _expand_home(flag.value)
        if isinstance(flag.value, list):
            flag.value = [
                _expand_home(each) if isinstance(each, str) else each for each in flag.value
            ]
        if isinstance(flag.value, float) and not math.isfinite(flag.value):
            raise ValueError(f"--{name} is {flag.value}; expected a finite number.")


def _expand_home(text: str) -> str:
    """Returns a path with the home of its user for a ``~`` that no shell saw, as in --out=~/a.

    Raises:
        ValueError: there is no such user.
    """
    if not text.startswith("~"):
        return text
    try:
        return str(Path(text).expanduser())
    except RuntimeError as error:
        raise ValueError(f"{text}: no user of that name is known; name the folder.") from error


def _sentence(error: Exception) -> str:
    """Returns an error as one line, without what TensorFlow adds for those who write programs."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        said = _PLAIN_WORDS.get(type(error), f": {error.strerror}")
        if error.errno == errno.ENOSPC:
            said += _MAKE_ROOM
        return f"{error.filename}{said}"
    if ran_out(error):
        return _TOO_LITTLE_MEMORY
    text = reason(error) if is_of_tensorflow(error) else str(error)
    # A disk that is full is told of in many ways, all of which hold these words.
    advice = _MAKE_ROOM if text.endswith("No space left on device") else ""
    return " ".join(text.split()) + advice or type(error).__name__


def _is_mendable(error: BaseException) -> bool:
    """Returns whether an error is one that a user can mend; TensorFlow's are among them."""
    return isinstance(error, ValueError | OSError) or is_of_tensorflow(error) or ran_out(error)
