"""Computes the scale-invariant SDR."""

import numpy as np
from numpy.typing import ArrayLike

from evaluation.metrics.delays import Floats
from evaluation.metrics.energies import decibels, energy


def si_sdr(references: ArrayLike, estimates: ArrayLike, axis: int | tuple[int, ...] = -1) -> Floats:
    """Computes the scale-invariant SDR in dB: |a s|^2 / |a s - e|^2 with a = <e, s> / |s|^2.

    No mean is taken off. After J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey, "SDR -
    half-baked or well done?", ICASSP 2019, Section 2.

    Args:
        references: shape (..., T), or (..., T, C) with ``axis=(-2, -1)``: all channels share one
            scale.
        estimates: the same shape.
        axis: the axes of one signal.

    Returns:
        Shape (...); inf for a reference at any gain, -inf for an estimate that has nothing of its
        reference, nan for a silent estimate or reference.
    """
    references = np.asarray(references, np.float64)
    estimates = np.asarray(estimates, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        products = np.sum(references * estimates, axis=axis, keepdims=True)
        scale = products / energy(references, axis, keepdims=True)
    target = scale * references
    return decibels(energy(target, axis), energy(target - estimates, axis))
