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

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data_prep.audio import activity
from evaluation.metrics.least_squares import Delays, Subspace

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
    return activity.snr(references, estimates), *energies(
        references, estimates, filter_taps
    ).images()


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
            raise ValueError(
                f"{name} {np.argwhere(silent)[0]} is silent: its ratios are not defined, leave it out."
            )


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
    references, estimates = pad(references, filter_taps - 1), pad(estimates, filter_taps - 1)
    sounding = np.flatnonzero(references.any(axis=_SIGNAL))
    space = _Space(references[sounding], filter_taps) if sounding.size else None

    def target(j: int, own: Integers) -> Floats:
        estimate = estimates[chosen[own]]
        if space is None or j not in sounding:
            return np.zeros_like(estimate)
        return space.project(estimate, only=int(np.searchsorted(sounding, j)))

    explained = space.project(estimates) if space else np.zeros_like(estimates)
    return relate(references, estimates, chosen, owners, explained, target)


def relate(
    references: Floats,
    estimates: Floats,
    chosen: Integers,
    owners: Integers,
    everything: Floats,
    target_of: Callable[[int, Integers], Floats],
) -> Energies:
    """The energies of P pairs, whose decomposition is at hand.

    Args:
        references: shape (J, C, T).
        estimates: shape (N, C, T).
        chosen: shape (P,), the estimate of each pair.
        owners: shape (P,), its reference.
        everything: P e of each estimate, (N, C, T).
        target_of: (reference j, its pairs) -> P_j e of each of these pairs, (pairs, C, T).
    """
    energies = Energies(*np.zeros((len(Energies._fields), len(chosen))))
    for j in np.unique(owners):
        own = np.flatnonzero(owners == j)
        reference, estimate, explained = (
            references[j],
            estimates[chosen[own]],
            everything[chosen[own]],
        )
        target = target_of(int(j), own)
        energies.reference[own] = _energy(reference, _SIGNAL)
        energies.spatial[own] = _energy(target - reference, _SIGNAL)
        energies.target[own] = _energy(target, _SIGNAL)
        energies.distortion[own] = _energy(estimate - target, _SIGNAL)
        energies.interference[own] = _energy(explained - target, _SIGNAL)
        energies.projection[own] = _energy(explained, _SIGNAL)
        energies.artifacts[own] = _energy(estimate - explained, _SIGNAL)
    return energies


def working_bytes(
    num_references: int, num_estimates: int, num_frames: int, channels: int, filter_taps: int
) -> int:
    """About how much memory :func:`pair_energies` takes at most, but for ``projection.rare_bytes``."""
    signals, estimates, frames = (
        num_references * channels,
        num_estimates * channels,
        num_frames + filter_taps - 1,
    )
    factors = (signals * filter_taps) ** 2 + num_references * (channels * filter_taps) ** 2
    waveforms = 5 * (estimates + signals) * frames
    products = 3 * 4 * estimates * signals * filter_taps
    return 8 * (factors + waveforms + products)


_SIGNAL = (-2, -1)  # channels and frames, in this order from here on


def pad(signals: Floats, frames: int) -> Floats:
    """Zeros at the end: (..., T, C) -> (..., C, T + frames)."""
    return np.pad(signals.swapaxes(-1, -2), [(0, 0)] * (signals.ndim - 1) + [(0, frames)])


class _Space:
    """The signals that filters of L taps make of some references, of all of them and of each."""

    def __init__(self, references: Floats, filter_taps: int) -> None:
        """References of shape (J, C, T + L - 1), the last L - 1 frames 0, none silent in all channels."""
        spans = [_span(channels) for channels in references]
        delays = Delays(np.concatenate(spans), filter_taps)
        self._all = Subspace(delays)
        stops = np.cumsum([len(span) for span in spans]).tolist()
        own = [
            delays.part(slice(stop - len(span), stop))
            for span, stop in zip(spans, stops, strict=True)
        ]
        # Alone, a reference has exactly no interference.
        self._own = [Subspace(each) for each in own] if len(own) > 1 else [self._all]

    def project(self, signals: Floats, only: int | None = None) -> Floats:
        """The projection of signals (N, C, T + L - 1) on the space of all references, or on that of ``only`` one."""
        space = self._all if only is None else self._own[only]
        return space.project(signals.reshape(-1, signals.shape[-1])).reshape(signals.shape)


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
        scale = np.sum(references * estimates, axis=axis, keepdims=True) / _energy(
            references, axis, keepdims=True
        )
    target = scale * references
    return _decibels(_energy(target, axis), _energy(target - estimates, axis))


def _energy(signals: Floats, axis: int | tuple[int, ...] = -1, keepdims: bool = False) -> Floats:
    return np.asarray(np.sum(np.square(signals), axis=axis, keepdims=keepdims))


def _decibels(numerator: Floats, denominator: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(10 * np.log10(numerator / denominator))
