"""Works on waveforms that come in blocks, so that none is ever whole in memory.

Axes: N inputs of the network, K slots, T frames, C channels.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
import soxr

from data_prep.audio.tracks import BLOCK_FRAMES, Waveform


class Counted:
    """Counts the frames of blocks (frames, C) on their way."""

    def __init__(self, blocks: Iterable[Waveform]) -> None:
        self._blocks = iter(blocks)
        self.num_frames = 0

    def __iter__(self) -> "Counted":
        return self

    def __next__(self) -> Waveform:
        block = next(self._blocks)
        self.num_frames += len(block)
        return block


def resample(blocks: Iterator[Waveform], rate: int, sample_rate: int) -> Iterator[Waveform]:
    """Yields blocks (K, frames, C) at another rate, as if each of the K were resampled whole."""
    first = next(blocks)
    num_channels = first.shape[2]
    streams = [soxr.ResampleStream(rate, sample_rate, num_channels, quality="HQ") for _ in first]

    def convert(block: Waveform, last: bool) -> Waveform:
        parts = zip(streams, np.ascontiguousarray(block), strict=True)
        return np.stack([stream.resample_chunk(part, last=last) for stream, part in parts])

    # Of a low rate a block becomes many times as long.
    most_frames = max(1, BLOCK_FRAMES * rate // sample_rate)
    for block in pieces(chain([first], blocks), most_frames):
        yield convert(block, last=False)
    yield convert(first[:, :0], last=True)


def mono_at(blocks: Iterable[Waveform], rate: int, sample_rate: int) -> Iterator[Waveform]:
    """Yields the mean of all channels of blocks (frames, C) at another rate, (1, frames, 1)."""
    mono = (block.mean(axis=1, dtype=np.float32)[None, :, None] for block in blocks)
    return resample(mono, rate, sample_rate)


def pieces(blocks: Iterable[Waveform], most_frames: int = BLOCK_FRAMES) -> Iterator[Waveform]:
    """Yields blocks (..., frames, C) in pieces, one without frames as it is.

    What is computed of a whole one would be there several times at once.
    """
    for block in blocks:
        for start in range(0, max(block.shape[-2], 1), most_frames):
            yield block[..., start : start + most_frames, :]


def fit(blocks: Iterator[Waveform], counted: Counted) -> Iterator[Waveform]:
    """Yields blocks (K, frames, C) of as many frames together as came in, cut or with zeros.

    What has come in is always more than what has gone out, but at the end.
    """
    num_frames = 0
    for block in blocks:
        kept = block[:, : counted.num_frames - num_frames]
        num_frames += kept.shape[1]
        yield kept
    num_missing = counted.num_frames - num_frames
    if num_missing:
        yield np.zeros((len(kept), num_missing, kept.shape[2]), np.float32)


def mean(streams: Sequence[Iterator[Waveform]]) -> Iterator[Waveform]:
    """Yields the mean of streams of blocks (N, K, frames, C), which have one length in all.

    Their blocks may differ in length. The stream that is furthest behind is always the next to be
    read, and what it brings is added to one sum: however many there are, no more is held than what
    one block brings beyond the others. Some blocks that are yielded have no frames.
    """
    # How far each stream reaches into the sum.
    ends = [0] * len(streams)
    total = None
    while True:
        behind = ends.index(min(ends))
        block = next(streams[behind], None)
        if block is None:
            # All have one length, and what is of all of them has been yielded.
            return
        if total is None:
            total = block[:, :, :0].copy()
        start = ends[behind]
        ends[behind] += block.shape[2]
        num_missing = max(0, ends[behind] - total.shape[2])
        if num_missing:
            total = np.pad(total, ((0, 0), (0, 0), (0, num_missing), (0, 0)))
        total[:, :, start : ends[behind]] += block
        # Nothing large is held while the next block is computed, but the sum.
        del block
        num_whole = min(ends)
        for piece in pieces([total[:, :, :num_whole]]):
            yield piece / len(streams)
        if num_whole:
            total = total[:, :, num_whole:].copy()
            ends = [end - num_whole for end in ends]
