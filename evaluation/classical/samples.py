"""Takes a bounded number of rows from a stream of any length, evenly and without any dice."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[Any]


class EvenSample:
    """Keeps every 2^n-th row of a stream, with the smallest n that makes them few enough."""

    def __init__(self, most: int, keep: Callable[[Rows], Rows] = np.array) -> None:
        """Begins without rows.

        Args:
            most: how many rows are kept at most.
            keep: computes what is kept of rows, (n, ...) -> (n, ...); it is asked for few others.
        """
        self._most = most
        self._keep = keep
        self._step = 1
        self._num_seen = 0
        self._kept: list[Rows] = []

    def add(self, rows: Rows) -> None:
        """Adds the next rows of the stream, (n, ...), which may be a view of something large."""
        first = -self._num_seen % self._step
        self._num_seen += len(rows)
        chosen = rows[first :: self._step]
        if len(chosen):
            self._kept.append(self._keep(chosen))
        while sum(map(len, self._kept)) > self._most:
            # A copy: a view would keep the rows that it leaves out.
            self._kept = [np.concatenate(self._kept)[::2].copy()]
            self._step *= 2

    def rows(self) -> Rows | None:
        """Returns the rows that are kept, in their order; None where none came."""
        return np.concatenate(self._kept) if self._kept else None
