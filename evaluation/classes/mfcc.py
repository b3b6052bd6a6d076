"""Computes mel-frequency cepstral coefficients of a waveform in blocks: the rival of a network.

They are those of ``librosa.feature.mfcc(n_mfcc=20)`` with its defaults (windows of 2048 frames 512
apart, centred, 128 bands on Slaney's scale whose areas are equal, the cosine transform of their
levels in dB), but for the floor: librosa's lies 80 dB below the loudest band of the whole file,
which is not known before its end; this one about as far below that of a full-scale sine.

Of a file they are their means and standard deviations over time, as in the baseline of Choi,
Fazekas, Sandler, Cho, ISMIR 2017.

Axes: T frames, M columns, N coefficients.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from data_prep.audio.tracks import Waveform

NUM_COEFFICIENTS = 20
NUM_FEATURES = 2 * NUM_COEFFICIENTS
WINDOW_FRAMES = 2048
_HOP_FRAMES = 512
_NUM_BANDS = 128
# Of a band: -50 dB. A full-scale sine has about 30 dB, the areas of bands being 1.
_LEAST_POWER = 1e-5

Floats = NDArray[np.float64]


class RunningMfcc:
    """Is the means and standard deviations of coefficients of what came so far."""

    def __init__(self, sample_rate: int) -> None:
        """Makes the filters of the bands."""
        # It imports Keras, for which a command that is refused does not wait.
        from trainer.networks.spectra import hann, slaney_areas, slaney_filters

        filters = slaney_filters(_NUM_BANDS, WINDOW_FRAMES // 2 + 1, sample_rate)
        self._filters = filters / slaney_areas(_NUM_BANDS, sample_rate)[:, None]
        self._window = hann(WINDOW_FRAMES)
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
        coefficients = self._coefficients(windows[::_HOP_FRAMES][:num_columns])
        self._count += num_columns
        self._sum += coefficients.sum(axis=0)
        self._squares += (coefficients**2).sum(axis=0)
        self._held = self._held[num_columns * _HOP_FRAMES :].copy()

    def _coefficients(self, windows: NDArray[np.float32]) -> Floats:
        """Returns the coefficients (M, N) of windows (M, W)."""
        power = np.abs(np.fft.rfft(windows * self._window, axis=1)) ** 2
        # (M, F) (F, bands)
        bands = power @ self._filters.T
        levels = 10 * np.log10(np.maximum(bands, _LEAST_POWER))
        coefficients: Floats = dct(levels, axis=1, norm="ortho")[:, :NUM_COEFFICIENTS]
        return coefficients
