"""Computes short-time Fourier transforms of stretches of a track, and turns them back.

Sounds may come in blocks, so that none is ever whole in memory.

A window of Hann's form lasts four hops, and another one begins at every hop. What is transformed
and turned back unchanged is the same sound again: the squared windows add up to one number at every
frame that all of its windows cover.

Axes: J sounds or K sources, T frames, C channels, M windows, F frequencies.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from data_prep.audio.tracks import Waveform

Spectra = NDArray[np.complex128]
Floats = NDArray[np.float64]

# Hops in a window.
OVERLAP = 4
# Hops on each side of a block that its windows reach.
CONTEXT = OVERLAP - 1

# Of a block of spectra: at 44.1 kHz and in stereo a source takes 2 MB of it.
_BLOCK_WINDOWS = 32
# 1024 frames at 44.1 kHz.
_HOP_SECS = 512 / 22050


def hop_frames(sample_rate: int) -> int:
    """Returns how many frames lie between the beginnings of two windows."""
    return max(round(_HOP_SECS * sample_rate), 1)


def cut_windows(waveforms: NDArray[np.floating[Any]], hop: int) -> NDArray[np.floating[Any]]:
    """Returns views of the windows that lie within waveforms: (J, T, C) -> (J, M, C, window)."""
    length = OVERLAP * hop
    return np.lib.stride_tricks.sliding_window_view(waveforms, length, axis=1)[:, ::hop]


def transform(windows: NDArray[np.floating[Any]]) -> Spectra:
    """Returns the spectra of what lies in windows: (..., window) -> (..., F)."""
    return np.asarray(scipy.fft.rfft(windows * _hann(windows.shape[-1])))


def to_spectra(waveforms: NDArray[np.floating[Any]], hop: int) -> Spectra:
    """Transforms every window that lies within waveforms: (J, T, C) -> (J, M, C, F)."""
    return transform(cut_windows(waveforms, hop))


def to_waveforms(spectra: Spectra, hop: int) -> Floats:
    """Overlaps and adds (J, M, C, F) over the hops that all their windows cover.

    Returns:
        Shape (J, (M - 3) hop, C).
    """
    num_sources, num_windows, channels, _ = spectra.shape
    window = _hann(OVERLAP * hop)
    windows = scipy.fft.irfft(spectra, OVERLAP * hop) * window
    num_hops = num_windows - CONTEXT
    # (J, M, C, window) -> (J, M, C, overlap, hop)
    parts = windows.reshape(*windows.shape[:-1], OVERLAP, hop)
    # Part i of a window lies in the hop i behind its own: (J, hops, C, hop).
    added = sum(parts[:, CONTEXT - i : CONTEXT - i + num_hops, :, i] for i in range(OVERLAP))
    # What the squared windows add up to at every frame.
    scale = np.square(window).sum() / hop
    frames_first = np.asarray(added).swapaxes(2, 3)
    return frames_first.reshape(num_sources, num_hops * hop, channels) / scale


def iter_spectra(blocks: Iterable[Waveform], hop: int) -> Iterator[Spectra]:
    """Yields every window that touches a song, once and in order, in blocks (M, C, F).

    Before the song and behind it lie zeros.

    Args:
        blocks: consecutive ones of the song, (frames, C).
        hop: from a window to the next one, in frames.
    """
    num_frames = 0
    num_windows = 0
    block_frames = _BLOCK_WINDOWS * hop
    waiting: NDArray[Any] | None = None
    for block in blocks:
        if waiting is None:
            waiting = np.zeros((CONTEXT * hop, block.shape[1]), np.float32)
        num_frames += len(block)
        waiting = np.concatenate([waiting, block])
        while len(waiting) >= block_frames + CONTEXT * hop:
            # (frames, C) -> (1, M, C, F)
            yield to_spectra(waiting[None, : block_frames + CONTEXT * hop], hop)[0]
            num_windows += _BLOCK_WINDOWS
            waiting = waiting[block_frames:]
    if waiting is None:
        return
    # The last window begins in the last hop of the song.
    num_missing = -(-num_frames // hop) + CONTEXT - num_windows
    padding = (num_missing + CONTEXT) * hop - len(waiting)
    yield to_spectra(np.pad(waiting, ((0, padding), (0, 0)))[None], hop)[0]


def iter_waveforms(spectra: Iterable[Spectra], hop: int) -> Iterator[Waveform]:
    """Yields the sound (K, frames, C) of the windows of a song, which :func:`iter_spectra` yields.

    It begins with the song and ends with the hop in which that ends.

    Args:
        spectra: consecutive blocks (K, M, C, F) of any number of windows.
        hop: from a window to the next one, in frames.
    """
    waiting: Spectra | None = None
    for block in spectra:
        joined = block if waiting is None else np.concatenate([waiting, block], axis=1)
        if joined.shape[1] > CONTEXT:
            yield to_waveforms(joined, hop).astype(np.float32)
        # They reach into the hops that the next windows complete.
        waiting = joined[:, -CONTEXT:]


def in_stretches(blocks: Iterable[Spectra], num_windows: int) -> Iterator[Spectra]:
    """Yields spectra (M, ...) in blocks of so many windows, the last of which may be shorter."""
    waiting: list[Spectra] = []
    num_waiting = 0
    for block in blocks:
        waiting.append(block)
        num_waiting += len(block)
        while num_waiting >= num_windows:
            joined = np.concatenate(waiting)
            yield joined[:num_windows]
            waiting = [joined[num_windows:]]
            num_waiting -= num_windows
    if num_waiting:
        yield np.concatenate(waiting)


def _hann(num_frames: int) -> Floats:
    return np.asarray(scipy.signal.windows.hann(num_frames, sym=False))
