"""How well an estimate matches a reference: BSS Eval v3 and v4, and SI-SDR. Signal maths only, float64.

BSS Eval: E. Vincent, R. Gribonval and C. Fevotte, "Performance measurement in blind audio source separation", IEEE
Transactions on Audio, Speech and Language Processing 14 (4), 2006. A source may be changed by a time-invariant filter,
here of 512 taps (Section III-B). With P_j the orthogonal projection on the delayed versions of all channels of
reference j, and P the one on those of all references, an estimate e of source s_j is split into

    e_spat = P_j e - s_j        e_interf = P e - P_j e        e_artif = e - P e

Version 3 ("sources") knows one channel and takes whatever a filter makes of s_j for the target:

    SDR = |P_j e|^2 / |e_interf + e_artif|^2     SIR = |P_j e|^2 / |e_interf|^2     SAR = |P e|^2 / |e_artif|^2

Version 4 ("images": E. Vincent et al., "The Signal Separation Evaluation Campaign (2007-2010)", Signal Processing 92,
2012; as in museval: F.-R. Stoter, A. Liutkus and N. Ito, "The 2018 Signal Separation Evaluation Campaign", LVA/ICA
2018) lets a filter lead from every channel to every channel, counts e_spat as an error, and adds up the channels:

    SDR = |s_j|^2 / |e - s_j|^2     ISR = |s_j|^2 / |e_spat|^2     SIR and SAR as above     each as 10 log10.

So its SDR is the plain signal-to-noise ratio, and with one channel its SIR and SAR are those of version 3.

Axes: S sets of estimates (a model, a baseline, ...), J references, T frames, C channels, L filter taps.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.fft
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from data_prep import activity

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


class Energies(NamedTuple):
    """What the ratios of BSS Eval are made of, each of shape (..., J). Energies of several channels may be added."""

    reference: Floats  # |s_j|^2
    spatial: Floats  # |e_spat|^2
    target: Floats  # |P_j e|^2
    distortion: Floats  # |e_interf + e_artif|^2
    interference: Floats  # |e_interf|^2
    projection: Floats  # |P e|^2
    artifacts: Floats  # |e_artif|^2

    def sources(self) -> tuple[Floats, Floats, Floats]:
        """SDR, SIR and SAR of v3 in dB; inf where there is no error at all, nan where the estimate is silent."""
        return (_decibels(self.target, self.distortion), *self._sir_and_sar())

    def images(self) -> tuple[Floats, Floats, Floats]:
        """ISR, SIR and SAR of v4 in dB; inf and nan as in v3."""
        return (_decibels(self.reference, self.spatial), *self._sir_and_sar())

    def _sir_and_sar(self) -> tuple[Floats, Floats]:
        return _decibels(self.target, self.interference), _decibels(self.projection, self.artifacts)


def bss_eval_sources(
    references: ArrayLike, estimates: ArrayLike, filter_taps: int = 512
) -> tuple[Floats, Floats, Floats]:
    """SDR, SIR and SAR of BSS Eval v3 for estimates that are paired with their references (no permutation).

    One Gram matrix and one factorisation of the references serve all sets of estimates. With one reference there is
    no interference and SIR is inf.

    Args:
        references: shape (J, T), one channel.
        estimates: shape (..., J, T), one or more sets of estimates of the same references.
        filter_taps: length of the filter that an estimate is forgiven.

    Returns:
        sdr, sir and sar in dB, each of shape (..., J).

    Raises:
        ValueError: the shapes do not fit, a value is not finite, or a signal is silent.
    """
    references, estimates = np.asarray(references, np.float64), np.asarray(estimates, np.float64)
    _validate(references, estimates, ("sources", "frames"))
    return energies(references[..., None], estimates[..., None], filter_taps).sources()


def bss_eval_images(
    references: ArrayLike, estimates: ArrayLike, filter_taps: int = 512
) -> tuple[Floats, Floats, Floats, Floats]:
    """SDR, ISR, SIR and SAR of BSS Eval v4, with filters for these frames alone; else as :func:`bss_eval_sources`.

    Args:
        references: shape (J, T, C).
        estimates: shape (..., J, T, C).
        filter_taps: length of the filters from each channel to each.

    Returns:
        sdr, isr, sir and sar in dB, each of shape (..., J).

    Raises:
        ValueError: the shapes do not fit, a value is not finite, or a signal is silent in all channels.
    """
    references, estimates = np.asarray(references, np.float64), np.asarray(estimates, np.float64)
    _validate(references, estimates, ("sources", "frames", "channels"))
    return activity.snr(references, estimates), *energies(references, estimates, filter_taps).images()


def _validate(references: Floats, estimates: Floats, axes: Sequence[str]) -> None:
    """Refuse what BSS Eval is not defined for."""
    fits = references.ndim == len(axes) and estimates.shape[-len(axes) :] == references.shape
    if not fits or references.size == 0 or estimates.size == 0:
        expected = ", ".join(axes)
        raise ValueError(
            f"expected references of shape ({expected}), estimates of shape (..., {expected}) and nothing empty; got "
            f"{references.shape} and {estimates.shape}."
        )
    signal = tuple(range(1 - len(axes), 0))
    for name, signals in (("reference", references), ("estimate", estimates)):
        broken, silent = ~np.isfinite(signals).all(axis=signal), ~signals.any(axis=signal)
        if broken.any():
            raise ValueError(f"{name} {np.argwhere(broken)[0]} has values that are not finite.")
        if silent.any():
            raise ValueError(f"{name} {np.argwhere(silent)[0]} is silent: its ratios are not defined, leave it out.")


def energies(references: Floats, estimates: Floats, filter_taps: int) -> Energies:
    """The energies that both versions relate, for a caller that adds them over channels or needs both.

    A reference may be silent here (the other channels may hold it): it spans nothing, so its target is silence and
    whatever of its estimate the other references explain is interference.

    Args:
        references: shape (J, T, C), finite.
        estimates: shape (..., J, T, C), finite.
        filter_taps: L.
    """
    sets = estimates.reshape(-1, *estimates.shape[-2:])
    owners = np.arange(len(sets)) % max(len(references), 1)
    found = pair_energies(references, sets, np.arange(len(sets)), owners, filter_taps)
    return Energies(*(energy.reshape(estimates.shape[:-2]) for energy in found))


def pair_energies(
    references: Floats, estimates: Floats, chosen: Integers, owners: Integers, filter_taps: int
) -> Energies:
    """The energies of pairs of an estimate and a reference, each of shape (P,); else as :func:`energies`.

    An estimate of several references, as the mixture is, is projected on the space of all of them once.

    Args:
        references: shape (J, T, C), finite.
        estimates: shape (N, T, C), finite.
        chosen: shape (P,), the estimate of each pair.
        owners: shape (P,), its reference.
        filter_taps: L.
    """
    references, estimates = _pad(references, filter_taps - 1), _pad(estimates, filter_taps - 1)
    energies = Energies(*np.zeros((len(Energies._fields), len(chosen))))
    sounding = np.flatnonzero(references.any(axis=_SIGNAL))
    space = _Space(references[sounding], filter_taps) if sounding.size else None
    everything = space.project(estimates) if space else np.zeros_like(estimates)
    for j in np.unique(owners):
        own = np.flatnonzero(owners == j)
        reference, estimate, explained = references[j], estimates[chosen[own]], everything[chosen[own]]
        target = np.zeros_like(estimate)
        if space and j in sounding:
            target = space.project(estimate, only=int(np.searchsorted(sounding, j)))
        energies.reference[own] = _energy(reference, _SIGNAL)
        energies.spatial[own] = _energy(target - reference, _SIGNAL)
        energies.target[own] = _energy(target, _SIGNAL)
        energies.distortion[own] = _energy(estimate - target, _SIGNAL)
        energies.interference[own] = _energy(explained - target, _SIGNAL)
        energies.projection[own] = _energy(explained, _SIGNAL)
        energies.artifacts[own] = _energy(estimate - explained, _SIGNAL)
    return energies


def working_bytes(num_references: int, num_estimates: int, num_frames: int, channels: int, filter_taps: int) -> int:
    """About how much memory :func:`pair_energies` takes at most, as long as Cholesky serves."""
    signals, frames = num_references * channels, num_frames + filter_taps - 1
    gram = (signals * filter_taps) ** 2 + num_references * (channels * filter_taps) ** 2
    waveforms = (2 * num_estimates + 3 * signals) * channels * frames + num_estimates * channels * signals * filter_taps
    return 8 * (gram + 2 * waveforms)


_SIGNAL = (-2, -1)  # channels and frames, in this order from here on


def _pad(signals: Floats, frames: int) -> Floats:
    """Zeros at the end: (..., T, C) -> (..., C, T + frames)."""
    return np.pad(signals.swapaxes(-1, -2), [(0, 0)] * (signals.ndim - 1) + [(0, frames)])


class _Cholesky(NamedTuple):
    """A factorised Gram matrix."""

    lower: Floats
    passes: int  # solutions with it, each of the residual that the one before has left

    def solve(self, right: Floats) -> Floats:
        """Solve for each row of ``right``, shape (N, R L)."""
        solution, _ = scipy.linalg.lapack.dpotrs(self.lower, right.T, lower=1)
        return solution.T


def _factorise(gram: Floats, norm: float) -> _Cholesky | None:
    """The Cholesky factor, written over ``gram``; None where rounding leaves no digit of it (see _Space).

    Args:
        gram: its upper triangle.
        norm: its 1-norm.
    """
    lapack: Any = scipy.linalg.lapack
    # gram.T is gram in LAPACK's order of the elements: nothing is copied, and the triangle is the lower one.
    lower, failed = lapack.dpotrf(gram.T, lower=1, clean=0, overwrite_a=1)
    if failed:
        return None
    reciprocal_condition, _ = lapack.dpocon(lower, norm, uplo="L")
    # A pass shrinks the error to about epsilon times the condition number in the 2-norm, sqrt(size) below the 1-norm's.
    shrink = np.finfo(np.float64).eps / max(reciprocal_condition * math.sqrt(len(gram)), 1e-300)
    return _Cholesky(lower, math.ceil(-7 / math.log10(shrink))) if shrink < 0.3 else None  # the error is below 1e-7


class _Space:
    """The signals that filters of L taps make of some references: the columns of A, shape (T + L - 1, R L).

    R is the number of signals that span the references: as a rule J C (see _span).

    The normal equations lose half the digits, and the Gram matrix of band-limited references has a condition number of
    1e10 and more. So what Cholesky makes of them is corrected with the residual of the signals themselves (corrected
    semi-normal equations: A. Bjorck, "Stability analysis of the method of seminormal equations for linear least
    squares problems", Linear Algebra and its Applications 88/89, 1987). That comes to what an orthogonal factorisation
    of A gives, as long as the Cholesky factor has any digits. Where it has none (duplicates of a reference, hardly any
    noise outside the band) A itself is factorised: seconds to minutes instead of a tenth of a second per segment.
    """

    def __init__(self, references: Floats, filter_taps: int) -> None:
        """References of shape (J, C, T + L - 1), the last L - 1 frames 0, none silent in all channels."""
        spans = [_span(channels) for channels in references]
        self._references = np.concatenate(spans)  # (R, T + L - 1)
        self._taps = filter_taps
        self._frames = references.shape[-1]
        self._num_fft = scipy.fft.next_fast_len(self._frames, real=True)  # no product of lags below L wraps around
        self._spectra = scipy.fft.rfft(self._references, self._num_fft)  # (R, frequencies)
        gram, norms = self._make_gram()
        stops = np.cumsum([len(span) for span in spans]).tolist()
        self._own = [slice(stop - len(span), stop) for span, stop in zip(spans, stops, strict=True)]
        own_factors = []
        for own in self._own if len(spans) > 1 else []:
            block = slice(own.start * filter_taps, own.stop * filter_taps)
            own_factors.append(_factorise(gram[block, block].copy(), norms[own, own].sum(axis=0).max()))
        self._factor = _factorise(gram, norms.sum(axis=0).max())
        self._own_factors = own_factors or [self._factor]  # alone, a reference has exactly no interference

    def _make_gram(self) -> tuple[Floats, Floats]:
        """A^T A, shape (R L, R L), from the correlations: <s_i delayed by a, s_j delayed by b> = r_ij[a - b].

        It is symmetric: the blocks below the diagonal are left as they are. The second result, shape (R, R), bounds the
        1-norm of each block, at most twice too high.
        """
        taps, size = self._taps, len(self._spectra)
        gram, norms = np.empty((size, taps, size, taps)), np.zeros((size, size))
        for i, spectrum in enumerate(self._spectra):
            lags = scipy.fft.irfft(spectrum.conj() * self._spectra[i:], self._num_fft)
            lags = np.concatenate([lags[:, self._num_fft - taps + 1 :], lags[:, :taps]], axis=-1)  # 1 - L ... L - 1
            blocks = np.lib.stride_tricks.sliding_window_view(lags, taps, axis=-1)[..., ::-1]  # (R - i, L, L)
            gram[i, :, i:] = blocks.swapaxes(0, 1)
            norms[i, i:] = norms[i:, i] = np.abs(lags).sum(axis=-1)
        return gram.reshape(size * taps, size * taps), norms

    def project(self, signals: Floats, only: int | None = None) -> Floats:
        """The projection of signals (..., T + L - 1) on the space of all references, or on that of ``only`` one."""
        everything = (slice(None), self._factor)
        chosen, factor = everything if only is None else (self._own[only], self._own_factors[only])
        flat = signals.reshape(-1, self._frames)
        if factor is None:
            return _project_by_svd(self._references[chosen], self._taps, flat).reshape(signals.shape)
        filters, projection = np.zeros((len(flat), len(factor.lower))), np.zeros_like(flat)
        for _ in range(factor.passes):
            filters += factor.solve(self._correlate(chosen, flat - projection))
            projection = self._filter(chosen, filters)
        return projection.reshape(signals.shape)

    def _correlate(self, chosen: slice, signals: Floats) -> Floats:
        """A^T x for each of N signals: (N, T + L - 1) -> (N, R L)."""
        references = self._spectra[chosen].conj()
        correlations = np.empty((len(signals), len(references), self._taps))
        for n, spectrum in enumerate(scipy.fft.rfft(signals, self._num_fft)):  # one by one: their products are large
            correlations[n] = scipy.fft.irfft(spectrum * references, self._num_fft)[:, : self._taps]
        return correlations.reshape(len(signals), -1)

    def _filter(self, chosen: slice, filters: Floats) -> Floats:
        """A c for each of N sets of filters: (N, R L) -> (N, T + L - 1)."""
        references, filtered = self._spectra[chosen], np.empty((len(filters), self._num_fft // 2 + 1), np.complex128)
        for n, each in enumerate(filters.reshape(len(filters), -1, self._taps)):
            filtered[n] = np.einsum("jf,jf->f", scipy.fft.rfft(each, self._num_fft), references)
        return scipy.fft.irfft(filtered, self._num_fft)[:, : self._frames]


def _span(channels: Floats) -> Floats:
    """Orthonormal mixtures of the channels of a source that span what they span: (C, T) -> (C or fewer, T).

    A projection does not depend on gains or on how channels are mixed. Equal gains keep a soft reference from looking
    like a dependent one, and so does the difference of two nearly equal channels, scaled up. What is below their
    rounding error is none: a mono source in stereo is spanned by one signal.
    """
    sounding = channels[channels.any(axis=-1)]
    scaled = sounding / np.sqrt(_energy(sounding))[:, None]
    if len(scaled) == 1:
        return scaled
    _, axes = np.linalg.eigh(scaled @ scaled.T)
    mixed = axes.T @ scaled
    sizes = np.sqrt(_energy(mixed))
    kept = sizes > scaled.shape[-1] * np.finfo(np.float64).eps
    return np.asarray(mixed[kept] / sizes[kept, None])


def _project_by_svd(references: Floats, taps: int, signals: Floats) -> Floats:
    """Project on an orthonormal basis of the delayed references; directions below their rounding error are none."""
    padded = np.pad(references, ((0, 0), (taps - 1, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps, axis=-1)[..., ::-1]  # (R, T + L - 1, L)
    delayed = windows.transpose(0, 2, 1).reshape(-1, windows.shape[1]).T
    basis, triangle = scipy.linalg.qr(delayed, mode="economic", overwrite_a=True, check_finite=False)
    turned, sizes, _ = scipy.linalg.svd(triangle, full_matrices=False, check_finite=False)
    turned = turned[:, sizes > sizes[0] * max(delayed.shape) * np.finfo(np.float64).eps]
    return np.asarray(signals @ basis @ turned @ turned.T @ basis.T)


def si_sdr(references: ArrayLike, estimates: ArrayLike, axis: int | tuple[int, ...] = -1) -> Floats:
    """Scale-invariant SDR in dB: |a s|^2 / |a s - e|^2 with a = <e, s> / |s|^2; no mean is taken off.

    J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019.

    Args:
        references: shape (..., T), or (..., T, C) with ``axis=(-2, -1)``: all channels share one scale.
        estimates: the same shape.
        axis: the axes of one signal.

    Returns:
        Shape (...); inf for a reference at any gain, -inf for an estimate that has nothing of its reference, nan for a
        silent estimate or reference.
    """
    references, estimates = np.asarray(references, np.float64), np.asarray(estimates, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sum(references * estimates, axis=axis, keepdims=True) / _energy(references, axis, keepdims=True)
    target = scale * references
    return _decibels(_energy(target, axis), _energy(target - estimates, axis))


def _energy(signals: Floats, axis: int | tuple[int, ...] = -1, keepdims: bool = False) -> Floats:
    return np.asarray(np.sum(np.square(signals), axis=axis, keepdims=keepdims))


def _decibels(numerator: Floats, denominator: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(10 * np.log10(numerator / denominator))
