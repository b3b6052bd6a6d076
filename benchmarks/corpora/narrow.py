"""Makes sounds of different origin alike in bandwidth and level.

Prompts of a telephone exchange are sampled at 8 kHz. A system that is to tell them from music could
look at what lies above; so whatever they are compared with passes the same low-pass.
"""

from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import firwin, kaiserord, oaconvolve

from data_prep.audio.tracks import Waveform
from data_prep.audio.waveforms import read_sound

CUTOFF_HZ = 3400.0
# Half of it lies on each side of the cutoff.
_TRANSITION_HZ = 300.0
_REJECTION_DB = 80.0

# (T,)
Signal = NDArray[np.float32]


def low_passed(signal: Signal, sample_rate: int) -> Signal:
    """Returns a signal (T,) without what lies above 3.4 kHz, nothing delayed.

    The filter is symmetric; its window is Kaiser's ("Nonrecursive digital filter design using the
    I0-sinh window function", ISCAS 1974).
    """
    num_taps, beta = kaiserord(_REJECTION_DB, 2 * _TRANSITION_HZ / sample_rate)
    # An odd number has its centre on a frame.
    taps = firwin(num_taps | 1, CUTOFF_HZ, window=("kaiser", beta), fs=sample_rate)
    return np.asarray(oaconvolve(signal, taps, mode="same"), np.float32)


def rms(signal: Signal) -> float:
    """Returns the root mean square of a signal."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))


def at_level(signal: Signal, level_db: float) -> Signal:
    """Returns a signal at a level, the root mean square in dB of full scale; silence stays."""
    gain = 10 ** (level_db / 20) / max(rms(signal), 1e-9)
    return np.asarray(signal * gain, np.float32)


def mono_at(waveform: Waveform, rate: int, sample_rate: int) -> Signal:
    """Returns the mean of the channels of a waveform (T, C) at another rate, (T',)."""
    mono = waveform.mean(axis=1, dtype=np.float32)
    return np.asarray(soxr.resample(mono, rate, sample_rate), np.float32)


def read_mono(path: Path, sample_rate: int) -> Signal:
    """Returns a file of sound as one channel at a rate."""
    waveform, rate = read_sound(path)
    return mono_at(waveform, rate, sample_rate)
