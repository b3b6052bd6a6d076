"""Says what an interruption of a command means, while it imports, while it works and while it ends.

Ctrl-C and SIGTERM both interrupt. ``data_prep.runtime.command`` catches them from its start on.
"""

import _thread
import atexit
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

# EX_TEMPFAIL of sysexits.h: try again later.
STATUS = 75
SENTENCE = "interrupted; the same command continues."

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# From an interruption that was lost to when it comes again.
_AGAIN_SECS = 0.05


class _Interruption:
    """Handles the signals of a command: the first one interrupts it, the second ends it at once.

    The first is an exception, so that locks and files are given back. There is no second exception,
    which could come when the command has caught the first and is about to end.
    """

    def __init__(self) -> None:
        self.came = False
        self._number: int = signal.SIGINT
        self._tell_of_others = sys.unraisablehook

    def __call__(self, number: int, _frame: FrameType | None) -> NoReturn:
        if self.came:
            end_at_once()
        self.came = True
        self._number = number
        raise KeyboardInterrupt

    def come_again(self, lost: "sys.UnraisableHookArgs") -> None:
        """Interrupts once more where Python dropped the exception.

        It does so in destructors and callbacks of the garbage collector, and tells this hook of it.
        A thread of ``threading`` that sends the signal again would take locks, which may be taken.
        """
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            self._tell_of_others(lost)
            return
        if sys.platform == "win32":
            # It has no timer that signals. A bare thread takes no lock of Python's own modules.
            self.came = False
            _thread.start_new_thread(_raise_later, (self._number,))
            return
        signal.signal(signal.SIGALRM, lambda _number, frame: self(self._number, frame))
        self.came = False
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECS)


def _raise_later(number: int) -> None:
    time.sleep(_AGAIN_SECS)
    signal.raise_signal(number)


def catch() -> None:
    """Turns being asked to end (SIGTERM, Ctrl-C) into one ``KeyboardInterrupt`` from here on.

    Where Ctrl-C is ignored, as in a shell's background, it stays ignored.
    """
    # Registered first, it is called last: then Python puts back what signals do of themselves.
    atexit.register(_ignore)
    handler = _Interruption()
    sys.unraisablehook = handler.come_again
    signal.signal(signal.SIGTERM, handler)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def came() -> bool:
    """Returns whether the command was interrupted, whatever became of the exception."""
    handler = signal.getsignal(signal.SIGTERM)
    return isinstance(handler, _Interruption) and handler.came


def settle(status: int) -> None:
    """Lets interruptions end the process at once with the status that the command has come to."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: os._exit(status))


def _ignore() -> None:
    """Ignores interruptions, for the moments in which Python ends."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def end_at_once() -> NoReturn:
    """Ends the process with the status and the sentence of an interruption, and nothing else."""
    # Not print, whose lock the code that was interrupted may have.
    os.write(2, f"{SENTENCE}\n".encode())
    # Not sys.exit, which is an exception.
    os._exit(STATUS)


@contextmanager
def importing() -> Iterator[None]:
    """Ends the command at once where it is interrupted while the block imports, with a sentence.

    TensorFlow takes seconds to import. An exception would not do meanwhile: modules that are half
    imported turn it into others, and callbacks of the garbage collector lose it. Where no command
    has called ``catch``, as in a test or a notebook, the block changes nothing, nor does it in a
    thread, which is never interrupted.
    """
    before = {}
    if _is_main_thread():
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if isinstance(handler, _Interruption):
                before[number] = handler
                signal.signal(number, lambda _number, _frame: end_at_once())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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


def _is_main_thread() -> bool:
    """Returns whether this thread is the one that Python interrupts; others may set no handler."""
    return threading.current_thread() is threading.main_thread()
