"""Makes what a tagger hears of a waveform, for any Keras backend: (B, T) -> (B, M, N), float32.

Column m is centred on frame W / 2 + m hop, W being ``model.window_frames``. What stands before the
first frame and behind the last one of a track is silence, so that a column of it is what any window
sees there.

Axes: B examples, T frames, M columns, F bins, N features.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from configs import TaggerSettings
from trainer.networks.spectra import decibels, htk_filters, magnitudes, slaney_filters

# Below it a magnitude counts as this: Schlüter, Grill, ISMIR 2015.
_LEAST_MAGNITUDE = 1e-7
# log10(1 + 10000 x): Dieleman, Schrauwen, ICASSP 2014; Pons et al., ISMIR 2018.
_COMPRESSION = 1e4
# Of a convolution that halves a waveform.
_HALVING_TAPS = 4
_HALVING_FEATURES = 32


class MelFront(keras.layers.Layer):
    """Is bands of a short-time spectrum on a mel scale, as loud as ``model.loudness`` counts."""

    def __init__(self, settings: TaggerSettings, sample_rate: int) -> None:
        """Makes the filters of the bands."""
        super().__init__(name="front", dtype="float32")
        self._settings = settings
        num_bins = settings.window_frames // 2 + 1
        make = htk_filters if settings.mel_scale == "htk" else slaney_filters
        limits = (settings.lowest_hz, settings.highest_hz)
        # The power a Hz: as librosa has it, which published networks heard through.
        of_one_area = settings.loudness == "log_power"
        filters = make(settings.num_bands, num_bins, sample_rate, *limits, of_one_area=of_one_area)
        if settings.loudness == "decibels":
            # The mean power of a band.
            filters = filters / filters.sum(axis=1, keepdims=True).clip(1e-6)
        self._filters = filters.T.astype(np.float32)

    def call(self, waveforms: Any) -> Any:
        """Returns the bands, (B, M, N) with M = 1 + (T - W) / hop."""
        model = self._settings
        frames = model.window_frames
        spectrum = ops.stft(waveforms, frames, model.hop_frames, frames, center=False)
        if model.loudness == "log_magnitude":
            bands = ops.matmul(magnitudes(spectrum), self._filters)
            return ops.log(ops.maximum(bands, _LEAST_MAGNITUDE))
        power = ops.square(spectrum[0]) + ops.square(spectrum[1])
        bands = ops.matmul(power, self._filters)
        if model.loudness == "log_power":
            return ops.log10(1 + _COMPRESSION * bands)
        return decibels(bands, frames)

    def flops(self, num_columns: int) -> int:
        """Returns the multiplications and additions for so many columns."""
        frames = self._settings.window_frames
        # A real transform of W numbers: 2.5 W log2 W.
        of_transform = int(2.5 * frames * (frames - 1).bit_length())
        return num_columns * (of_transform + 2 * self._filters.size)


class WaveformFront(keras.layers.Layer):
    """Is convolutions that halve a waveform until a hop of it is a column.

    After Lee, Park, Kim, Nam, "Sample-level deep convolutional neural networks for music
    auto-tagging using raw waveforms", SMC 2017, which divides by three. Each has four taps and no
    padding; what the last one gives of a column is centred where a spectrum would be.
    """

    def __init__(self, settings: TaggerSettings, seeds: Iterator[int], dtype: Any) -> None:
        """Makes the convolutions."""
        super().__init__(name="front", dtype=dtype)
        self._settings = settings
        num_levels = settings.hop_frames.bit_length() - 1
        filters = [_HALVING_FEATURES] * (num_levels - 1) + [settings.num_bands]
        self._convolutions = [
            keras.layers.Conv1D(
                num_filters,
                _HALVING_TAPS,
                strides=2,
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(next(seeds)),
                name=f"halving_{level}",
                dtype=dtype,
            )
            for level, num_filters in enumerate(filters, start=1)
        ]
        # Frames that a column depends on: 1 + 3 (2^L - 1).
        self._read_frames = 1 + (_HALVING_TAPS - 1) * (settings.hop_frames - 1)

    def call(self, waveforms: Any) -> Any:
        """Returns the features of columns, (B, M, N) with M = 1 + (T - W) / hop."""
        model = self._settings
        num_columns = 1 + (waveforms.shape[1] - model.window_frames) // model.hop_frames
        # The middle of the first analysis window and of what its column reads is the same.
        first = (model.window_frames - self._read_frames) // 2
        num_frames = self._read_frames + (num_columns - 1) * model.hop_frames
        x = waveforms[:, first : first + num_frames, None]
        for convolution in self._convolutions:
            x = convolution(x)
        return ops.cast(x, "float32")

    def flops(self, num_columns: int) -> int:
        """Returns the multiplications and additions for so many columns, about."""
        total = 0
        num_inputs = 1
        num_outputs = num_columns * self._settings.hop_frames
        for convolution in self._convolutions:
            num_outputs //= 2
            total += 2 * num_outputs * _HALVING_TAPS * num_inputs * convolution.filters
            num_inputs = convolution.filters
        return total
