"""Holds dense layers between a waveform and a few numbers, those of the decoder being a mirror.

Any Keras backend. Axes: B sounds, T frames, N features, Z numbers of a sound.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import keras
from keras import ops

from configs import GeneratorSettings

_SLOPE = 0.2
ACTIVATIONS = {
    "relu": ops.relu,
    "leaky_relu": lambda x: ops.leaky_relu(x, _SLOPE),
    "tanh": ops.tanh,
    "sigmoid": ops.sigmoid,
}


class Layers(keras.layers.Layer):
    """Is dense layers, each with an activation: (B, N_in) -> (B, N_out)."""

    def __init__(
        self,
        name: str,
        units: list[int],
        settings: GeneratorSettings,
        seeds: Iterator[int],
        dtype: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._activation = ACTIVATIONS[settings.activation]
        self._layers_in_turn = [
            keras.layers.Dense(
                each,
                kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
                name=f"dense_{number}",
                dtype=self.dtype_policy,
            )
            for number, each in enumerate(units, start=1)
        ]

    def call(self, x: Any) -> Any:
        """Returns what the last layer makes."""
        for layer in self._layers_in_turn:
            x = self._activation(layer(x))
        return x


class DenseDown(keras.layers.Layer):
    """Is dense layers of all that is heard: (B, ...) -> (B, N)."""

    def __init__(self, settings: GeneratorSettings, seeds: Iterator[int], dtype: Any) -> None:
        super().__init__(name="down", dtype=dtype)
        self._settings = settings
        self.layers_in_turn = Layers("layers", list(settings.units), settings, seeds, dtype)

    def call(self, heard: Any) -> Any:
        """Returns the features, (B, N)."""
        return self.layers_in_turn(ops.reshape(heard, (-1, self._settings.num_heard)))

    @property
    def num_features(self) -> int:
        """Returns N."""
        return self._settings.units[-1]

    def flops(self) -> int:
        """Returns the multiplications and additions of a sound."""
        return _flops([self._settings.num_heard, *self._settings.units])


class DenseUp(keras.layers.Layer):
    """Is the same layers in reverse order, and one of all frames: (B, Z) -> (B, T, 1)."""

    def __init__(self, settings: GeneratorSettings, seeds: Iterator[int], dtype: Any) -> None:
        super().__init__(name="up", dtype=dtype)
        self._settings = settings
        units = list(reversed(settings.units))
        self.layers_in_turn = Layers("layers", units, settings, seeds, dtype)
        self.frames = keras.layers.Dense(
            settings.num_frames,
            kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
            name="frames",
            # Of 16 bits the rounding would be heard.
            dtype="float32",
        )

    def call(self, latents: Any) -> Any:
        """Returns sounds, (B, T, 1), float32."""
        return ops.tanh(self.frames(self.layers_in_turn(latents)))[:, :, None]

    def flops(self) -> int:
        """Returns the multiplications and additions of a sound."""
        settings = self._settings
        return _flops([settings.latents, *reversed(settings.units), settings.num_frames])


def _flops(widths: list[int]) -> int:
    return 2 * sum(first * second for first, second in pairwise(widths))
