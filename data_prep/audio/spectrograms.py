"""Measures waveforms over time and frequency: the one analysis behind the pictures of sounds.

Axes: T frames, C channels, F = window / 2 + 1 frequencies from 0 to half the rate, N times.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The window of figures that show a whole track: 2048 frames at 22050 Hz, 4096 at 44100 Hz.
WINDOW_SECS = 0.093
# Where all of a picture is silent, this power stands for its loudest spot.
_MIN_POWER = 1e-20
# A window has 8 frames or more.
_MIN_OCTAVES = 3

Floats = NDArray[np.float64]


def window_frames(sample_rate: int, window_secs: float = WINDOW_SECS) -> int:
    """Returns the length of a window: the power of two next to so many seconds, in frames."""
    octaves = round(math.log2(window_secs * sample_rate))
    return 2 ** max(octaves, _MIN_OCTAVES)


def power_spectrogram(waveform: NDArray[np.floating[Any]], window: int, hop: int) -> Floats:
    """Returns the power of the mean of the channels: (T, C) -> (F, N) with N = T // hop + 1.

    Column n is that of a Hann window centred on frame n * hop; what lies around the waveform is
    silent.

    Args:
        waveform: has one frame or more.
        window: is its length in frames, an even number.
        hop: is the distance between windows in frames.
    """
    # Imported only here, as it takes long and most commands that know of windows draw nothing.
    import scipy.signal

    # (T, C) -> (T,)
    mean = np.asarray(waveform, np.float64).mean(axis=1)
    # SciPy refuses a waveform that half a window does not fit into.
    padded = np.pad(mean, (0, max(window - len(mean), 0)))
    # A rate of 1: SciPy would use it to name times and frequencies, which nobody asks for here.
    transform = scipy.signal.ShortTimeFFT(scipy.signal.windows.hann(window, sym=False), hop, fs=1.0)
    power = np.square(np.abs(transform.stft(padded)))
    # The first columns are of windows centred before the waveform, the last behind it.
    num_columns = len(mean) // hop + 1
    first = -transform.p_min
    columns: Floats = power[:, first : first + num_columns]
    return columns


def levels_db(power: Floats, loudest: float, range_db: float) -> Floats:
    """Returns powers in dB relative to the loudest one, from -range_db (and all below) to 0."""
    # The lower bound keeps silence finite; no picture reaches down so far.
    relative = np.maximum(power / max(loudest, _MIN_POWER), _MIN_POWER)
    return np.clip(10 * np.log10(relative), -range_db, 0.0)
