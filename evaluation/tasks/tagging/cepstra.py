"""Computes mel-frequency cepstral coefficients of the columns of a tagger.

Davis, Mermelstein, "Comparison of parametric representations for monosyllabic word recognition",
IEEE TASSP 28 (4), 1980. Axes: T frames, C channels, J columns, F bins, N bands, D features.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.ndimage import uniform_filter1d

from configs import Config, TaggerSettings
from data_prep.audio.spectrograms import power_spectrogram, window_frames
from data_prep.audio.tracks import Waveform
from trainer.networks.spectra import slaney_filters

NUM_COEFFICIENTS = 20
_NUM_BANDS = 40
# -100 dB of a full-scale bin: silence has a logarithm.
_LEAST_POWER = 1e-10
# Of which mean and deviation stand beside the coefficients of a column.
_AROUND_SECS = 0.5

Floats = NDArray[np.float64]


def cepstra(waveform: Waveform, sample_rate: int, hop: int) -> Floats:
    """Returns the coefficients of columns, (J, 20), one centred on every multiple of a hop.

    Args:
        waveform: (T, C), of which the mean of the channels is heard.
        sample_rate: in Hz.
        hop: in frames.
    """
    window = window_frames(sample_rate)
    # (F, J): what is centred within the waveform.
    power = power_spectrogram(waveform, window, hop)[:, : -(-len(waveform) // hop)]
    filters = slaney_filters(_NUM_BANDS, window // 2 + 1, sample_rate)
    # A sine of full scale has a magnitude of a quarter of the window.
    bands = filters @ (power / (window / 4) ** 2)
    levels = 10 * np.log10(np.maximum(bands, _LEAST_POWER))
    coefficients: Floats = dct(levels, axis=0, norm="ortho")[:NUM_COEFFICIENTS].T
    return coefficients


def cepstra_of(mixture: Waveform, config: Config) -> NDArray[np.float32]:
    """Returns the features of columns, (J, 60): coefficients, and their mean and deviation around.

    Args:
        mixture: (T, C), at the rate of the records.
        config: whose model.column_frames is the distance of columns.
    """
    assert isinstance(config.model, TaggerSettings)
    rate = config.audio.sample_rate
    hop = config.model.column_frames
    own = cepstra(mixture, rate, hop)
    size = max(1, round(_AROUND_SECS * rate / hop))
    mean = uniform_filter1d(own, size, axis=0, mode="nearest")
    mean_square = uniform_filter1d(own**2, size, axis=0, mode="nearest")
    deviation = np.sqrt(np.maximum(mean_square - mean**2, 0))
    return np.concatenate([own, mean, deviation], axis=1).astype(np.float32)
