"""Tests whether differences over tracks are more than chance."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def signed_rank(differences: Floats) -> float:
    """Computes Wilcoxon's two-sided p-value; a track without a difference counts half for each."""
    # It takes a second to import.
    from scipy import stats

    if not differences.any():
        return 1.0
    return float(stats.wilcoxon(differences, zero_method="zsplit").pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p-values for several tests, in the order given.

    Holm's step-down procedure (Scand. J. Statist. 6, 1979): the k-th least of m, counted from 0, is
    multiplied by m - k, and none is less than one before it.
    """
    num_tests = len(p_values)
    corrected = [0.0] * num_tests
    largest = 0.0
    for rank, i in enumerate(sorted(range(num_tests), key=p_values.__getitem__)):
        largest = max(largest, min((num_tests - rank) * p_values[i], 1.0))
        corrected[i] = largest
    return corrected
