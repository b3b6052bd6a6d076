"""Holds the bodies of a mask network that are convolutions, and lists all, for any Keras backend.

Axes as in ``mask_body``.
"""

from typing import Any

import keras
from keras import ops

from trainer.networks.frames import crop
from trainer.networks.layers import LEAKY_SLOPE
from trainer.networks.masks.mask_body import Body
from trainer.networks.masks.recurrent_bodies import Columns, Recurrence
from trainer.networks.network import rematerialised

_TAPS = 3
_IMAGE_TAPS = 5


class Convolutions(Body):
    """Is a column's features, then dilated convolutions along time, each added to what it read.

    After van den Oord et al., "WaveNet", 2016, and Luo, Mesgarani, "Conv-TasNet", IEEE/ACM TASLP 27
    (8), 2019, without padding: each reads a column on both sides more than it gives, its dilation
    away. What is scaled to unit variance is a column by itself (Ba et al., "Layer normalization",
    2016), so that the loudness of a window plays no part.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        width = self.settings.width
        self.entrance = self._dense(width, "entrance")
        self._make_conditioner()
        self.norms = []
        self.convolutions = []
        self.returns = []
        for i, dilation in enumerate(self.settings.dilations, start=1):
            norm = keras.layers.LayerNormalization(name=f"norm_{i}", dtype=self.dtype_policy)
            convolution = keras.layers.Conv1D(
                width,
                _TAPS,
                dilation_rate=dilation,
                activation="relu",
                kernel_initializer=keras.initializers.GlorotUniform(next(self._seeds)),
                name=f"convolution_{i}",
                dtype=self.dtype_policy,
            )
            self.norms.append(norm)
            self.convolutions.append(convolution)
            self.returns.append(self._dense(width, f"return_{i}"))
        self.last_norm = keras.layers.LayerNormalization(name="last_norm", dtype=self.dtype_policy)
        self.exit = self._dense(self.sizes.num_outputs, "exit")

    def encode(self, features: Any) -> Any:
        """Returns the features of each column by itself, (B, M, width)."""
        return ops.relu(self.entrance(self._flat(features)))

    def decode(self, encoded: Any, vector: Any) -> Any:
        """Returns (B, M', S, C, N_out)."""
        x = self.trunk(self._conditioned(encoded, vector))
        return rematerialised(self._leave)(x)

    def trunk(self, encoded: Any) -> Any:
        """Returns what all convolutions make of features (B, M, width), (B, M', width)."""
        x = encoded
        for i, _ in enumerate(self.convolutions):
            x = rematerialised(self._convolve, i=i)(x)
        return x

    def _convolve(self, x: Any, i: int) -> Any:
        """Goes through one dilated convolution: (B, M, width) -> (B, M - 2 dilation, width)."""
        y = self.returns[i](self.convolutions[i](self.norms[i](x)))
        return crop(x, y.shape[1]) + y

    def _leave(self, x: Any) -> Any:
        """Returns (B, M', S, C, N_out) of the last features (B, M', width)."""
        return self._apart(self.exit(self.last_norm(x)))

    def flops(self, num_masked: int) -> int:
        """Returns the multiplications and additions of all products."""
        width = self.settings.width
        total = num_masked * width * self.sizes.num_outputs
        num_columns = num_masked
        for dilation in reversed(self.settings.dilations):
            total += num_columns * (_TAPS + 1) * width**2
            num_columns += 2 * dilation
        total += num_columns * width * self.sizes.num_inputs
        return 2 * total


class Images(Body):
    """Is a U-Net on the spectrogram as an image (Jansson et al., ISMIR 2017; Spleeter, JOSS 2020).

    Each level halves time and frequency by a convolution of 5 x 5, the way back doubles them by a
    transposed one. Along frequency they are padded. Along time they are not, and what is given is
    what a transposed convolution has from all its taps, so that a window's length changes nothing.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        levels = range(1, self.settings.depth + 1)
        self.downs = [self._make(keras.layers.Conv2D, level, f"down_{level}") for level in levels]
        self._make_conditioner()
        self.ups = [
            self._make(keras.layers.Conv2DTranspose, level - 1, f"up_{level}")
            for level in reversed(levels)
        ]
        self.exit = self._dense(self.sizes.num_sources * self.sizes.num_channels, "exit")

    def _make(self, layer: Any, level: int, name: str) -> keras.layers.Layer:
        return layer(
            self._num_filters(level),
            _IMAGE_TAPS,
            strides=2,
            padding="valid",
            activation=keras.layers.LeakyReLU(LEAKY_SLOPE, dtype=self.dtype_policy),
            kernel_initializer=keras.initializers.GlorotUniform(next(self._seeds)),
            name=name,
            dtype=self.dtype_policy,
        )

    def _num_filters(self, level: int) -> int:
        """Returns the features of a level; what leaves the way back has those of the first."""
        return self.settings.width * 2 ** max(level - 1, 0)

    def encode(self, features: Any) -> Any:
        """Returns what every level gets, (B, M, N, F), the last the result of all."""
        # Of the highest features so many are left out that all levels halve them.
        num_features = self._num_features()
        # (B, M, C, N) -> (B, M, N, C)
        x = ops.transpose(features, (0, 1, 3, 2))[:, :, :num_features]
        levels = [x]
        for down in self.downs:
            x = rematerialised(self._go_down, down=down)(x)
            levels.append(x)
        return levels

    def _go_down(self, x: Any, down: keras.layers.Layer) -> Any:
        # As many features of zeros before as behind, but one: they are halved.
        return down(ops.pad(x, ((0, 0), (0, 0), (2, 1), (0, 0))))

    def decode(self, encoded: Any, vector: Any) -> Any:
        """Returns (B, M', S, C, N_out)."""
        *skips, x = encoded
        _, num_columns, num_features, num_filters = x.shape
        along = ops.reshape(x, (-1, num_columns * num_features, num_filters))
        along = self._conditioned(along, vector)
        x = ops.reshape(along, (-1, num_columns, num_features, num_filters))
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            x = rematerialised(self._go_up, up=up)(x, skip)
        return rematerialised(self._leave)(x)

    def trunk(self, encoded: Any) -> Any:
        """Returns the lowest level, (B, M', N F)."""
        lowest = encoded[-1]
        _, num_columns, num_features, num_filters = lowest.shape
        return ops.reshape(lowest, (-1, num_columns, num_features * num_filters))

    def _go_up(self, x: Any, skip: Any, up: keras.layers.Layer) -> Any:
        """Returns what comes up to a level and the middle of its skip, side by side."""
        columns = 2 * x.shape[1] - _IMAGE_TAPS
        # Along time what all taps reach, along frequency what undoes the padding.
        x = up(x)[:, _IMAGE_TAPS - 1 : _IMAGE_TAPS - 1 + columns, 2 : 2 + skip.shape[2]]
        first = (skip.shape[1] - columns) // 2
        return ops.concatenate([x, skip[:, first : first + columns]], axis=-1)

    def _leave(self, x: Any) -> Any:
        """Returns (B, M', S, C, N_out) of the last features (B, M', N, F)."""
        # (B, M', N, S C) -> (B, M', S C, N)
        outputs = ops.transpose(self.exit(x), (0, 1, 3, 2))
        missing = self.sizes.masked_features - outputs.shape[-1]
        highest = ops.repeat(outputs[..., -1:], missing, axis=-1)
        return self._apart(ops.concatenate([outputs, highest], axis=-1))

    def _num_features(self) -> int:
        return self.sizes.heard_features >> self.settings.depth << self.settings.depth

    def flops(self, num_masked: int) -> int:
        """Returns the multiplications and additions of all products."""
        columns = num_masked
        features = self._num_features()
        below = self._num_filters(0) + self.sizes.num_channels
        total = columns * features * below * self.sizes.num_sources * self.sizes.num_channels
        taps = _IMAGE_TAPS**2
        # Of each level what leaves the way back, then what leaves the way there.
        widths = [columns]
        for _ in range(self.settings.depth):
            columns = (columns + _IMAGE_TAPS) // 2
            widths.append(columns)
        reads = columns
        inside = [self.sizes.num_channels, *map(self._num_filters, range(1, len(widths)))]
        for level in range(self.settings.depth, 0, -1):
            at_level = features >> level
            # A level of the way down gives what the levels below it read.
            total += reads * at_level * taps * inside[level - 1] * inside[level]
            reads = 2 * reads + _IMAGE_TAPS - 2
            skip = 0 if level == self.settings.depth else inside[level]
            coming = inside[level] if level == self.settings.depth else self._num_filters(level)
            total += (
                widths[level] * at_level * taps * (coming + skip) * self._num_filters(level - 1)
            )
        return 2 * total


BODIES: dict[str, type[Body]] = {
    "tcn": Convolutions,
    "unet": Images,
    "blstm": Recurrence,
    "lstm": Columns,
}
