"""Says which instruments play in a piece, of what was heard column by column.

An instrument is in a piece if it was heard, with a probability at or above its threshold, in at
least a tenth of the columns. Axes: K instruments, J columns.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

SHARE = 0.1


def piece_probabilities(activity: NDArray[np.float32], share: float = SHARE) -> NDArray[np.float64]:
    """Returns the probability of each instrument that a share of the columns reaches, (K,).

    It is at or above a threshold exactly where so many columns are.

    Args:
        activity: (K, J), J at least 1.
        share: of the columns, of which one is enough where they are few.
    """
    needed = max(1, int(np.ceil(share * activity.shape[1])))
    # The largest ones last: (K, needed).
    highest = np.partition(activity, -needed, axis=1)[:, -needed]
    return np.asarray(highest, np.float64)


def piece_labels(
    activity: NDArray[np.float32], thresholds: Mapping[str, float], share: float = SHARE
) -> tuple[str, ...]:
    """Returns the instruments that play in a piece, in the order of the thresholds.

    Args:
        activity: (K, J), in the order of the thresholds.
        thresholds: of every instrument by its name.
        share: of the columns.
    """
    found = zip(thresholds.items(), piece_probabilities(activity, share), strict=True)
    return tuple(name for (name, threshold), value in found if value >= threshold)
