"""Lets the steps in progress finish where a run is interrupted."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
        signal.signal(number, previous[number])
        print("interrupted: finishing the steps in progress, then saving", flush=True)

    for number in (int(signal.SIGTERM), int(signal.SIGINT)):
        previous[number] = signal.signal(number, remember)
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
