"""Says what falls on each pixel of a picture of so many seconds.

Axes: K instruments, J columns, P pixels.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of the axis of time, in seconds.
_STEPS = (
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800, 3600),
)


def pixel_means(
    values: NDArray[Any], column_secs: float, secs: float, num_pixels: int
) -> NDArray[np.float64]:
    """Returns the mean of what falls on each pixel, (K, P).

    Column j lasts from half a column before j times ``column_secs`` to half of one behind it, the
    last one on to the end.

    Args:
        values: (K, J), one column at least.
        column_secs: how far columns are apart.
        secs: of all pixels together.
        num_pixels: P.
    """
    num_columns = values.shape[1]
    # Where columns begin and end, in columns from the beginning of the first one.
    places = np.append(np.arange(num_columns), num_columns + 1.0)
    lengths = np.diff(places)
    sums = np.cumsum(values * lengths, axis=1, dtype=np.float64)
    sums = np.pad(sums, ((0, 0), (1, 0)))
    edges = np.linspace(0, secs / column_secs, num_pixels + 1) + 0.5
    # The integral up to an edge is linear within a column.
    integrals = np.stack([np.interp(edges, places, row) for row in sums])
    means: NDArray[np.float64] = np.diff(integrals, axis=1) / np.diff(edges)
    return means


def time_ticks(secs: float, num_ticks: int) -> list[float]:
    """Returns the times in seconds, in even steps, that an axis has; about so many at most."""
    steps = [step for step in _STEPS if secs / step <= num_ticks]
    # Beyond a day it is whole hours.
    step = steps[0] if steps else 3600 * -(-secs // (3600 * num_ticks))
    return (np.arange(int(secs / step + 1e-9) + 1) * step).tolist()


def minutes(secs: float, step: float) -> str:
    """Returns a time as ``m:ss``, with as many decimals as steps of so many seconds call for."""
    num_decimals = 0
    while num_decimals < 2 and round(step, num_decimals) != step:
        num_decimals += 1
    width = 3 + num_decimals if num_decimals else 2
    whole = round(secs, num_decimals)
    return f"{int(whole // 60)}:{whole % 60:0{width}.{num_decimals}f}"
