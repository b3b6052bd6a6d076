"""Computes means and deviations of cepstra over a waveform in blocks: the rival of a network.

Windows are 512 frames apart, centred. Of a file these are the features of the baseline of Choi,
Fazekas, Sandler, Cho, ISMIR 2017. Axes: T frames, M windows, N coefficients.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.tracks import Waveform
from evaluation.metrics.cepstra import NUM_COEFFICIENTS, WINDOW_FRAMES, Cepstra

NUM_FEATURES = 2 * NUM_COEFFICIENTS
_HOP_FRAMES = 512


class RunningMfcc:
    """Is the means and standard deviations of coefficients of what came so far."""

    def __init__(self, sample_rate: int) -> None:
        """Has heard nothing."""
        self._cepstra = Cepstra(sample_rate)
        # Columns are centred on every hop from frame 0 on; before it all is silent.
        self._held = np.zeros(WINDOW_FRAMES // 2, np.float32)
        self._count = 0
        self._sum = np.zeros(NUM_COEFFICIENTS)
        self._squares = np.zeros(NUM_COEFFICIENTS)

    def watch(self, blocks: Iterable[Waveform]) -> Iterator[Waveform]:
        """Yields blocks (1, frames, 1) as they are, and adds them; to be read to the end."""
        for block in blocks:
            self._add(block[0, :, 0])
            yield block
        self._add(np.zeros(WINDOW_FRAMES // 2, np.float32))

    def features(self) -> NDArray[np.float32]:
        """Returns the means, then the standard deviations, (2 N,)."""
        mean = self._sum / self._count
        variance = np.maximum(self._squares / self._count - mean**2, 0.0)
        return np.concatenate([mean, np.sqrt(variance)]).astype(np.float32)

    def _add(self, frames: NDArray[np.float32]) -> None:
        self._held = np.concatenate([self._held, frames])
        num_columns = 1 + (len(self._held) - WINDOW_FRAMES) // _HOP_FRAMES
        if num_columns < 1:
            return
        # (M, W)
        windows = np.lib.stride_tricks.sliding_window_view(self._held, WINDOW_FRAMES)
        coefficients = self._cepstra.of_windows(windows[::_HOP_FRAMES][:num_columns])
        self._count += num_columns
        self._sum += coefficients.sum(axis=0)
        self._squares += (coefficients**2).sum(axis=0)
        self._held = self._held[num_columns * _HOP_FRAMES :].copy()
