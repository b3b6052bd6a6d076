"""Says which instruments a piece has, of what is heard in its columns.

An instrument is in a piece if it is at or above its threshold in at least a share of the columns.
That is the same as a probability of the piece, at or above the same threshold: the highest value
that such a share of them reach.

Axes: K instruments, J columns.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of the columns, where no validation has chosen another one.
SHARE = 0.1
# What a product of floats may be above the whole number that it is.
ROUNDING = 1e-9


def piece_probabilities(
    activity: NDArray[np.floating[Any]], share: float = SHARE
) -> NDArray[np.float64]:
    """Returns the highest value that a share of the columns reach, (K,); 0 without columns.

    Args:
        activity: (K, J), the probabilities of the columns.
        share: of the columns, above 0 and at most 1; it is one column at least.
    """
    num_columns = activity.shape[1]
    if not num_columns:
        return np.zeros(len(activity))
    num_reaching = max(1, math.ceil(share * num_columns - ROUNDING))
    # The value in this place of an ascending order is reached by so many.
    place = num_columns - num_reaching
    return np.partition(activity, place, axis=1)[:, place].astype(np.float64)


def piece_labels(
    activity: NDArray[np.floating[Any]], thresholds: Mapping[str, float], share: float = SHARE
) -> list[str]:
    """Returns the instruments of a piece in the order of the slots.

    Args:
        activity: (K, J), the probabilities of the columns.
        thresholds: of all K instruments, by their names and in their order.
        share: of the columns in which an instrument is at or above its threshold, at least.
    """
    probabilities = piece_probabilities(activity, share)
    named = zip(thresholds.items(), probabilities, strict=True)
    return [name for (name, threshold), probability in named if probability >= threshold]


def heard_columns(
    activity: NDArray[np.floating[Any]], thresholds: Mapping[str, float]
) -> NDArray[np.bool_]:
    """Returns where each instrument is at or above its threshold, (K, J)."""
    # Of 64 bits, as the thresholds are: a probability of 32 bits is compared as it is.
    limits = np.array(list(thresholds.values()), np.float64)
    return activity >= limits[:, None]
