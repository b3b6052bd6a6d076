"""Finds one order of what a network says of clips, and measures how right orders are.

Axes: B puzzles, P clips of a puzzle, and P places.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import expit
from scipy.stats import kendalltau

Floats = NDArray[np.floating[Any]]
Places = NDArray[np.int64]
"""(B, P): the place of each clip that is shown, from 0 on."""


def places_by_sorter(decisions: Floats) -> Places:
    """Returns the orders with the highest probability.

    Args:
        decisions: (B, P clips, P places), the logarithm of the probability of each place.
    """
    return _assigned(-decisions)


def places_by_pairs(decisions: Floats) -> Places:
    """Returns the orders whose places are nearest to those that are expected of each clip.

    Args:
        decisions: (B, P, P), of which the probability that one comes before the other is the
            sigmoid.
    """
    num_clips = decisions.shape[1]
    # (B, P, P): the probability that clip j comes before clip i; of itself it is left out.
    is_before = expit(-decisions.astype(np.float64)) * (1 - np.eye(num_clips))
    expected = is_before.sum(axis=2)
    return _assigned(np.square(expected[:, :, None] - np.arange(num_clips)))


def _assigned(costs: Floats) -> Places:
    """Returns the places with the lowest sum of costs (B, P clips, P places)."""
    return np.stack([linear_sum_assignment(each)[1] for each in costs]).astype(np.int64)


class Rightness(NamedTuple):
    """Holds how right each order is, (B,) each, from 0 to 1, the last from -1 on."""

    # The share of clips at their place.
    position: NDArray[np.float64]
    exact: NDArray[np.float64]
    exact_or_reversed: NDArray[np.float64]
    # Kendall's.
    tau: NDArray[np.float64]


MEASURES = Rightness._fields


def rightness(found: Places, true: Places) -> Rightness:
    """Measures orders, (B, P), against the true ones."""
    num_clips = true.shape[1]
    right = found == true
    is_reversed = (num_clips - 1 - found == true).all(axis=1)
    exact = right.all(axis=1)
    pairs = zip(found, true, strict=True)
    taus = [kendalltau(ours, theirs).statistic for ours, theirs in pairs]
    return Rightness(
        position=right.mean(axis=1),
        exact=exact.astype(np.float64),
        exact_or_reversed=(exact | is_reversed).astype(np.float64),
        tau=np.array(taus, np.float64),
    )


def chance(num_clips: int) -> dict[str, float]:
    """Returns what orders by dice reach in each measure."""
    num_orders = 1.0
    for i in range(2, num_clips + 1):
        num_orders *= i
    return {
        "position": 1 / num_clips,
        "exact": 1 / num_orders,
        "exact_or_reversed": min(1.0, 2 / num_orders),
        "tau": 0.0,
    }
