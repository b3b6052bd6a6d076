"""Transforms sounds that come in blocks, so that none is ever whole in memory.

Axes: K sources, T frames, C channels, M windows, F frequencies.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.tracks import Waveform
from evaluation.estimates.short_time import CONTEXT, Spectra, to_spectra, to_waveforms

# Of a block of spectra: at 44.1 kHz and in stereo a source takes 2 MB of it.
_BLOCK_WINDOWS = 32


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
