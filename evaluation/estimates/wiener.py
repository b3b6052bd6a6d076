"""Divides a mixture by the Wiener filter of all its sources and channels together.

How loud a source is in every bin is given; from where in stereo it comes is the same in all columns
of a stretch, and is learnt from them. Both make a model of the mixture by which that is divided
anew, as often as is wanted: expectation maximisation in the simplified form of Nugraha et al.,
"Multichannel music separation with deep neural networks" (EUSIPCO 2016), with what the package
openunmix takes for constants and first phases.

Axes: K sources, M windows, C channels, F frequencies.
"""

import numpy as np

from evaluation.estimates.short_time import Floats, Spectra

# Power of the noise that is assumed beside the sources.
_NOISE = 1e-10
# A mixture whose loudest bin is above it is turned down to it.
_LOUDEST = 10.0


def filter_together(mixture: Spectra, magnitudes: Floats, num_iterations: int) -> Spectra:
    """Divides a mixture among its sources.

    Args:
        mixture: its spectra, (M, C, F).
        magnitudes: those of the estimates, (K, M, C, F).
        num_iterations: how often sources are estimated anew.

    Returns:
        The spectra of the sources, (K, M, C, F).
    """
    scale = max(1.0, np.abs(mixture).max(initial=0.0) / _LOUDEST)
    heard = mixture / scale
    # The sources begin with the phase of the mixture.
    sources = magnitudes / scale * np.exp(1j * np.angle(heard))
    noise = np.sqrt(_NOISE) * np.eye(mixture.shape[1])
    for _ in range(num_iterations):
        # v_k, the power of a source over channels: (K, M, F)
        powers = np.square(np.abs(sources)).mean(axis=2)
        # R_k = sum over windows of s s^H / sum over windows of v_k: (K, F, C, C)
        spread = np.einsum("kmcf,kmdf->kfcd", sources, sources.conj())
        spread /= (_NOISE + powers.sum(axis=1))[..., None, None]
        # That of the mixture, sum over sources of v_k R_k: (M, F, C, C)
        covariances = noise + np.einsum("kmf,kfcd->mfcd", powers, spread)
        # v_k R_k applied to what the inverse makes of the mixture
        whitened = _solve(covariances, heard.swapaxes(1, 2))
        sources = np.einsum("kmf,kfcd,mfd->kmcf", powers, spread, whitened, optimize=True)
    return np.asarray(sources * scale)


def _solve(matrices: Spectra, vectors: Spectra) -> Spectra:
    """Solves equations of one or two unknowns: (..., C, C), (..., C) -> (..., C)."""
    if vectors.shape[-1] == 1:
        return np.asarray(vectors / matrices[..., 0])
    # By Cramer's rule, many times as fast as LAPACK for so many small ones.
    (a, b), (c, d) = np.moveaxis(matrices, (-2, -1), (0, 1))
    x, y = np.moveaxis(vectors, -1, 0)
    return np.stack([d * x - b * y, a * y - c * x], axis=-1) / (a * d - b * c)[..., None]
