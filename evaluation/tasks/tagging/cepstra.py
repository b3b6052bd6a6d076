"""Gives a linear classifier what it hears of the columns of a tagger.

Axes: T frames, C channels, J columns, N coefficients.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from configs import Config, TaggerSettings
from data_prep.audio.tracks import Waveform
from evaluation.metrics.cepstra import WINDOW_FRAMES, Cepstra

# Of which mean and deviation stand beside the coefficients of a column.
_AROUND_SECS = 0.5
# Computed at a time.
_COLUMNS = 4096


def cepstra_of(mixture: Waveform, config: Config) -> NDArray[np.float32]:
    """Returns the features of columns, (J, 3 N): cepstra, and their mean and deviation around.

    Args:
        mixture: (T, C), at the rate of the records, of which the mean of the channels is heard.
        config: whose model.column_frames is the distance of columns.
    """
    assert isinstance(config.model, TaggerSettings)
    rate = config.audio.sample_rate
    hop = config.model.column_frames
    cepstra = Cepstra(rate)
    padded = np.pad(mixture.mean(axis=1, dtype=np.float32), WINDOW_FRAMES // 2)
    # Window n is centred on frame n times the hop.
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_FRAMES)[:-1:hop]
    starts = range(0, len(windows), _COLUMNS)
    own = np.concatenate([cepstra.of_windows(windows[i : i + _COLUMNS]) for i in starts])
    size = max(1, round(_AROUND_SECS * rate / hop))
    mean = uniform_filter1d(own, size, axis=0, mode="nearest")
    mean_square = uniform_filter1d(own**2, size, axis=0, mode="nearest")
    deviation = np.sqrt(np.maximum(mean_square - mean**2, 0))
    return np.concatenate([own, mean, deviation], axis=1).astype(np.float32)
