"""How far a figure would move with other tracks: percentile bootstrap intervals over tracks (Efron 1979).

Segments of a track are not independent, tracks are: so whole tracks are drawn again, with all their segments. The
percentile interval is taken rather than BCa, whose acceleration comes from a jackknife that is inconsistent for
medians (Efron and Tibshirani 1993, 11.6).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

COVERAGE = 0.95
# The median of n tracks lies outside all of their values with probability 2^(1-n): below six, not even the widest
# interval that they can give covers it 95 times in 100.
MIN_TRACKS = 6
RESAMPLES = 2000

_SEED = 0  # the same rows give the same interval

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Interval:
    """95 % bounds of a figure."""

    low: float
    high: float


def why_none(num_tracks: int) -> str | None:
    """Why figures of so few tracks have no interval and no p-value; None where they have."""
    return f"tracks: {num_tracks}, fewer than {MIN_TRACKS}" if num_tracks < MIN_TRACKS else None


def intervals(
    values: Floats, tracks: NDArray[Any], resamples: int = RESAMPLES
) -> tuple[Interval, Interval] | None:
    """The intervals of the median and of the mean of all values.

    Args:
        values: finite, one or more of each track.
        tracks: of the same length, which track a value is of.
        resamples: how often as many tracks as there are, are drawn with replacement; 0 for none.

    Returns:
        None where there are fewer than ``MIN_TRACKS`` tracks or no resamples.
    """
    names, codes = np.unique(tracks, return_inverse=True)
    if why_none(len(names)) or not resamples:
        return None
    drawn = np.random.default_rng(_SEED).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=resamples
    )
    sums, counts = np.bincount(codes, values), np.bincount(codes)
    means = (drawn @ sums) / (drawn @ counts)
    return _interval(_medians(values, codes, drawn)), _interval(means)


def _interval(replicates: Floats) -> Interval:
    low, high = np.quantile(replicates, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Interval(float(low), float(high))


def _medians(values: Floats, codes: Integers, drawn: Integers) -> Floats:
    """The median of each resample; drawn[r, t] is how often resample r holds track t with all its values.

    No resample is ever put together: its k-th value is the least one that more than k of its values do not exceed, and
    a table of how many values each track has up to there, counted once, finds it by bisection for all resamples.
    """
    order = np.argsort(values)
    upto = np.zeros(
        (len(values), drawn.shape[1]), np.int32
    )  # values of track t among the first p + 1
    upto[np.arange(len(values)), codes[order]] = 1
    np.cumsum(upto, axis=0, out=upto)
    totals = drawn @ upto[-1]
    ranks = np.concatenate(
        [(totals - 1) // 2, totals // 2]
    )  # the two middle values, or twice the one
    twice = np.concatenate([drawn, drawn]).astype(np.int32)
    low, high = np.zeros(len(ranks), np.int64), np.full(len(ranks), len(values) - 1)
    while (low < high).any():
        middle = (low + high) // 2
        enough = np.einsum("rt,rt->r", twice, upto[middle]) > ranks
        low, high = np.where(enough, low, middle + 1), np.where(enough, middle, high)
    found: Floats = values[order][low].reshape(2, -1).mean(axis=0)
    return found
