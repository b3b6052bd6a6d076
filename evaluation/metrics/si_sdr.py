"""Computes the scale-invariant SDR and SAR.

J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019,
Section 2: the BSS Eval of one tap. An estimate is split into a s + e_interf + e_artif: its
projection on its reference, what else of it lies in the span of all references, and the rest.
"""

import numpy as np
from numpy.typing import ArrayLike

from evaluation.metrics.delays import Floats
from evaluation.metrics.energies import SIGNAL_AXES, decibels, energy

# Of the largest: below it a direction of the references is one of rounding errors.
_LEAST_EIGENVALUE = 1e-12


def si_sdr(references: ArrayLike, estimates: ArrayLike, axis: int | tuple[int, ...] = -1) -> Floats:
    """Computes the scale-invariant SDR in dB: |a s|^2 / |a s - e|^2 with a = <e, s> / |s|^2.

    No mean is taken off.

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
    target = _target(references, estimates, axis)
    return decibels(energy(target, axis), energy(target - estimates, axis))


def span(references: ArrayLike) -> Floats:
    """Returns an orthonormal basis of what references span.

    Args:
        references: shape (J, T, C), each of which sounds; all channels are one signal.

    Returns:
        Shape (D, T C), D at most J: as many as are independent.
    """
    references = np.asarray(references, np.float64)
    flat = references.reshape(len(references), -1)
    # Of one level, so that a quiet reference does not look like a rounding error.
    flat = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    # The Gram matrix is small, J by J: with G = V W V^T the rows of W^-1/2 V^T S are orthonormal.
    eigenvalues, vectors = np.linalg.eigh(flat @ flat.T)
    kept = eigenvalues > _LEAST_EIGENVALUE * eigenvalues[-1]
    return (vectors[:, kept] / np.sqrt(eigenvalues[kept])).T @ flat


def si_sar(references: ArrayLike, estimates: ArrayLike, basis: Floats) -> Floats:
    """Computes the scale-invariant SAR in dB: |a s|^2 / |e_artif|^2, a as of :func:`si_sdr`.

    Args:
        references: shape (J, T, C), all channels share one scale.
        estimates: the same shape.
        basis: of all references that sound, as :func:`span` gives it.

    Returns:
        Shape (J,); above 250 or inf for what lies in the span, nan for a silent estimate.
    """
    references = np.asarray(references, np.float64)
    estimates = np.asarray(estimates, np.float64)
    # (J, T, C) -> (J, T C), also of no estimates.
    artifacts = estimates.reshape(len(estimates), basis.shape[1])
    # Once more for what rounding has left of the first projection.
    for _ in range(2):
        artifacts = artifacts - (artifacts @ basis.T) @ basis
    target = _target(references, estimates, SIGNAL_AXES)
    return decibels(energy(target, SIGNAL_AXES), energy(artifacts, -1))


def _target(references: Floats, estimates: Floats, axis: int | tuple[int, ...]) -> Floats:
    """Returns what of each estimate is its reference, a s."""
    with np.errstate(divide="ignore", invalid="ignore"):
        products = np.sum(references * estimates, axis=axis, keepdims=True)
        scale = products / energy(references, axis, keepdims=True)
        return scale * references
