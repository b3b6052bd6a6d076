"""Makes sketches of waveforms, which survive trimming, another level and some noise.

A sketch holds the loudest tone of five bands over time. After Wang, "An industrial-strength audio
search algorithm", ISMIR 2003.
"""

from itertools import pairwise

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from data_prep.audio.tracks import Waveform

# (hops, bands, 2): the bin of the loudest tone, and its level in half dB above the softest kept
Sketch = NDArray[np.uint8]

# about: an eighth of 22050
_RATE = 2756.0
# 186 ms
_WINDOW_FRAMES = 512
# 46 ms
_HOP_FRAMES = 128
_TAPER = np.hanning(_WINDOW_FRAMES).astype(np.float32)
# The spectra of so many windows stay in a processor's cache.
_BLOCK_WINDOWS = 512
# edges in bins of 5.4 Hz: five bands from 54 to 1378 Hz
_BANDS = (10, 30, 60, 110, 180, 256)
# Tones that much below the loudest tone of a waveform are left out.
_RANGE_DB = 50.0


def hop_secs(sample_rate: int) -> float:
    """Returns the unit of time of the sketch of a waveform at a rate."""
    return _HOP_FRAMES * _factor(sample_rate) / sample_rate


def make_sketch(waveform: Waveform, sample_rate: int) -> Sketch:
    """Returns the sketch of a waveform (T, C).

    It is empty where the waveform is silent or shorter than a window.
    """
    slow = _slowed(waveform, _factor(sample_rate))
    if len(slow) < _WINDOW_FRAMES or not slow.any():
        return np.zeros((0, len(_BANDS) - 1, 2), np.uint8)
    # (T,) -> (hops, frames of a window), a view
    windows = np.lib.stride_tricks.sliding_window_view(slow, _WINDOW_FRAMES)[::_HOP_FRAMES]
    starts = range(0, len(windows), _BLOCK_WINDOWS)
    blocks = [_loudest_tones(windows[start : start + _BLOCK_WINDOWS]) for start in starts]
    # (hops, bands) each
    bins = np.concatenate([block_bins for block_bins, _ in blocks])
    power = np.concatenate([block_power for _, block_power in blocks])
    # What is too soft has the level 0. In half dB the 50 dB above it are at most 100: 8 bits do.
    with np.errstate(divide="ignore"):
        levels = np.maximum(10 * np.log10(power / power.max()) + _RANGE_DB, 0)
    return np.stack([bins, 2 * levels], axis=2).astype(np.uint8)


def _factor(sample_rate: int) -> int:
    """Returns by what a rate is lowered before a sketch is made."""
    return max(1, round(sample_rate / _RATE))


def _slowed(waveform: Waveform, factor: int) -> NDArray[np.float32]:
    """Returns a waveform (T, C) at a rate lower by a factor: (T // factor,).

    Its frames are sums of neighbours and channels. That is a crude low-pass, the same for both
    copies of a recording.
    """
    num_frames = len(waveform) // factor * factor
    neighbours = waveform[:num_frames].reshape(-1, factor * waveform.shape[1])
    return np.einsum("tc->t", neighbours)


def _loudest_tones(windows: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Returns the bin of the loudest tone of every band, and its power.

    Shape (N, frames) -> (N, bands) each.
    """
    # (N, frames) -> (N, bins)
    spectrum = scipy.fft.rfft(windows * _TAPER, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    # (N, bins) -> (N, bands)
    bins = np.stack(
        [low + power[:, low:high].argmax(axis=1) for low, high in pairwise(_BANDS)], axis=1
    )
    return bins, np.take_along_axis(power, bins, axis=1)


def share_of_same_tones(one: Sketch, other: Sketch, offset: int) -> float:
    """Returns how many of the tones of two sketches, one of them shifted, are within a bin."""
    one = one[max(0, offset) :]
    other = other[max(0, -offset) :]
    num_shared = min(len(one), len(other))
    one = one[:num_shared]
    other = other[:num_shared]
    # (hops, bands): where at least one of them has a tone; both without agree on nothing
    sounds = (one[:, :, 1] > 0) | (other[:, :, 1] > 0)
    if not sounds.any():
        return 0.0
    # signed, because bins are unsigned and their difference may be negative
    is_same = np.abs(one[:, :, 0].astype(np.int16) - other[:, :, 0]) <= 1
    return float(np.mean(is_same[sounds]))
