"""Holds what hears single clips: dense layers, convolutions of waveforms and of mel spectra.

Any Keras backend. Axes: B clips, T frames, J columns, N features or bands.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import keras
import numpy as np
from keras import ops

from configs import ClipEncoderSettings
from configs.clip_encoder import STRIDE
from trainer.networks.spectra import decibels, slaney_filters

_TAPS = 3
# Of a convolution of a waveform.
_WAVEFORM_TAPS = 9


class Dense(keras.layers.Layer):
    """Is dense layers of all frames of a clip: (B, T) -> (B, 1, N)."""

    def __init__(self, settings: ClipEncoderSettings, seeds: Iterator[int], dtype: Any) -> None:
        super().__init__(name="body", dtype=dtype)
        self._layers_in_turn = [
            keras.layers.Dense(
                settings.width,
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(next(seeds)),
                name=f"dense_{i}",
                dtype=self.dtype_policy,
            )
            for i in range(1, settings.depth + 1)
        ]

    def call(self, waveforms: Any) -> Any:
        """Returns the features, (B, 1, N)."""
        x = waveforms
        for layer in self._layers_in_turn:
            x = layer(x)
        return x[:, None]

    def flops(self, num_frames: int) -> int:
        """Returns the multiplications and additions of a clip of so many frames."""
        widths = [num_frames, *(layer.units for layer in self._layers_in_turn)]
        return 2 * sum(first * second for first, second in pairwise(widths))


class Waveforms(keras.layers.Layer):
    """Is convolutions of a waveform, each with a frame of four: (B, T) -> (B, J, N)."""

    def __init__(self, settings: ClipEncoderSettings, seeds: Iterator[int], dtype: Any) -> None:
        super().__init__(name="body", dtype=dtype)
        self._convolutions = [
            keras.layers.Conv1D(
                settings.filters(i),
                _WAVEFORM_TAPS,
                strides=STRIDE,
                padding="same",
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(next(seeds)),
                name=f"convolution_{i + 1}",
                dtype=self.dtype_policy,
            )
            for i in range(settings.depth)
        ]

    def call(self, waveforms: Any) -> Any:
        """Returns the features, (B, J, N) with J = T / 4^depth, rounded up."""
        x = waveforms[:, :, None]
        for convolution in self._convolutions:
            x = convolution(x)
        return x

    def flops(self, num_frames: int) -> int:
        """Returns the multiplications and additions of a clip of so many frames."""
        total = 0
        num_inputs = 1
        for convolution in self._convolutions:
            num_frames = -(-num_frames // STRIDE)
            total += 2 * num_frames * _WAVEFORM_TAPS * num_inputs * convolution.filters
            num_inputs = convolution.filters
        return total


class Bands(keras.layers.Layer):
    """Is convolutions of a mel spectrum, of which each but the last halves the bands.

    (B, T) -> (B, J, N) with J = 1 + (T - W) / hop. All columns stay, because the ends of a clip say
    most about its neighbours.
    """

    def __init__(
        self, settings: ClipEncoderSettings, sample_rate: int, seeds: Iterator[int], dtype: Any
    ) -> None:
        super().__init__(name="body", dtype=dtype)
        self._settings = settings
        num_bins = settings.window_frames // 2 + 1
        filters = slaney_filters(settings.num_bands, num_bins, sample_rate, 0.0, 0.0)
        # The mean power of a band.
        filters = filters / filters.sum(axis=1, keepdims=True).clip(1e-6)
        self._filters = filters.T.astype(np.float32)
        self._convolutions = [
            keras.layers.Conv2D(
                settings.filters(i),
                _TAPS,
                padding="same",
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(next(seeds)),
                name=f"convolution_{i + 1}",
                dtype=self.dtype_policy,
            )
            for i in range(settings.depth)
        ]
        self._halving = keras.layers.MaxPooling2D((1, 2), dtype=self.dtype_policy)

    def call(self, waveforms: Any) -> Any:
        """Returns the features, (B, J, N)."""
        frames = self._settings.window_frames
        heard = ops.cast(waveforms, "float32")
        real, imaginary = ops.stft(heard, frames, self._settings.hop_frames, frames, center=False)
        power = ops.square(real) + ops.square(imaginary)
        bands = decibels(ops.matmul(power, self._filters), frames)[..., None]
        # Around the mean of the clip, whose gain says nothing: 10 dB a unit.
        x = 2 * (bands - ops.mean(bands, axis=(1, 2), keepdims=True))
        for i, convolution in enumerate(self._convolutions):
            if i:
                x = self._halving(x)
            x = convolution(x)
        return ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))

    def flops(self, num_frames: int) -> int:
        """Returns the multiplications and additions of a clip of so many frames."""
        settings = self._settings
        frames = settings.window_frames
        num_columns = 1 + (num_frames - frames) // settings.hop_frames
        # A real transform of W numbers: 2.5 W log2 W.
        of_transform = int(2.5 * frames * (frames - 1).bit_length())
        total = num_columns * (of_transform + 2 * self._filters.size)
        num_inputs = 1
        num_bands = settings.num_bands
        for i, convolution in enumerate(self._convolutions):
            if i:
                num_bands //= 2
            places = num_columns * num_bands
            total += 2 * places * _TAPS**2 * num_inputs * convolution.filters
            num_inputs = convolution.filters
        return total
