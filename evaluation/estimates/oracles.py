"""What oracles reach that know the sources: time-frequency masks and a Wiener filter, bounds for a separator.

The three of SiSEC 2018 (F.-R. Stöter, A. Liutkus, N. Ito, "The 2018 Signal Separation Evaluation Campaign", LVA/ICA
2018), under the names that their results are published by. X is the short-time spectrum of the mixture, Y_j that of
source j:

``IBM1``
    ideal binary mask on magnitudes, channel by channel: X where |Y_j| >= |X| / 2, else nothing. Sources that cancel
    each other may both have a bin, and one without a majority goes to nobody.
``IRM1``
    ideal ratio mask on magnitudes, channel by channel: X |Y_j| / sum_i |Y_i|.
``MWF``
    multichannel Wiener filter of the local Gaussian model with a spatial covariance R_j per frequency and a power v_j
    per bin: v_j R_j (sum_i v_i R_i)^-1 X. After N. Q. K. Duong, E. Vincent, R. Gribonval, "Under-determined
    reverberant audio source separation using a full-rank spatial covariance model", IEEE Transactions on Audio,
    Speech and Language Processing 18 (7), 2010. With one channel it is the ratio mask on powers (IRM2).

SiSEC's windows have 2048 frames at 44.1 kHz and overlap by half; ours, twice as long, overlap by three quarters.

Axes: K slots, J of them that sound, T frames of the track, C channels, M windows, F frequencies.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

ORACLES = ("IBM1", "IRM1", "MWF")

Waveforms = NDArray[np.floating[Any]]
Spectra = NDArray[np.complex128]
Floats = NDArray[np.float64]

_HOP_SECS = 512 / 22050
_OVERLAP = 4  # hops in a window
_CONTEXT = _OVERLAP - 1  # hops on each side of a block that its windows reach
_BLOCK_HOPS = 32  # at a time, so that many sources take little memory
_LOADING = 1e-6  # what a source may have off its directions; less, and the rounding of a mono one would steer
_NOTHING = 1e-30  # a power below it is none


class StretchReader(Protocol):
    """A track of which any frames can be had, in memory or not."""

    def __call__(self, start: int, stop: int) -> tuple[Waveforms, Waveforms]:
        """Frames of the mixture (T, C) and of the J references that sound (J, T, C), within the track."""


def oracle_stretch(
    read: StretchReader,
    num_frames: int,
    start: int,
    stop: int,
    sample_rate: int,
    covariances: Spectra,
) -> dict[str, NDArray[np.float32]]:
    """The estimates of every oracle for frames [start, stop) of a track: oracle -> (J, stop - start, C).

    Args:
        read: the track.
        num_frames: its length.
        start: the first frame.
        stop: the frame behind the last one.
        sample_rate: frames per second.
        covariances: of the track, see :func:`spatial_covariances`.
    """
    hop = _hop_frames(sample_rate)
    blocks: dict[str, list[NDArray[np.float32]]] = {name: [] for name in ORACLES}
    first = start - start % hop
    for block in _blocks(first, stop, hop):
        mixed, sources = _stft(read, block, num_frames, hop)
        masked = (
            _binary_mask(mixed, sources),
            _ratio_mask(mixed, sources),
            _wiener(mixed, sources, covariances),
        )
        for name, spectra in zip(ORACLES, masked, strict=True):
            blocks[name].append(_istft(spectra, hop).astype(np.float32))
    return {
        name: np.concatenate(parts, axis=1)[:, start - first : stop - first]
        for name, parts in blocks.items()
    }


def covariance_sums(
    read: StretchReader, num_frames: int, start: int, stop: int, sample_rate: int
) -> Spectra:
    """What frames [start, stop) of a track add to the covariances of its sources, (J, F, C, C)."""
    hop = _hop_frames(sample_rate)
    sums: Any = 0
    for block in _blocks(-(-start // hop) * hop, stop, hop):  # the hops that begin here
        _, sources = _stft(read, block, num_frames, hop)
        sources = sources[:, :-_CONTEXT]  # its last windows are the next block's first
        power = np.square(np.abs(sources)).sum(axis=2)
        weight = np.divide(1, power, out=np.zeros_like(power), where=power > _NOTHING)
        sums = sums + np.einsum(
            "jmcf,jmdf,jmf->jfcd", sources, sources.conj(), weight, optimize=True
        )
    return np.asarray(sums)


def spatial_covariances(sums: Iterable[Spectra]) -> Spectra:
    """How a source lies in the channels at each frequency: mean of Y Y^H / |Y|^2 over the track, (J, F, C, C).

    Args:
        sums: of consecutive stretches of the track, see :func:`covariance_sums`.
    """
    summed = np.asarray(sum(sums))
    channels = summed.shape[-1]
    trace = np.trace(summed, axis1=-2, axis2=-1).real[..., None, None]
    normalised = channels * np.divide(summed, trace, out=np.zeros_like(summed), where=trace > 0)
    return normalised + _LOADING * np.eye(channels)


def _binary_mask(mixture: Spectra, sources: Spectra) -> Spectra:
    return np.where(np.abs(sources) >= np.abs(mixture) / 2, mixture, 0)


def _ratio_mask(mixture: Spectra, sources: Spectra) -> Spectra:
    magnitudes = np.abs(sources)
    return mixture * (magnitudes / np.maximum(magnitudes.sum(axis=0), np.sqrt(_NOTHING)))


def _wiener(mixture: Spectra, sources: Spectra, covariances: Spectra) -> Spectra:
    """Mixture (1, M, C, F), sources (J, M, C, F), covariances (J, F, C, C)."""
    channels = sources.shape[2]
    inverse = np.linalg.inv(covariances)
    powers = (
        np.einsum("jmcf,jfcd,jmdf->jmf", sources.conj(), inverse, sources, optimize=True).real
        / channels
    )
    total = np.einsum("jmf,jfcd->mfcd", powers, covariances, optimize=True)
    total[np.trace(total, axis1=-2, axis2=-1).real < _NOTHING] = np.eye(
        channels
    )  # any: its powers are zero
    whitened = np.linalg.solve(total, mixture[0].swapaxes(1, 2)[..., None])[..., 0]
    return np.einsum("jmf,jfcd,mfd->jmcf", powers, covariances, whitened, optimize=True)


def _hop_frames(sample_rate: int) -> int:
    return max(round(_HOP_SECS * sample_rate), 1)


def _blocks(start: int, stop: int, hop: int) -> Iterator[slice]:
    """Frames in blocks that begin at a hop, as ``start`` does."""
    for first in range(start, stop, _BLOCK_HOPS * hop):
        yield slice(first, min(first + _BLOCK_HOPS * hop, stop))


def _stft(read: StretchReader, block: slice, num_frames: int, hop: int) -> tuple[Spectra, Spectra]:
    """Spectra (1, M, C, F) and (J, M, C, F) of every window that touches a block; beyond the ends lie zeros."""
    num_hops = -(-(block.stop - block.start) // hop)
    first, last = block.start - _CONTEXT * hop, block.start + (num_hops + _CONTEXT) * hop
    lead = max(-first, 0)
    mixture, references = read(first + lead, min(last, num_frames))

    def transform(waveforms: Waveforms) -> Spectra:
        missing = last - first - lead - waveforms.shape[1]
        padded = np.pad(waveforms.astype(np.float64), ((0, 0), (lead, missing), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, _OVERLAP * hop, axis=1)[:, ::hop]
        return np.asarray(scipy.fft.rfft(windows * _window(hop)))

    return transform(mixture[None]), transform(references)


def _istft(spectra: Spectra, hop: int) -> Floats:
    """Overlap-add of (J, M, C, F) over the hops that all their windows cover: (J, (M - 3) hop, C)."""
    size, channels = _OVERLAP * hop, spectra.shape[2]
    windows = scipy.fft.irfft(spectra, size) * _window(hop)
    num_hops = spectra.shape[1] - _CONTEXT
    parts = windows.reshape(*windows.shape[:-1], _OVERLAP, hop)
    added = sum(parts[:, _CONTEXT - i : _CONTEXT - i + num_hops, :, i] for i in range(_OVERLAP))
    scale = np.square(_window(hop)).sum() / hop  # what the squared windows add up to at every frame
    return np.asarray(added).swapaxes(2, 3).reshape(len(spectra), num_hops * hop, channels) / scale


def _window(hop: int) -> Floats:
    return np.asarray(scipy.signal.windows.hann(_OVERLAP * hop, sym=False))
