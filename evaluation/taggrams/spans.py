"""Finds from when to when each instrument is heard.

Axes: K instruments, J columns.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Span(NamedTuple):
    """Is a stretch of time in which an instrument is heard, in seconds."""

    start_secs: float
    stop_secs: float
    source: str


def find_spans(
    heard: NDArray[np.bool_], sources: Sequence[str], column_secs: float, secs: float
) -> list[Span]:
    """Returns the spans of all instruments in the order of their starts, then of the slots.

    A column is centred on its time and lasts as long as it is from the next one, so that the first
    one begins half of that before the sound, where it is cut. A single column between two spans of
    an instrument in which it is not heard is no pause: they are one.

    Args:
        heard: (K, J), where each instrument is heard.
        sources: their names.
        column_secs: how far columns are apart.
        secs: of the sound.
    """
    spans = []
    for source, columns in zip(sources, heard, strict=True):
        for first, behind in _runs(_without_gaps(columns)):
            start = max((first - 0.5) * column_secs, 0.0)
            stop = min((behind - 0.5) * column_secs, secs)
            spans.append(Span(start, stop, source))
    # Sorting keeps the order of the slots among equals.
    return sorted(spans, key=lambda span: span.start_secs)


def _without_gaps(columns: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns columns (J,) with those filled whose two neighbours are heard."""
    filled = columns.copy()
    filled[1:-1] |= columns[:-2] & columns[2:]
    return filled


def _runs(columns: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Returns the first column of each stretch that is heard, and the one behind its last."""
    edges = np.diff(columns.astype(np.int8), prepend=0, append=0)
    starts = np.flatnonzero(edges == 1)
    stops = np.flatnonzero(edges == -1)
    return list(zip(starts.tolist(), stops.tolist(), strict=True))
