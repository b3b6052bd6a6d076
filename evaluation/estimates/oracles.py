"""Computes what oracles reach that know the sources: bounds for a separator.

The three of SiSEC 2018 (F.-R. Stöter, A. Liutkus, N. Ito, "The 2018 Signal Separation Evaluation
Campaign", LVA/ICA 2018), under the names that their results are published by. X is the short-time
spectrum of the mixture, Y_j that of source j:

``IBM1``
    ideal binary mask on magnitudes, channel by channel: X where |Y_j| >= |X| / 2, else nothing (1).
    Sources that cancel each other may both have a bin, and one without a majority goes to nobody.
``IRM1``
    ideal ratio mask on magnitudes, channel by channel: X |Y_j| / sum_i |Y_i| (2).
``MWF``
    multichannel Wiener filter of the local Gaussian model with a spatial covariance R_j per
    frequency and a power v_j per bin: v_j R_j (sum_i v_i R_i)^-1 X (3). After N. Q. K. Duong, E.
    Vincent, R. Gribonval, "Under-determined reverberant audio source separation using a full-rank
    spatial covariance model", IEEE Transactions on Audio, Speech and Language Processing 18 (7),
    2010. With one channel it is the ratio mask on powers (IRM2).

SiSEC's windows have 2048 frames at 44.1 kHz and overlap by half; ours, twice as long, overlap by
three quarters.

Axes: J sources that sound, T frames of the track, C channels, M windows, F frequencies.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evaluation.estimates.short_time import (
    CONTEXT,
    Spectra,
    hop_frames,
    to_spectra,
    to_waveforms,
)

__all__ = ["ORACLES", "Spectra", "covariance_sums", "oracle_stretch", "spatial_covariances"]

ORACLES = ("IBM1", "IRM1", "MWF")

Waveforms = NDArray[np.floating[Any]]

# At a time, so that many sources take little memory.
_BLOCK_HOPS = 32
# What a source may have off its directions; less, and the rounding of a mono one would steer.
_LOADING = 1e-6
# A power below it is none.
_NOTHING = 1e-30


class StretchReader(Protocol):
    """Is a track of which any frames can be had, in memory or not."""

    def __call__(self, start: int, stop: int) -> tuple[Waveforms, Waveforms]:
        """Returns frames of the mixture (T, C) and of the J references that sound (J, T, C).

        The frames are within the track.
        """


def oracle_stretch(
    read: StretchReader,
    num_frames: int,
    start: int,
    stop: int,
    sample_rate: int,
    covariances: Spectra,
) -> dict[str, NDArray[np.float32]]:
    """Computes the estimates of every oracle for frames [start, stop) of a track.

    Args:
        read: the track.
        num_frames: its length.
        start: the first frame.
        stop: the frame behind the last one.
        sample_rate: frames per second.
        covariances: of the track, as :func:`spatial_covariances` returns them.

    Returns:
        Oracle -> shape (J, stop - start, C).
    """
    hop = hop_frames(sample_rate)
    blocks: dict[str, list[NDArray[np.float32]]] = {name: [] for name in ORACLES}
    # Windows begin at multiples of the hop, wherever the stretch begins.
    first = start - start % hop
    for block in _blocks(first, stop, hop):
        mixture, sources = _stft(read, block, num_frames, hop)
        masked = {
            "IBM1": _binary_mask(mixture, sources),
            "IRM1": _ratio_mask(mixture, sources),
            "MWF": _wiener(mixture, sources, covariances),
        }
        for name, spectra in masked.items():
            blocks[name].append(to_waveforms(spectra, hop).astype(np.float32))
    wanted = slice(start - first, stop - first)
    return {name: np.concatenate(parts, axis=1)[:, wanted] for name, parts in blocks.items()}


def covariance_sums(
    read: StretchReader, num_frames: int, start: int, stop: int, sample_rate: int
) -> Spectra:
    """Computes what frames [start, stop) of a track add to the covariances of its sources.

    Args:
        read: the track.
        num_frames: its length.
        start: the first frame.
        stop: the frame behind the last one.
        sample_rate: frames per second.

    Returns:
        Shape (J, F, C, C).
    """
    hop = hop_frames(sample_rate)
    sums: Any = 0
    # The hops that begin here: those of consecutive stretches are counted once.
    for block in _blocks(-(-start // hop) * hop, stop, hop):
        _, sources = _stft(read, block, num_frames, hop)
        # Its last windows are the next block's first.
        sources = sources[:, :-CONTEXT]
        # (J, M, C, F) -> (J, M, F)
        power = np.square(np.abs(sources)).sum(axis=2)
        weight = np.divide(1, power, out=np.zeros_like(power), where=power > _NOTHING)
        # sum over windows of Y Y^H / |Y|^2, (J, F, C, C)
        sums = sums + np.einsum(
            "jmcf,jmdf,jmf->jfcd", sources, sources.conj(), weight, optimize=True
        )
    return np.asarray(sums)


def spatial_covariances(sums: Iterable[Spectra]) -> Spectra:
    """Computes how a source lies in the channels at each frequency, (J, F, C, C).

    It is the mean of Y Y^H / |Y|^2 over the track, scaled to a trace of C: R_j of equation (3).

    Args:
        sums: of consecutive stretches of the track, as :func:`covariance_sums` returns them.
    """
    summed = np.asarray(sum(sums))
    channels = summed.shape[-1]
    trace = np.trace(summed, axis1=-2, axis2=-1).real[..., None, None]
    normalised = channels * np.divide(summed, trace, out=np.zeros_like(summed), where=trace > 0)
    # Invertible, also that of a mono source.
    return normalised + _LOADING * np.eye(channels)


def _binary_mask(mixture: Spectra, sources: Spectra) -> Spectra:
    """Computes equation (1): mixture (1, M, C, F), sources (J, M, C, F) -> (J, M, C, F)."""
    return np.where(np.abs(sources) >= np.abs(mixture) / 2, mixture, 0)


def _ratio_mask(mixture: Spectra, sources: Spectra) -> Spectra:
    """Computes equation (2), with the shapes of :func:`_binary_mask`."""
    magnitudes = np.abs(sources)
    return mixture * (magnitudes / np.maximum(magnitudes.sum(axis=0), np.sqrt(_NOTHING)))


def _wiener(mixture: Spectra, sources: Spectra, covariances: Spectra) -> Spectra:
    """Computes equation (3), with the shapes of :func:`_binary_mask`; covariances (J, F, C, C)."""
    channels = sources.shape[2]
    inverse = np.linalg.inv(covariances)
    # v_j = Y^H R_j^-1 Y / C, the likeliest power, (J, M, F)
    products = np.einsum("jmcf,jfcd,jmdf->jmf", sources.conj(), inverse, sources, optimize=True)
    powers = products.real / channels
    # sum_i v_i R_i, (M, F, C, C)
    total = np.einsum("jmf,jfcd->mfcd", powers, covariances, optimize=True)
    # Where nothing sounds any matrix will do: the powers that it is multiplied with are zero.
    total[np.trace(total, axis1=-2, axis2=-1).real < _NOTHING] = np.eye(channels)
    # (M, C, F) -> (M, F, C)
    spectra = mixture[0].swapaxes(1, 2)
    whitened = np.linalg.solve(total, spectra[..., None])[..., 0]
    return np.einsum("jmf,jfcd,mfd->jmcf", powers, covariances, whitened, optimize=True)


def _blocks(start: int, stop: int, hop: int) -> Iterator[slice]:
    """Yields frames in blocks that begin at a hop, as ``start`` does."""
    for first in range(start, stop, _BLOCK_HOPS * hop):
        yield slice(first, min(first + _BLOCK_HOPS * hop, stop))


def _stft(read: StretchReader, block: slice, num_frames: int, hop: int) -> tuple[Spectra, Spectra]:
    """Returns the spectra of every window that touches a block; beyond the track lie zeros.

    Returns:
        Those of the mixture, (1, M, C, F), and of the sources, (J, M, C, F).
    """
    num_hops = -(-(block.stop - block.start) // hop)
    first = block.start - CONTEXT * hop
    last = block.start + (num_hops + CONTEXT) * hop
    lead = max(-first, 0)
    mixture, references = read(first + lead, min(last, num_frames))

    def transform(waveforms: Waveforms) -> Spectra:
        missing = last - first - lead - waveforms.shape[1]
        padded = np.pad(waveforms.astype(np.float64), ((0, 0), (lead, missing), (0, 0)))
        return to_spectra(padded, hop)

    return transform(mixture[None]), transform(references)
