"""Keeps the outline of a waveform of any length in memory that does not grow.

Axes: T frames, C channels, P pixels.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.tracks import Waveform

# An even number; many times the pixels of a picture.
_MAX_BINS = 2**15
# Of a bin at first: a pixel of the shortest picture that is of use has more.
_FEWEST_FRAMES = 8


class Envelope:
    """Is the lowest and the highest value of a waveform, bin by bin, over all channels.

    When there is no more room, bins become twice as long.
    """

    def __init__(self) -> None:
        self._bin_frames = _FEWEST_FRAMES
        self._low = np.zeros(_MAX_BINS, np.float32)
        self._high = np.zeros(_MAX_BINS, np.float32)
        self._num_bins = 0
        # What is left behind the last bin, (T, C).
        self._rest: Waveform | None = None
        self.num_frames = 0

    def watch(
        self, blocks: Iterable[Waveform], progress: Callable[[int], Any]
    ) -> Iterator[Waveform]:
        """Yields blocks (T, C) on their way.

        Args:
            blocks: of the waveform.
            progress: is told how many more frames have come.
        """
        for block in blocks:
            self.add(block)
            progress(len(block))
            yield block

    def add(self, block: Waveform) -> None:
        """Adds frames (T, C) at the end."""
        self.num_frames += len(block)
        rest = block if self._rest is None else np.concatenate([self._rest, block])
        while len(rest) >= self._bin_frames:
            count = min(len(rest) // self._bin_frames, _MAX_BINS - self._num_bins)
            # (T, C) -> (bins, frames of a bin and channels)
            bins = rest[: count * self._bin_frames].reshape(count, -1)
            where = slice(self._num_bins, self._num_bins + count)
            self._low[where] = bins.min(axis=1)
            self._high[where] = bins.max(axis=1)
            self._num_bins += count
            rest = rest[count * self._bin_frames :]
            if self._num_bins == _MAX_BINS:
                self._halve()
        # Not a view, which would keep the whole block.
        self._rest = rest.copy()

    def _halve(self) -> None:
        half = _MAX_BINS // 2
        self._low[:half] = self._low.reshape(half, 2).min(axis=1)
        self._high[:half] = self._high.reshape(half, 2).max(axis=1)
        self._bin_frames *= 2
        self._num_bins = half

    def outline(self, num_pixels: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns the lowest and the highest value of what falls on each pixel, (P,) each."""
        low = self._low[: self._num_bins]
        high = self._high[: self._num_bins]
        if self._rest is not None and self._rest.size:
            low = np.append(low, self._rest.min())
            high = np.append(high, self._rest.max())
        if not len(low):
            return np.zeros(num_pixels, np.float32), np.zeros(num_pixels, np.float32)
        edges = np.linspace(0, self.num_frames / self._bin_frames, num_pixels + 1)
        # A bin belongs to each pixel on which some of it falls.
        starts = np.minimum(np.floor(edges[:-1]).astype(int), len(low) - 1)
        stops = np.maximum(np.ceil(edges[1:]).astype(int), starts + 1)
        bounds = list(zip(starts, stops, strict=True))
        return (
            np.array([low[start:stop].min() for start, stop in bounds]),
            np.array([high[start:stop].max() for start, stop in bounds]),
        )
