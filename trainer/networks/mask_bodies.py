"""Holds what a mask network has between spectrum and masks, for any Keras backend.

Every body hears features of columns (B, M, C, N_in) and gives numbers (B, M', S, C, N_out), of
which masks are made, for S sources. ``encode`` does what labels play no part in, ``decode`` the
rest. Each treats an example by itself: there are no batch statistics.

Axes: B examples, M columns in, M' columns out, C channels, S sources, N features, K slots.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from configs import StftMaskSettings
from trainer.networks.conditioning import make_layer
from trainer.networks.frames import crop
from trainer.networks.layers import LEAKY_SLOPE

_TAPS = 3
_IMAGE_TAPS = 5


class Sizes(NamedTuple):
    """Says what a body hears and gives."""

    num_sources: int
    num_channels: int
    heard_features: int
    masked_features: int

    @property
    def num_inputs(self) -> int:
        """Returns how many numbers of a column a body hears."""
        return self.num_channels * self.heard_features

    @property
    def num_outputs(self) -> int:
        """Returns how many numbers of a column a body gives."""
        return self.num_sources * self.num_channels * self.masked_features


class Body(keras.layers.Layer):
    """Is what all bodies have in common."""

    def __init__(
        self, settings: StftMaskSettings, sizes: Sizes, seeds: Iterator[int], name: str, dtype: str
    ) -> None:
        """Makes the layers.

        Args:
            settings: of the network.
            sizes: of what it hears and gives.
            seeds: gives each kernel its seed.
            name: begins the paths of its variables.
            dtype: what it computes in.
        """
        super().__init__(name=name, dtype=dtype)
        self.settings = settings
        self.sizes = sizes
        self._seeds = seeds
        self.conditioner = None

    def encode(self, features: Any) -> Any:
        """Returns what ``decode`` takes, of features (B, M, C, N_in)."""
        raise NotImplementedError

    def decode(self, encoded: Any, vector: Any) -> Any:
        """Returns (B, M', S, C, N_out); the vector of labels (B, K) is None where none enters."""
        raise NotImplementedError

    def call(self, features: Any, vector: Any = None) -> Any:
        """Encodes and decodes."""
        return self.decode(self.encode(features), vector)

    def flops(self, num_masked: int) -> int:
        """Returns the multiplications and additions by which so many columns are masked."""
        raise NotImplementedError

    def _make_conditioner(self) -> None:
        if self.settings.conditioning != "none":
            kind = self.settings.conditioning
            self.conditioner = make_layer(
                kind, self._seeds, "conditioning", dtype=self.dtype_policy
            )

    def _dense(self, num_outputs: int, name: str, use_bias: bool = True) -> keras.layers.Layer:
        return keras.layers.Dense(
            num_outputs,
            use_bias=use_bias,
            kernel_initializer=keras.initializers.GlorotUniform(next(self._seeds)),
            name=name,
            dtype=self.dtype_policy,
        )

    def _flat(self, features: Any) -> Any:
        """Returns the features of a column side by side: (B, M, C, N) -> (B, M, C N)."""
        return ops.reshape(features, (-1, features.shape[1], self.sizes.num_inputs))

    def _apart(self, outputs: Any) -> Any:
        """Undoes that of outputs: (B, M', S C N) -> (B, M', S, C, N)."""
        sizes = self.sizes
        shape = (sizes.num_sources, sizes.num_channels, sizes.masked_features)
        return ops.reshape(outputs, (-1, outputs.shape[1], *shape))

    def _conditioned(self, x: Any, vector: Any) -> Any:
        if self.conditioner is None:
            return x
        return self.conditioner(x, vector)


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
        x = self._conditioned(encoded, vector)
        for norm, convolution, back in zip(
            self.norms, self.convolutions, self.returns, strict=True
        ):
            y = back(convolution(norm(x)))
            x = crop(x, y.shape[1]) + y
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
            # As many features of zeros before as behind, but one: they are halved.
            x = down(ops.pad(x, ((0, 0), (0, 0), (2, 1), (0, 0))))
            levels.append(x)
        return levels

    def decode(self, encoded: Any, vector: Any) -> Any:
        """Returns (B, M', S, C, N_out)."""
        *skips, x = encoded
        _, num_columns, num_features, num_filters = x.shape
        along = ops.reshape(x, (-1, num_columns * num_features, num_filters))
        along = self._conditioned(along, vector)
        x = ops.reshape(along, (-1, num_columns, num_features, num_filters))
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            columns = 2 * x.shape[1] - _IMAGE_TAPS
            # Along time what all taps reach, along frequency what undoes the padding.
            x = up(x)[:, _IMAGE_TAPS - 1 : _IMAGE_TAPS - 1 + columns, 2 : 2 + skip.shape[2]]
            first = (skip.shape[1] - columns) // 2
            x = ops.concatenate([x, skip[:, first : first + columns]], axis=-1)
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


class Scaling(keras.layers.Layer):
    """Multiplies each feature by a number and adds another.

    It is what batch normalisation is once its statistics are fixed.
    """

    def build(self, shape: Any) -> None:
        """Makes both, (F,) each, so that nothing changes at first."""
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")
        self.shift = self.add_weight(shape=(shape[-1],), initializer="zeros", name="shift")

    def call(self, x: Any) -> Any:
        """Returns x times the scale plus the shift, of the same shape."""
        return x * self.scale + self.shift


class _Cell(keras.layers.Layer):
    """Steps from one column to the next.

    Not that of Keras, which holds a random state for what it might drop.
    """

    def __init__(self, units: int, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        # Of what came out, and of the memory.
        self.state_size = [units, units]
        self.output_size = units
        self._initializer = keras.initializers.Orthogonal(seed=seed)

    def build(self, shape: Any) -> None:
        """Makes the kernel of what came out of the column before, (U, 4 U)."""
        self.kernel = self.add_weight(
            shape=(self.units, shape[-1]), initializer=self._initializer, name="kernel"
        )

    def call(self, inputs: Any, states: Any) -> tuple[Any, Any]:
        """Returns what comes out (B, U), and the new states.

        Args:
            inputs: what the column adds to the gates, (B, 4 U).
            states: what came out of the column before, and its memory, (B, U) each.
        """
        output, memory = states
        gates = inputs + ops.matmul(output, self.kernel)
        let_in, keep, candidate, let_out = ops.split(gates, 4, axis=-1)
        memory = ops.sigmoid(keep) * memory + ops.sigmoid(let_in) * ops.tanh(candidate)
        output = ops.sigmoid(let_out) * ops.tanh(memory)
        return output, [output, memory]


class Lstm(keras.layers.Layer):
    """Goes through columns (B, M, N) one after the other and gives U numbers of each, (B, M, U).

    Hochreiter, Schmidhuber, "Long short-term memory", Neural Computation 9 (8), 1997, with the
    forget gates of Gers et al., 2000, which are open at first.
    """

    def __init__(
        self, units: int, seeds: Iterator[int], name: str, dtype: Any, backwards: bool = False
    ) -> None:
        """Makes the layers; ``backwards``: from the last column to the first."""
        super().__init__(name=name, dtype=dtype)
        self._backwards = backwards

        def open_keep(shape: Any, dtype: Any = None) -> Any:
            del shape
            return ops.cast(np.repeat([0, 1, 0, 0], units), dtype)

        # Of all columns at once.
        self.gates = keras.layers.Dense(
            4 * units,
            kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
            bias_initializer=open_keep,
            name="gates",
            dtype=dtype,
        )
        self.columns = keras.layers.RNN(
            _Cell(units, next(seeds), name="cell", dtype=dtype),
            return_sequences=True,
            go_backwards=backwards,
            name="columns",
            dtype=dtype,
        )

    def call(self, x: Any) -> Any:
        """Returns (B, M, U), in the order of time."""
        y = self.columns(self.gates(x))
        return ops.flip(y, axis=1) if self._backwards else y


class Recurrence(Body):
    """Is Open-Unmix's network: columns one after the other, in both directions.

    Stöter, Uhlich, Liutkus, Mitsufuji, "Open-Unmix - A Reference Implementation for Music Source
    Separation", JOSS 4 (41), 2019, with its normalisation over batches as a fixed scale and shift.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        width = self.settings.width
        self.heard = Scaling(name="heard", dtype=self.dtype_policy)
        self.entrance = self._dense(width, "entrance", use_bias=False)
        self.entrance_scaling = Scaling(name="entrance_scaling", dtype=self.dtype_policy)
        self._make_conditioner()
        numbers = range(1, self.settings.depth + 1)
        # A half of the features from each direction.
        half = width // 2
        self.forwards = [
            Lstm(half, self._seeds, f"forwards_{i}", self.dtype_policy) for i in numbers
        ]
        self.backwards = [
            Lstm(half, self._seeds, f"backwards_{i}", self.dtype_policy, backwards=True)
            for i in numbers
        ]
        self.middle = self._dense(width, "middle", use_bias=False)
        self.middle_scaling = Scaling(name="middle_scaling", dtype=self.dtype_policy)
        self.exit = self._dense(self.sizes.num_outputs, "exit", use_bias=False)
        self.exit_scaling = Scaling(name="exit_scaling", dtype=self.dtype_policy)
        self.given = Scaling(name="given", dtype=self.dtype_policy)

    def encode(self, features: Any) -> Any:
        """Returns the features of each column by itself, (B, M, width)."""
        heard = self._flat(self.heard(features))
        return ops.tanh(self.entrance_scaling(self.entrance(heard)))

    def decode(self, encoded: Any, vector: Any) -> Any:
        """Returns (B, M', S, C, N_out)."""
        x = self._conditioned(encoded, vector)
        y = x
        for forwards, backwards in zip(self.forwards, self.backwards, strict=True):
            y = ops.concatenate([forwards(y), backwards(y)], axis=-1)
        x = ops.concatenate([x, y], axis=-1)
        x = crop(x, x.shape[1] - 2 * self.settings.context_columns)
        x = ops.relu(self.middle_scaling(self.middle(x)))
        return self.given(self._apart(self.exit_scaling(self.exit(x))))

    def flops(self, num_masked: int) -> int:
        """Returns the multiplications and additions of all products."""
        width = self.settings.width
        half = width // 2
        total = num_masked * (2 * width * width + width * self.sizes.num_outputs)
        # Four gates in each direction, of what comes in and of what went out before.
        of_layer = 2 * 4 * half * (width + half)
        num_columns = num_masked + 2 * self.settings.context_columns
        total += num_columns * (width * self.sizes.num_inputs + self.settings.depth * of_layer)
        return 2 * total


class Columns(Body):
    """Takes one column after the other, as the earlier system of this family did."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._make_conditioner()
        numbers = range(1, self.settings.depth + 1)
        self.layers_in_time = [
            Lstm(self.settings.width, self._seeds, f"layer_{i}", self.dtype_policy) for i in numbers
        ]
        self.exit = self._dense(self.sizes.num_outputs, "exit")

    def encode(self, features: Any) -> Any:
        """Returns the features as they are, (B, M, C N_in)."""
        return self._flat(features)

    def decode(self, encoded: Any, vector: Any) -> Any:
        """Returns (B, M', S, C, N_out)."""
        x = self._conditioned(encoded, vector)
        for layer in self.layers_in_time:
            x = layer(x)
        x = crop(x, x.shape[1] - 2 * self.settings.context_columns)
        return self._apart(self.exit(x))

    def flops(self, num_masked: int) -> int:
        """Returns the multiplications and additions of all products."""
        width = self.settings.width
        num_columns = num_masked + 2 * self.settings.context_columns
        of_layers = 0
        num_inputs = self.sizes.num_inputs
        for _ in range(self.settings.depth):
            of_layers += 4 * width * (num_inputs + width)
            num_inputs = width
        return 2 * (num_columns * of_layers + num_masked * width * self.sizes.num_outputs)


BODIES: dict[str, type[Body]] = {
    "tcn": Convolutions,
    "unet": Images,
    "blstm": Recurrence,
    "lstm": Columns,
}
