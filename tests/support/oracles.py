"""The oracles of evaluation.estimates.oracles on a track in memory."""

import numpy as np

from evaluation.estimates.oracles import (
    ORACLES,
    covariance_sums,
    oracle_stretch,
    spatial_covariances,
)


def oracle_estimates(mixture, references, rate):
    """Oracle -> estimates (K, T, C) of a mixture (T, C) with references (K, T, C); a silent slot
    stays silent.
    """
    slots = np.flatnonzero(references.any(axis=(1, 2)))
    track = lambda start, stop: (mixture[start:stop], references[slots, start:stop])  # noqa: E731
    whole = (track, len(mixture), 0, len(mixture), rate)
    found = oracle_stretch(*whole, spatial_covariances([covariance_sums(*whole)]))
    estimates = {name: np.zeros(references.shape, np.float32) for name in ORACLES}
    for name in ORACLES:
        estimates[name][slots] = found[name]
    return estimates
