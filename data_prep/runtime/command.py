"""How every command of the project ends: 0 finished, 1 an error the user can mend, 75 interrupted and resumable.

    if __name__ == "__main__":
        command.run(main)

Flags live in one registry per process, so a command defines its own only where it runs as one, not on import.
"""

import re
import sys
from collections.abc import Callable, Sequence

from absl import app, flags, logging

from data_prep.runtime import interruption
from data_prep.storage.files import reason

FINISHED = 0
ERROR = 1
INTERRUPTED = interruption.STATUS

_MISSING_FLAG = re.compile(r"^flag (--\w+)=None: .*")
_PLAIN_WORDS: dict[type[Exception], str] = {  # that say what was expected
    FileExistsError: " is a file; expected a folder, or nothing yet.",
    NotADirectoryError: " cannot be there: one of its folders is a file.",
    IsADirectoryError: " is a folder; expected a file.",
}
_TRACEBACK = "Traceback (most recent call last)"


def run(main: Callable[[list[str]], int | None], takes_files: bool = False) -> None:
    """Parses the flags, calls ``main`` with the arguments that are none (the program first) and exits.

    What a user can mend (``ValueError``, ``OSError``, TensorFlow's file errors) is one sentence on stderr;
    ``--verbosity=1`` shows where it came from. Other exceptions are faults of the program and keep their traceback.
    """
    interruption.catch()
    app.run(lambda argv: _status(main, argv, takes_files), flags_parser=_parse_flags)


def _status(main: Callable[[list[str]], int | None], argv: list[str], takes_files: bool) -> int:
    try:
        if argv[1:] and not takes_files:
            raise ValueError(
                f"{argv[1]!r} is no flag; everything is said by flags, such as --set train.steps=100."
            )
        return main(argv) or FINISHED
    except _mendable() as error:
        print(f"error: {_sentence(error)}", file=sys.stderr)
        logging.debug("The error came from here.", exc_info=error)
        return ERROR
    except KeyboardInterrupt:
        print(interruption.SENTENCE, file=sys.stderr)
        return INTERRUPTED


def _parse_flags(argv: Sequence[str]) -> list[str]:
    try:
        arguments = list(flags.FLAGS(argv))
    except flags.Error as error:
        sentence = _MISSING_FLAG.sub(r"\1 is missing.", _sentence(error))
        print(f"error: {sentence} (--help lists the flags)", file=sys.stderr)
        sys.exit(ERROR)
    except SystemExit:  # absl ends a call for --help with 1, which here means an error
        sys.exit(FINISHED)
    if flags.FLAGS["verbosity"].using_default_value:
        flags.FLAGS.verbosity = (
            logging.WARNING
        )  # else absl turns it up, and TensorFlow tells of every file it saves
    return arguments


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}{_PLAIN_WORDS.get(type(error), f': {error.strerror}')}"
    text = str(
        getattr(error, "message", error)
    )  # TensorFlow's str() ends in pages of node definitions
    if "HTTP response" in text:
        text = reason(error)
    if (
        _TRACEBACK in text
    ):  # Python called from a graph: "{{node}} ValueError: the sentence", then its traceback
        text = text.partition(_TRACEBACK)[0].partition("Error: ")[2]
    return " ".join(text.split()) or type(error).__name__


def _mendable() -> tuple[type[Exception], ...]:
    """What a user can mend, the errors of TensorFlow's file systems included, where a command has imported it."""
    tensorflow = sys.modules.get("tensorflow")
    return (ValueError, OSError, tensorflow.errors.OpError) if tensorflow else (ValueError, OSError)
