"""Says what an interruption of a command means, while it imports, while it works and while it ends.

Ctrl-C and SIGTERM both interrupt. ``data_prep.runtime.command`` catches them from its start on.
"""

import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

# EX_TEMPFAIL of sysexits.h: try again later.
STATUS = 75
SENTENCE = "interrupted; the same command continues."

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def catch() -> None:
    """Turns being asked to end (SIGTERM) into a ``KeyboardInterrupt`` from here on, as Ctrl-C is.

    Where Ctrl-C is ignored, as in a shell's background, it stays ignored.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextmanager
def importing() -> Iterator[None]:
    """Ends the command at once where it is interrupted while the block imports, with a sentence.

    TensorFlow takes seconds to import. An exception would not do meanwhile: modules that are half
    imported turn it into others, and callbacks of the garbage collector lose it. Where no command
    has called ``catch``, as in a test or a notebook, the block changes nothing, nor does it in a
    thread, which is never interrupted.
    """
    changed = []
    if _is_caught():
        for number in _SIGNALS:
            if signal.getsignal(number) is signal.default_int_handler:
                signal.signal(number, _end_at_once)
                changed.append(number)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.default_int_handler)


def import_first(modules: Sequence[str]) -> None:
    """Imports modules by name within ``importing``, before functions that use them are called."""
    with importing():
        for name in modules:
            importlib.import_module(name)


@contextmanager
def held() -> Iterator[None]:
    """Keeps an interruption until the end of the block, for what shares locks with other threads.

    An exception between the taking of a lock and the block that gives it back would leave it taken
    for ever.
    """
    came: list[int] = []
    before = {}
    if _is_main_thread():
        for number in _SIGNALS:
            before[number] = signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        # Back to what was there first, so that the signal below has its usual effect.
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def _is_caught() -> bool:
    return _is_main_thread() and signal.getsignal(signal.SIGTERM) is signal.default_int_handler


def _is_main_thread() -> bool:
    """Returns whether this thread is the one that Python interrupts; others may set no handler."""
    return threading.current_thread() is threading.main_thread()


def _end_at_once(_number: int, _frame: FrameType | None) -> None:
    print(SENTENCE, file=sys.stderr, flush=True)
    # Not sys.exit, which is an exception.
    os._exit(STATUS)
