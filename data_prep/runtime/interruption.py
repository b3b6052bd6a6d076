"""What a command says and how it ends where it is interrupted, from its first import on.

TensorFlow takes seconds to import; Ctrl-C meanwhile would end in a traceback of its modules.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STATUS = 75  # EX_TEMPFAIL of sysexits.h: try again later
SENTENCE = "interrupted; the same command continues."


def end_at_once_while_importing(package: str) -> None:
    """Has Ctrl-C end ``python -m PACKAGE.MODULE`` at once, until ``catch`` is called; for the package's ``__init__``.

    An import by any other program changes nothing: only while Python looks for the module that is to run as a command
    is that program called "-m". Nor does it where interruptions are ignored, as in a shell's background.
    """
    is_command = sys.argv[:1] == ["-m"] and any(
        word.startswith(f"{package}.") for word in sys.orig_argv
    )
    if is_command:
        _have_it_end_at_once()


@contextmanager
def importing() -> Iterator[None]:
    """The same for what a command imports later, where it is needed; then ``catch``."""
    _have_it_end_at_once()
    try:
        yield
    finally:
        catch()


def _have_it_end_at_once() -> None:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _end_at_once)


def catch() -> None:
    """From here on an interruption, or being asked to end, is a ``KeyboardInterrupt``."""
    if signal.getsignal(signal.SIGINT) is _end_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextmanager
def held() -> Iterator[None]:
    """Tells of an interruption at the end, for what shares locks with other threads.

    An exception between the taking of a lock and the block that gives it back would leave it taken for ever.
    """
    came: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():  # the only one that is interrupted
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def _end_at_once(_number: int, _frame: FrameType | None) -> None:
    """No exception: half-imported modules would turn it into others, and callbacks of the garbage collector lose it."""
    print(SENTENCE, file=sys.stderr, flush=True)
    os._exit(STATUS)
