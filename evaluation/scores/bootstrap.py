"""Tells how far a figure would move with other tracks: percentile bootstrap intervals (Efron 1979).

Segments of a track are not independent, tracks are: so whole tracks are drawn again, with all their
segments. The percentile interval is taken rather than BCa, whose acceleration comes from a
jackknife that is inconsistent for medians (Efron and Tibshirani 1993, 11.6).

Axes: V values, N tracks, R resamples.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

COVERAGE = 0.95
# The median of n tracks lies outside all of their values with probability 2^(1-n): below six, not
# even the widest interval that they can give covers it 95 times in 100.
MIN_TRACKS = 6
RESAMPLES = 2000

# The same rows give the same interval.
_SEED = 0

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Interval:
    """Holds the 95 % bounds of a figure."""

    low: float
    high: float


class Intervals(NamedTuple):
    """Holds the intervals of the median and of the mean of the same values."""

    median: Interval
    mean: Interval


def why_none(num_tracks: int) -> str | None:
    """Says why figures of so few tracks have no interval and no p-value; None where they have."""
    if num_tracks < MIN_TRACKS:
        return f"tracks: {num_tracks}, fewer than {MIN_TRACKS}"
    return None


def intervals(values: Floats, tracks: NDArray[Any], resamples: int = RESAMPLES) -> Intervals | None:
    """Computes the intervals of the median and of the mean of all values.

    Args:
        values: (V,), finite, one or more of each track.
        tracks: (V,), which track a value is of.
        resamples: how often as many tracks as there are, are drawn with replacement; 0 for none.

    Returns:
        None where there are fewer than ``MIN_TRACKS`` tracks or no resamples.
    """
    if not resamples:
        return None
    names, codes = np.unique(tracks, return_inverse=True)
    num_tracks = len(names)
    if why_none(num_tracks):
        return None
    drawn = draw(num_tracks, resamples)
    # The mean of a resample follows from the sum and the count of each track.
    sums = np.bincount(codes, values)
    counts = np.bincount(codes)
    means = (drawn @ sums) / (drawn @ counts)
    return Intervals(percentiles(_medians(values, codes, drawn)), percentiles(means))


def draw(num_tracks: int, resamples: int = RESAMPLES) -> Integers:
    """Draws N of N tracks again and again: how often each resample holds each, (R, N)."""
    equal = np.full(num_tracks, 1 / num_tracks)
    return np.random.default_rng(_SEED).multinomial(num_tracks, equal, size=resamples)


def percentiles(replicates: Floats) -> Interval:
    """Returns the 95 % bounds of a figure, given that of each resample, (R,)."""
    low, high = np.quantile(replicates, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Interval(float(low), float(high))


def _medians(values: Floats, codes: Integers, drawn: Integers) -> Floats:
    """Computes the median of each resample, (R,).

    No resample is ever put together: its k-th value is the least one that more than k of its values
    do not exceed, and a table of how many values each track has up to there, counted once, finds it
    by bisection for all resamples.

    Args:
        values: (V,).
        codes: (V,), the number of the track of each.
        drawn: (R, N), how often a resample holds a track with all its values.
    """
    order = np.argsort(values)
    num_values = len(values)
    # (V, N): how many of the p + 1 least values are of a track.
    upto = np.zeros((num_values, drawn.shape[1]), np.int32)
    upto[np.arange(num_values), codes[order]] = 1
    np.cumsum(upto, axis=0, out=upto)
    # (R,): the values of each resample; (2 R,): the ranks of its two middle ones, or twice the one.
    totals = drawn @ upto[-1]
    ranks = np.concatenate([(totals - 1) // 2, totals // 2])
    twice = np.concatenate([drawn, drawn]).astype(np.int32)
    # Bisection: the rank lies in [low, high] of the sorted values.
    low = np.zeros(len(ranks), np.int64)
    high = np.full(len(ranks), num_values - 1)
    while (low < high).any():
        middle = (low + high) // 2
        enough = np.einsum("rt,rt->r", twice, upto[middle]) > ranks
        low = np.where(enough, low, middle + 1)
        high = np.where(enough, middle, high)
    medians: Floats = values[order][low].reshape(2, -1).mean(axis=0)
    return medians
