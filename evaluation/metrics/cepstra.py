"""Computes mel-frequency cepstral coefficients of windows of a waveform, which rivals hear.

They are those of ``librosa.feature.mfcc(n_mfcc=20)`` with its defaults (windows of 2048 frames, 128
bands on Slaney's scale whose areas are equal, the cosine transform of their levels in dB), but for
the floor: librosa's lies 80 dB below the loudest band of the whole file, which is not known before
its end; this one about as far below that of a full-scale sine.

Davis, Mermelstein, "Comparison of parametric representations for monosyllabic word recognition",
IEEE TASSP 28 (4), 1980. Axes: M windows, W frames, F bins, N coefficients.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

NUM_COEFFICIENTS = 20
WINDOW_FRAMES = 2048
_NUM_BANDS = 128
# Of a band: -50 dB. A full-scale sine has about 30 dB, the areas of bands being 1.
_LEAST_POWER = 1e-5


class Cepstra:
    """Is the coefficients of windows at one sample rate."""

    def __init__(self, sample_rate: int) -> None:
        """Makes the filters of the bands."""
        # It imports Keras, for which a command that is refused does not wait.
        from trainer.networks.spectra import hann, slaney_areas, slaney_filters

        filters = slaney_filters(_NUM_BANDS, WINDOW_FRAMES // 2 + 1, sample_rate)
        self._filters = filters / slaney_areas(_NUM_BANDS, sample_rate)[:, None]
        self._window = hann(WINDOW_FRAMES)

    def of_windows(self, windows: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Returns the coefficients (M, N) of windows (M, W)."""
        power = np.abs(np.fft.rfft(windows * self._window, axis=1)) ** 2
        # (M, F) (F, bands)
        bands = power @ self._filters.T
        levels = 10 * np.log10(np.maximum(bands, _LEAST_POWER))
        coefficients: NDArray[np.float64] = dct(levels, axis=1, norm="ortho")[:, :NUM_COEFFICIENTS]
        return coefficients
