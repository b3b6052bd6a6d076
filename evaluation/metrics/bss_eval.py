"""Tells how well an estimate matches a reference: BSS Eval v3 and v4, in float64.

BSS Eval: E. Vincent, R. Gribonval and C. Fevotte, "Performance measurement in blind audio source
separation", IEEE Transactions on Audio, Speech and Language Processing 14 (4), 2006. A source may
be changed by a time-invariant filter, here of 512 taps (Section III-B). With P_j the orthogonal
projection on the delayed versions of all channels of reference j, and P the one on those of all
references, an estimate e of source s_j is split into

    e_spat = P_j e - s_j        e_interf = P e - P_j e        e_artif = e - P e             (1)

Version 3 ("sources") knows one channel and takes whatever a filter makes of s_j for the target:

    SDR = |P_j e|^2 / |e_interf + e_artif|^2                                                (2)
    SIR = |P_j e|^2 / |e_interf|^2                                                          (3)
    SAR = |P e|^2 / |e_artif|^2                                                             (4)

Version 4 ("images": E. Vincent et al., "The Signal Separation Evaluation Campaign (2007-2010)",
Signal Processing 92, 2012; as in museval: F.-R. Stoter, A. Liutkus and N. Ito, "The 2018 Signal
Separation Evaluation Campaign", LVA/ICA 2018) lets a filter lead from every channel to every
channel, counts e_spat as an error, and adds up the channels:

    SDR = |s_j|^2 / |e - s_j|^2                                                             (5)
    ISR = |s_j|^2 / |e_spat|^2                                                              (6)

with SIR and SAR as above, each as 10 log10. So its SDR is the plain signal-to-noise ratio, and with
one channel its SIR and SAR are those of version 3.

Axes: J references, N estimates, P pairs of an estimate and a reference, T frames, C channels, L
filter taps.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from numpy.typing import ArrayLike

from data_prep.audio import activity
from evaluation.metrics.delays import Floats
from evaluation.metrics.energies import Energies, Integers, Pairs, relate
from evaluation.metrics.reference_space import ReferenceSpace


def bss_eval_sources(
    references: ArrayLike, estimates: ArrayLike, filter_taps: int = 512
) -> tuple[Floats, Floats, Floats]:
    """Computes SDR, SIR and SAR of BSS Eval v3, equations (2) to (4).

    Estimates are paired with their references: no permutation is sought. One Gram matrix and one
    factorisation of the references serve all sets of estimates. With one reference there is no
    interference and SIR is inf.

    Args:
        references: shape (J, T), one channel.
        estimates: shape (..., J, T), one or more sets of estimates of the same references.
        filter_taps: length of the filter that an estimate is forgiven.

    Returns:
        sdr, sir and sar in dB, each of shape (..., J).

    Raises:
        ValueError: the shapes do not fit, a value is not finite, or a signal is silent.
    """
    references = np.asarray(references, np.float64)
    estimates = np.asarray(estimates, np.float64)
    _validate(references, estimates, ("sources", "frames"))
    return energies(references[..., None], estimates[..., None], filter_taps).sources()


def bss_eval_images(
    references: ArrayLike, estimates: ArrayLike, filter_taps: int = 512
) -> tuple[Floats, Floats, Floats, Floats]:
    """Computes SDR, ISR, SIR and SAR of BSS Eval v4, equations (5), (6), (3) and (4).

    The filters are fitted to these frames alone; else as :func:`bss_eval_sources`.

    Args:
        references: shape (J, T, C).
        estimates: shape (..., J, T, C).
        filter_taps: length of the filters from each channel to each.

    Returns:
        sdr, isr, sir and sar in dB, each of shape (..., J).

    Raises:
        ValueError: the shapes do not fit, a value is not finite, or a signal is silent in all
            channels.
    """
    references = np.asarray(references, np.float64)
    estimates = np.asarray(estimates, np.float64)
    _validate(references, estimates, ("sources", "frames", "channels"))
    isr, sir, sar = energies(references, estimates, filter_taps).images()
    return activity.snr(references, estimates), isr, sir, sar


def _validate(references: Floats, estimates: Floats, axes: Sequence[str]) -> None:
    """Refuses what BSS Eval is not defined for."""
    fits = references.ndim == len(axes) and estimates.shape[-len(axes) :] == references.shape
    if not fits or references.size == 0 or estimates.size == 0:
        expected = ", ".join(axes)
        raise ValueError(
            f"expected references of shape ({expected}), estimates of shape (..., {expected}) and "
            f"nothing empty; got {references.shape} and {estimates.shape}."
        )
    # All axes but those of sets and sources.
    signal = tuple(range(1 - len(axes), 0))
    for name, signals in (("reference", references), ("estimate", estimates)):
        broken = ~np.isfinite(signals).all(axis=signal)
        if broken.any():
            raise ValueError(f"{name} {np.argwhere(broken)[0]} has values that are not finite.")
        silent = ~signals.any(axis=signal)
        if silent.any():
            raise ValueError(
                f"{name} {np.argwhere(silent)[0]} is silent: its ratios are not defined, leave it "
                f"out."
            )


def energies(references: Floats, estimates: Floats, filter_taps: int) -> Energies:
    """Computes the energies that both versions relate.

    A reference may be silent here (the other channels may hold it): it spans nothing, so its target
    is silence, and whatever of its estimate the other references explain is interference.

    Args:
        references: shape (J, T, C), finite.
        estimates: shape (..., J, T, C), finite.
        filter_taps: L.

    Returns:
        Shape (..., J) each.
    """
    # (..., J, T, C) -> (N, T, C)
    flat = estimates.reshape(-1, *estimates.shape[-2:])
    chosen = np.arange(len(flat))
    pairs = Pairs(chosen, owners=chosen % max(len(references), 1), scales=np.ones(len(flat)))
    of_pairs = pair_energies(references, flat, pairs, filter_taps)
    return Energies(*(energy.reshape(estimates.shape[:-2]) for energy in of_pairs))


def pair_energies(
    references: Floats,
    estimates: Floats,
    pairs: Pairs,
    filter_taps: int,
    memory_lock: AbstractContextManager[object] | None = None,
) -> Energies:
    """Computes the energies of pairs of an estimate and a reference; else as :func:`energies`.

    An estimate of several references, as the mixture is, is projected on the space of all of them
    once.

    Args:
        references: shape (J, T, C), finite.
        estimates: shape (N, T, C), finite.
        pairs: which are related.
        filter_taps: L.
        memory_lock: is entered to take ``least_squares.rare_bytes``; None where no other process
            does.

    Returns:
        Shape (P,) each.
    """
    # (..., T, C) -> (..., C, T + L - 1)
    references = pad(references, filter_taps - 1)
    estimates = pad(estimates, filter_taps - 1)
    space = ReferenceSpace(references, filter_taps, memory_lock or nullcontext())

    def target_of(j: int, some: Integers) -> Floats:
        return space.project_on(j, estimates[some])

    explained = space.project(estimates)
    return relate(references, estimates, pairs, explained, target_of)


def working_bytes(
    num_references: int, num_estimates: int, num_frames: int, channels: int, filter_taps: int
) -> int:
    """Returns about how much memory :func:`pair_energies` takes at most.

    What it takes rarely is not in it: ``least_squares.rare_bytes``.
    """
    signals = num_references * channels
    estimates = num_estimates * channels
    frames = num_frames + filter_taps - 1
    # One factor for all references, and one for each.
    factors = (signals * filter_taps) ** 2 + num_references * (channels * filter_taps) ** 2
    waveforms = 5 * (estimates + signals) * frames
    # Products and filters are transformed at four times the taps, in complex numbers and copies.
    products = 3 * 4 * estimates * signals * filter_taps
    return 8 * (factors + waveforms + products)


def pad(signals: Floats, frames: int) -> Floats:
    """Appends zeros, and puts channels before frames: (..., T, C) -> (..., C, T + frames)."""
    widths = [(0, 0)] * (signals.ndim - 1) + [(0, frames)]
    return np.pad(signals.swapaxes(-1, -2), widths)
