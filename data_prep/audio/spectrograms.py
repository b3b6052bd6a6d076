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
    # (T, C) -> (T + window,)
    mean = np.asarray(waveform, np.float64).mean(axis=1)
    padded = np.pad(mean, window // 2)
    # (N, window): row n begins half a window before frame n * hop.
    rows = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    # The Hann window of a period of that many frames, whose last frame would be its first again.
    angles = 2 * np.pi * np.arange(window) / window
    shape = 0.5 - 0.5 * np.cos(angles)
    # (N, window) -> (N, F)
    spectrum = np.fft.rfft(rows * shape, axis=1)
    power: Floats = np.square(np.abs(spectrum)).T
    return power


def levels_db(power: Floats, loudest: float, range_db: float) -> Floats:
    """Returns powers in dB relative to the loudest one, from -range_db (and all below) to 0."""
    # The lower bound keeps silence finite; no picture reaches down so far.
    relative = np.maximum(power / max(loudest, _MIN_POWER), _MIN_POWER)
    return np.clip(10 * np.log10(relative), -range_db, 0.0)
