"""Holds the bodies of a mask network that go from column to column, for any Keras backend.

Axes as in ``mask_body``; U units of a recurrent layer.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from trainer.networks.frames import crop
from trainer.networks.masks.mask_body import Body
from trainer.networks.network import rematerialised


class Scaling(keras.layers.Layer):
    """Multiplies each feature by a number and adds another.

    It is what batch normalisation is once its statistics are fixed.
    """

    def __init__(self, first_scale: float = 1.0, first_shift: float = 0.0, **kwargs: Any) -> None:
        """Takes what the numbers of all features are at first; unless told, nothing changes."""
        super().__init__(**kwargs)
        self._first_scale = keras.initializers.Constant(first_scale)
        self._first_shift = keras.initializers.Constant(first_shift)

    def build(self, shape: Any) -> None:
        """Makes both, (F,) each."""
        self.scale = self.add_weight(
            shape=(shape[-1],), initializer=self._first_scale, name="scale"
        )
        self.shift = self.add_weight(
            shape=(shape[-1],), initializer=self._first_shift, name="shift"
        )

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
        return rematerialised(self._leave)(x, self.trunk(x))

    def trunk(self, encoded: Any) -> Any:
        """Returns what all layers make of features (B, M, width), (B, M, width)."""
        y = encoded
        for i, _ in enumerate(self.forwards):
            y = rematerialised(self._go_both_ways, i=i)(y)
        return y

    def _go_both_ways(self, y: Any, i: int) -> Any:
        """Goes through the columns in both directions: (B, M, N) -> (B, M, width)."""
        return ops.concatenate([self.forwards[i](y), self.backwards[i](y)], axis=-1)

    def _leave(self, x: Any, y: Any) -> Any:
        """Returns (B, M', S, C, N_out) of what came in and of what came out, (B, M, width) both."""
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
        x = self.trunk(self._conditioned(encoded, vector))
        x = crop(x, x.shape[1] - 2 * self.settings.context_columns)
        return self._apart(self.exit(x))

    def trunk(self, encoded: Any) -> Any:
        """Returns what all layers make of features (B, M, N), (B, M, width)."""
        x = encoded
        for layer in self.layers_in_time:
            x = rematerialised(layer)(x)
        return x

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
