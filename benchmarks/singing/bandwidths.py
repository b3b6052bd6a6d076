"""Hears the bandwidth of columns, and nothing else of them.

Axes: T frames, C channels, J columns, F bins.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from configs import Config, TaggerSettings
from data_prep.audio.tracks import Waveform

_WINDOW_FRAMES = 1024
# Over which the spectrum of a column is a mean.
_AROUND_SECS = 0.5
# Below the loudest bin, of the edges of what is heard.
_EDGE_DB = 40.0


def bandwidths_of(mixture: Waveform, config: Config) -> NDArray[np.float32]:
    """Returns the edges of the spectrum around each column, (J, 2), in Hz.

    Between them it is within 40 dB of its peak.

    Args:
        mixture: (T, C), of which the mean of the channels is heard.
        config: whose model.column_frames is the distance of columns.
    """
    assert isinstance(config.model, TaggerSettings)
    rate = config.audio.sample_rate
    hop = config.model.column_frames
    padded = np.pad(mixture.mean(axis=1, dtype=np.float32), _WINDOW_FRAMES // 2)
    # Window n is centred on frame n times the hop.
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW_FRAMES)[:-1:hop]
    # (J, F)
    power = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW_FRAMES))) ** 2
    size = max(1, round(_AROUND_SECS * rate / hop))
    around = uniform_filter1d(power, size, axis=0, mode="nearest")
    is_heard = around >= around.max(axis=1, keepdims=True) * 10 ** (-_EDGE_DB / 10)
    num_bins = around.shape[1]
    first = is_heard.argmax(axis=1)
    last = num_bins - 1 - is_heard[:, ::-1].argmax(axis=1)
    return (np.stack([first, last], axis=1) * rate / _WINDOW_FRAMES).astype(np.float32)
