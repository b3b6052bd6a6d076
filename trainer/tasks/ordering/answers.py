"""Finds one order of what a network says of clips, and measures how right orders are.

Axes: B puzzles, P clips of a puzzle, and P places.
"""

from collections.abc import Sequence
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import expit
from scipy.stats import kendalltau

Floats = NDArray[np.floating[Any]]
Places = NDArray[np.int64]
"""(B, P): the place of each clip that is shown, from 0 on."""

# Of so many clips every order is tried.
_MOST_TRIED = 8


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


def places_by_chain(decisions: Floats) -> Places:
    """Returns the orders with the highest sum over neighbours.

    Args:
        decisions: (B, P, P), how well clip j follows clip i.
    """
    return np.stack([places_on_path(-each) for each in decisions])


def places_on_path(distances: Floats) -> NDArray[np.int64]:
    """Returns the places (P,) in the order whose neighbours are the nearest.

    Of up to eight clips every order is tried; of more each clip is followed by the nearest one that
    is left, from the best of all first ones on.

    Args:
        distances: (P, P): from the end of one clip to the beginning of another.
    """
    num_clips = len(distances)
    if num_clips <= _MOST_TRIED:
        tried: list[Sequence[int]] = list(permutations(range(num_clips)))
    else:
        tried = [_nearest_first(distances, first) for first in range(num_clips)]
    orders = np.array(tried)
    lengths = distances[orders[:, :-1], orders[:, 1:]].sum(axis=1)
    places = np.empty(num_clips, np.int64)
    places[orders[lengths.argmin()]] = np.arange(num_clips)
    return places


def _nearest_first(distances: Floats, first: int) -> Sequence[int]:
    order = [first]
    left = set(range(len(distances))) - {first}
    while left:
        nearest = min(left, key=lambda clip: float(distances[order[-1], clip]))
        order.append(nearest)
        left.remove(nearest)
    return order


def _assigned(costs: Floats) -> Places:
    """Returns the places with the lowest sum of costs (B, P clips, P places)."""
    return np.stack([linear_sum_assignment(each)[1] for each in costs]).astype(np.int64)


# By the head that decides.
DECODERS = {"chain": places_by_chain, "pairs": places_by_pairs, "sorter": places_by_sorter}


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
