"""Attends along one axis, for any Keras backend.

Vaswani et al., "Attention is all you need", NeurIPS 2017, as the band-split transformers have it:
what is read is normalised first (Zhang, Sennrich, "Root mean square layer normalization", NeurIPS
2019), queries and keys are turned by their positions (Su et al., "RoFormer", Neurocomputing 568,
2024), and every head has a gate. Norms, the softmax and gates are float32 whatever the compute
dtype.

Axes: B sequences, N positions, D features, H heads, E features of a head.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

# Of the slowest pair: it turns once in 2 pi times so many positions.
_SLOWEST = 10_000.0
# Of a vector that is scaled to a length.
_LEAST_LENGTH = 1e-12
# What the products of unit vectors are multiplied by.
_LINEAR_SCALE = 8.0


class Norm(keras.layers.Layer):
    """Scales vectors to one length: x -> x / |x| sqrt(D) gamma, float32."""

    def __init__(self, name: str) -> None:
        """Makes no weights yet."""
        super().__init__(name=name, dtype="float32")

    def build(self, shape: tuple[int, ...]) -> None:
        """Makes gamma, (D,)."""
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones", name="gamma")

    def call(self, x: Any) -> Any:
        """Returns what is scaled, (..., D)."""
        return _unit(x, axis=-1) * x.shape[-1] ** 0.5 * self.gamma


class Dense(keras.layers.Dense):
    """Is a dense layer whose product alone is of the compute dtype: (..., D) -> float32."""

    def call(self, x: Any) -> Any:
        """Returns what it makes of the features."""
        dtype = self.compute_dtype
        product = ops.matmul(ops.cast(x, dtype), ops.cast(self.kernel, dtype))
        product = ops.cast(product, "float32")
        return product if self.bias is None else product + self.bias


class Heads(keras.layers.Layer):
    """Is what both kinds of attention have in common."""

    def __init__(
        self, num_heads: int, head_size: int, seeds: Iterator[int], name: str, dtype: Any
    ) -> None:
        """Makes no weights yet.

        Args:
            num_heads: H.
            head_size: E.
            seeds: gives each kernel its seed.
            name: begins the paths of its variables.
            dtype: what it computes in.
        """
        super().__init__(name=name, dtype=dtype, autocast=False)
        self._num_heads = num_heads
        self._head_size = head_size
        self._seeds = seeds

    def build(self, shape: tuple[int, ...]) -> None:
        """Makes the layers, for (B, N, D)."""
        width = self._num_heads * self._head_size
        self.norm = Norm("norm")
        options = {"seeds": self._seeds, "dtype": self.dtype_policy, "use_bias": False}
        self.entrance = dense(3 * width, name="queries_keys_values", **options)
        self.exit = dense(shape[-1], name="exit", **options)

    def _parts(self, x: Any) -> list[Any]:
        """Returns queries, keys and values of what is normalised: (B, N, D) -> (B, H, N, E)."""
        num_positions = x.shape[1]
        shape = (-1, num_positions, 3, self._num_heads, self._head_size)
        entered = ops.cast(self.entrance(x), self.compute_dtype)
        parts = ops.unstack(ops.reshape(entered, shape), axis=2)
        return [ops.transpose(part, (0, 2, 1, 3)) for part in parts]

    def _beside(self, read: Any) -> Any:
        """Puts what heads have read side by side: (B, H, N, E) -> (B, N, H E)."""
        width = self._num_heads * self._head_size
        return ops.reshape(ops.transpose(read, (0, 2, 1, 3)), (-1, read.shape[2], width))


class Attention(Heads):
    """Lets every position read all of its sequence: (B, N, D) -> (B, N, D), to be added to it."""

    def build(self, shape: tuple[int, ...]) -> None:
        """Makes the layers, for (B, N, D)."""
        super().build(shape)
        self.gates = dense(self._num_heads, "gates", self._seeds, self.dtype_policy)

    def call(self, x: Any) -> Any:
        """Returns what is added to x, (B, N, D)."""
        x = self.norm(x)
        queries, keys, values = self._parts(x)
        # (B, H, N, E) (B, H, E, N) -> (B, H, N, N)
        products = ops.matmul(rotate(queries), ops.transpose(rotate(keys), (0, 1, 3, 2)))
        weights = ops.softmax(ops.cast(products, "float32") * self._head_size**-0.5, axis=-1)
        read = ops.matmul(ops.cast(weights, self.compute_dtype), values)
        # (B, N, H) -> (B, H, N, 1)
        gates = ops.transpose(ops.sigmoid(self.gates(x)), (0, 2, 1))[..., None]
        read = ops.cast(ops.cast(read, "float32") * gates, self.compute_dtype)
        return self.exit(self._beside(read))


class LinearAttention(Heads):
    """Lets features read features: (B, N, D) -> (B, N, D), to be added to it; linear in N.

    El-Nouby et al., "XCiT: Cross-covariance image transformers", NeurIPS 2021: queries and keys are
    scaled to length 1 along positions, and a head has a temperature.
    """

    def build(self, shape: tuple[int, ...]) -> None:
        """Makes the layers, for (B, N, D), and the logarithms of the temperatures, (H, 1, 1)."""
        super().build(shape)
        heads = (self._num_heads, 1, 1)
        self.temperature = self.add_weight(shape=heads, initializer="zeros", name="temperature")

    def call(self, x: Any) -> Any:
        """Returns what is added to x, (B, N, D)."""
        queries, keys, values = self._parts(self.norm(x))
        queries = _unit(ops.cast(queries, "float32"), axis=2)
        keys = _unit(ops.cast(keys, "float32"), axis=2)
        heat = ops.exp(ops.cast(self.temperature, "float32")) * _LINEAR_SCALE
        # Features by features: (B, H, E, N) (B, H, N, E) -> (B, H, E, E).
        products = ops.matmul(ops.transpose(queries, (0, 1, 3, 2)), keys) * heat
        weights = ops.cast(ops.softmax(products, axis=-1), self.compute_dtype)
        # Feature e of a position is the sum over f of weights[e, f] values[f].
        read = ops.matmul(values, ops.transpose(weights, (0, 1, 3, 2)))
        return self.exit(self._beside(read))


class FeedForward(keras.layers.Layer):
    """Changes every position by itself: (..., D) -> (..., D), to be added to it."""

    def __init__(self, wider: int, seeds: Iterator[int], name: str, dtype: Any) -> None:
        """Makes no weights yet; between its two layers are ``wider`` times D features."""
        super().__init__(name=name, dtype=dtype, autocast=False)
        self._wider = wider
        self._seeds = seeds

    def build(self, shape: tuple[int, ...]) -> None:
        """Makes the layers, for (..., D)."""
        self.norm = Norm("norm")
        width = self._wider * shape[-1]
        self.entrance = dense(width, "entrance", self._seeds, self.dtype_policy)
        self.exit = dense(shape[-1], "exit", self._seeds, self.dtype_policy)

    def call(self, x: Any) -> Any:
        """Returns what is added to x, (..., D)."""
        return self.exit(ops.gelu(self.entrance(self.norm(x)), approximate=False))


def dense(
    num_outputs: int, name: str, seeds: Iterator[int], dtype: Any, use_bias: bool = True
) -> Dense:
    """Makes a dense layer whose first kernel follows from the next seed."""
    return Dense(
        num_outputs,
        use_bias=use_bias,
        kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
        name=name,
        dtype=dtype,
        autocast=False,
    )


def rotations(num_positions: int, head_size: int) -> tuple[NDArray[np.float32], ...]:
    """Returns cosine and sine of the angles of every pair, (N, E / 2) each."""
    rates = _SLOWEST ** (-np.arange(0, head_size, 2) / head_size)
    angles = np.arange(num_positions)[:, None] * rates
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def rotate(x: Any) -> Any:
    """Turns pairs of features by their position: (B, H, N, E). A pair is i and E / 2 + i."""
    cosine, sine = (ops.cast(each, x.dtype) for each in rotations(*x.shape[-2:]))
    # Not by indices, whose gradients TensorFlow writes as large as x, and adds.
    first, second = ops.split(x, 2, axis=-1)
    turned = [first * cosine - second * sine, second * cosine + first * sine]
    return ops.concatenate(turned, axis=-1)


def _unit(x: Any, axis: int) -> Any:
    """Scales vectors along an axis to length 1."""
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    # Of a vector of zeros, too, there is a gradient.
    return x * ops.rsqrt(ops.maximum(squares, _LEAST_LENGTH**2))
