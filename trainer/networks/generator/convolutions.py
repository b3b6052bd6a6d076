"""Holds convolutions between a waveform and a few numbers, as in WaveGAN.

Donahue, McAuley, Puckette, "Adversarial audio synthesis", ICLR 2019: kernels of 25 frames, of which
each layer keeps one of four or makes four of one; no normalisation.

Any Keras backend. Axes: B sounds, T frames, J columns, N filters, Z numbers of a sound.
"""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from configs import GeneratorSettings
from configs.generator import STRIDE, TAPS

_SLOPE = 0.2


class Down(keras.layers.Layer):
    """Is convolutions with strides, each twice as wide: (B, T, 1) -> (B, J, N)."""

    def __init__(self, settings: GeneratorSettings, seeds: Iterator[int], dtype: Any) -> None:
        super().__init__(name="down", dtype=dtype)
        self._settings = settings
        self._convolutions = [
            keras.layers.Conv1D(
                settings.filters_at(level),
                TAPS,
                strides=STRIDE,
                padding="same",
                kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
                name=f"convolution_{level + 1}",
                dtype=self.dtype_policy,
            )
            for level in range(settings.num_levels)
        ]

    def call(self, waveforms: Any, shifts: Any = None, radius: int = 0) -> Any:
        """Returns the columns, (B, J, N).

        Args:
            waveforms: (B, T, 1).
            shifts: by how many columns what leaves each layer but the last is shifted, (levels - 1)
                whole numbers from -radius to radius; None for none.
            radius: the largest shift.
        """
        x = waveforms
        for level, convolution in enumerate(self._convolutions):
            x = ops.leaky_relu(convolution(x), _SLOPE)
            if shifts is not None and radius and level < len(self._convolutions) - 1:
                x = shifted(x, shifts[level], radius)
        return x

    @property
    def num_features(self) -> int:
        """Returns J N."""
        settings = self._settings
        return settings.num_columns * settings.filters_at(settings.num_levels - 1)

    def flops(self) -> int:
        """Returns the multiplications and additions of a sound."""
        settings = self._settings
        total = 0
        num_frames = settings.num_frames
        num_inputs = 1
        for level in range(settings.num_levels):
            num_frames //= STRIDE
            filters = settings.filters_at(level)
            total += 2 * num_frames * TAPS * num_inputs * filters
            num_inputs = filters
        return total


class Up(keras.layers.Layer):
    """Is a dense layer and transposed convolutions, each half as wide: (B, Z) -> (B, T, 1).

    The last one leaves one filter and a waveform from -1 to 1.
    """

    def __init__(self, settings: GeneratorSettings, seeds: Iterator[int], dtype: Any) -> None:
        super().__init__(name="up", dtype=dtype)
        self._settings = settings
        self._first_filters = settings.filters_at(settings.num_levels - 1)
        self.dense = keras.layers.Dense(
            settings.num_columns * self._first_filters,
            kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
            name="dense",
            dtype=self.dtype_policy,
        )
        # From the numbers on to the sound: 8 d, 4 d, 2 d, d, 1.
        widths = [settings.filters_at(level) for level in range(settings.num_levels - 1)]
        self._convolutions = [
            keras.layers.Conv1DTranspose(
                filters,
                TAPS,
                strides=STRIDE,
                padding="same",
                kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
                name=f"convolution_{number}",
                # Of the sound itself the rounding to 16 bits would be heard.
                dtype="float32" if number > len(widths) else self.dtype_policy,
            )
            for number, filters in enumerate([*reversed(widths), 1], start=1)
        ]

    def call(self, latents: Any) -> Any:
        """Returns sounds, (B, T, 1), float32."""
        x = ops.relu(self.dense(latents))
        # (B, J N) -> (B, J, N)
        x = ops.reshape(x, (-1, self._settings.num_columns, self._first_filters))
        *inner, last = self._convolutions
        for convolution in inner:
            x = ops.relu(convolution(x))
        return ops.tanh(last(x))

    def flops(self) -> int:
        """Returns the multiplications and additions of a sound."""
        settings = self._settings
        num_frames = settings.num_columns
        num_inputs = self._first_filters
        total = 2 * settings.latents * num_frames * num_inputs
        for convolution in self._convolutions:
            # Each frame that comes in is spread over all taps.
            total += 2 * num_frames * TAPS * num_inputs * convolution.filters
            num_frames *= STRIDE
            num_inputs = convolution.filters
        return total


def shifted(columns: Any, shift: Any, radius: int) -> Any:
    """Returns columns (B, J, N) shifted by a number of them, mirrored at the ends.

    Phase shuffle: the critic cannot tell a made sound by where in a period its artefacts lie.

    Args:
        columns: of sounds.
        shift: one whole number for all of them, from -radius to radius, float32.
        radius: the largest one.
    """
    num_columns = columns.shape[1]
    around = [[0, 0], [radius, radius], [0, 0]]
    padded = ops.pad(columns, around, mode="reflect")
    start = ops.cast(shift, "int32") + radius
    places = start + ops.arange(num_columns, dtype="int32")
    return ops.take(padded, places, axis=1)
