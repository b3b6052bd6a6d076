"""Lets the steps in progress finish where a run is interrupted."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether SIGTERM or SIGINT came.

    The call in progress finishes first; a second signal ends at once.
    """
    received: list[int] = []
    previous: dict[int, Any] = {}

    def remember(number: int, _: Any) -> None:
        received.append(number)
        put_back()
        # Where the signal came within another print, Python refuses this one.
        with suppress(RuntimeError):
            print("interrupted: finishing the steps in progress, then saving", flush=True)

    def put_back() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    for number in (int(signal.SIGTERM), int(signal.SIGINT)):
        previous[number] = signal.getsignal(number)
        signal.signal(number, remember)
    try:
        yield lambda: bool(received)
    finally:
        put_back()
