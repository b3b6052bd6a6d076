"""Computes short-time spectra and their inverse, and bands of them, for any Keras backend.

Periodic Hann windows of W frames, a quarter of that apart, before the transform and behind its
inverse. Where four of them overlap, their squares add up to 1.5, so that nothing is lost. Columns
begin with the first frame and lie wholly within the waveform. All in float32.

Axes: M columns, F = W / 2 + 1 bins, T frames, N bands.
"""

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from configs.geometry import OVERLAP

Spectrum = tuple[Any, Any]
"""Real and imaginary parts, (..., M, F) each."""

# A full-scale sine has it in its bin: the sum of a Hann window over two, over two.
_FULL_SCALE = 1 / 4
# -80 dB: below it all is silence.
_LEAST_POWER = 1e-8


def stft(waveforms: Any, window_frames: int) -> Spectrum:
    """Returns the columns of waveforms (..., T), M = T / hop - 3 of them."""
    hop = window_frames // OVERLAP
    real, imaginary = ops.stft(waveforms, window_frames, hop, window_frames, center=False)
    return real, imaginary


def istft(spectrum: Spectrum, window_frames: int) -> Any:
    """Returns the frames that four columns cover: (..., M, F) twice -> (..., (M - 3) hop)."""
    hop = window_frames // OVERLAP
    waveforms = ops.istft(spectrum, window_frames, hop, window_frames, center=False)
    border = (OVERLAP - 1) * hop
    num_frames = (spectrum[0].shape[-2] - (OVERLAP - 1)) * hop
    return waveforms[..., border : border + num_frames]


def magnitudes(spectrum: Spectrum) -> Any:
    """Returns |X|, whose gradient is 0 where X is 0."""
    power = ops.square(spectrum[0]) + ops.square(spectrum[1])
    is_zero = ops.cast(power == 0, "float32")
    return ops.sqrt(power + is_zero) - is_zero


def decibels(power: Any, window_frames: int) -> Any:
    """Returns powers |X|^2 as features from -2, silence, to 2, a full-scale sine: 20 dB a unit."""
    relative = power / (_FULL_SCALE * window_frames) ** 2
    return (10 * ops.log10(relative + _LEAST_POWER) + 40) / 20


def mel_hats(num_bands: int, num_bins: int, sample_rate: int) -> NDArray[np.float32]:
    """Returns how much of each band a bin is, (N, F): triangles that add up to 1 at every bin.

    Their peaks are equally far apart on the mel scale, 2595 log10(1 + f / 700) (O'Shaughnessy,
    "Speech communication", 1987), from 0 Hz to half the rate.
    """
    frequencies = np.linspace(0, sample_rate / 2, num_bins)
    mels = np.log10(1 + frequencies / 700)
    # In bands, from 0 to N - 1.
    positions = mels / mels[-1] * (num_bands - 1)
    distances = np.abs(positions - np.arange(num_bands)[:, None])
    return np.maximum(1 - distances, 0).astype(np.float32)
