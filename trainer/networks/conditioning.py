"""Lets instrument labels enter the features of a network, for any Keras backend.

Axes: B examples, T frames, F features, K slots. Labels are (B, K): multi-hot, or -1 throughout
where they are not known, which is not the same as an empty vector, where nothing plays. Every kind
treats each example by its own labels alone: permuting the batch permutes the result.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import ops

UNKNOWN = -1.0


class Concatenation(keras.layers.Layer):
    """Appends the labels to the features of every frame: (B, T, F), (B, K) -> (B, T, F + K)."""

    def call(self, features: Any, labels: Any) -> Any:
        """Returns features and labels side by side, (B, T, F + K)."""
        # (B, K) -> (B, T, K)
        repeated = ops.tile(labels[:, None, :], (1, features.shape[1], 1))
        return ops.concatenate([features, repeated], axis=-1)


class Modulation(keras.layers.Layer):
    """Scales and shifts features by labels: (B, T, F), (B, K) -> h (1 + W z) + V z, (B, T, F).

    Both together are feature-wise linear modulation: Perez et al., "FiLM: Visual Reasoning with a
    General Conditioning Layer", AAAI 2018. Without biases, so that a zero vector leaves the
    features as they are.
    """

    def __init__(self, scale: bool, shift: bool, seeds: Iterator[int], **kwargs: Any) -> None:
        """Chooses W (scale), V (shift) or both; ``seeds`` are those of their first values."""
        super().__init__(**kwargs)
        self._has_scale = scale
        self._has_shift = shift
        self._seeds = seeds

    def build(self, features_shape: Sequence[Any], labels_shape: Sequence[Any]) -> None:
        """Makes W and V, (K, F) each."""
        shape = (labels_shape[-1], features_shape[-1])
        if self._has_scale:
            self.scale = self._add_matrix(shape, "scale")
        if self._has_shift:
            self.shift = self._add_matrix(shape, "shift")

    def _add_matrix(self, shape: tuple[int, int], name: str) -> Any:
        initializer = keras.initializers.GlorotUniform(next(self._seeds))
        return self.add_weight(shape=shape, initializer=initializer, name=name)

    def call(self, features: Any, labels: Any) -> Any:
        """Returns the modulated features, (B, T, F)."""
        # Each product is (B, K) (K, F) -> (B, F), the same for all frames.
        if self._has_scale:
            features = features * (1 + ops.matmul(labels, self.scale))[:, None]
        if self._has_shift:
            features = features + ops.matmul(labels, self.shift)[:, None]
        return features


class OuterProduct(keras.layers.Layer):
    """Multiplies every feature by every label: y[b, t, f K + k] = h[b, t, f] z[b, k].

    The multiplicative conditioning of the first publication of this system (Slizovskaia et al.,
    "End-to-end Sound Source Separation Conditioned on Instrument Labels", ICASSP 2019), which has
    no parameters.
    """

    def call(self, features: Any, labels: Any) -> Any:
        """Returns all products: (B, T, F), (B, K) -> (B, T, F K)."""
        # (B, T, F, 1) (B, 1, 1, K) -> (B, T, F, K)
        product = features[:, :, :, None] * labels[:, None, None, :]
        return ops.reshape(product, (-1, features.shape[1], features.shape[2] * labels.shape[1]))


def make_layer(kind: str, seeds: Iterator[int], name: str, dtype: str) -> keras.layers.Layer:
    """Makes the layer of a kind of conditioning, (features (B, T, F), labels (B, K)) -> features.

    Args:
        kind: concat, add, scale, film or outer.
        seeds: gives each matrix that the layer makes its seed.
        name: begins the paths of its variables.
        dtype: what it computes in.
    """
    if kind == "concat":
        return Concatenation(name=name, dtype=dtype)
    if kind == "outer":
        return OuterProduct(name=name, dtype=dtype)
    scale = kind in ("scale", "film")
    shift = kind in ("add", "film")
    return Modulation(scale=scale, shift=shift, seeds=seeds, name=name, dtype=dtype)


def conditioning_vector(labels: Any) -> Any:
    """Returns the labels, with zeros where they are unknown: (B, K) -> (B, K)."""
    return ops.maximum(labels, 0.0)


def gate(estimates: Any, labels: Any) -> Any:
    """Silences the slots whose instrument has no part: (B, K, T, C), (B, K) -> (B, K, T, C)."""
    # Unknown labels, -1 throughout, leave all slots open.
    return estimates * ops.abs(labels)[:, :, None, None]
