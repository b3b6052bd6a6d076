"""How instrument labels enter the network, for any Keras backend.

Axes: B examples, T frames, F features, K slots. Labels are (B, K): multi-hot, or -1 throughout where they are not
known, which is not the same as an empty vector, where nothing plays. Every kind treats each example by its own labels
alone: permuting the batch permutes the result.
"""

from functools import partial
from typing import Any

import keras
from keras import ops

UNKNOWN = -1.0


class Concatenation(keras.layers.Layer):
    """The labels as features of every frame: (B, T, F), (B, K) -> (B, T, F + K)."""

    def call(self, features: Any, labels: Any) -> Any:
        """See the class."""
        repeated = ops.tile(labels[:, None, :], (1, features.shape[1], 1))
        return ops.concatenate([features, repeated], axis=-1)


class Modulation(keras.layers.Layer):
    """A gain and an offset per feature: (B, T, F), (B, K) -> h (1 + W z) + V z, of the shape of h, or one of the two.

    Both together are feature-wise linear modulation: Perez et al., "FiLM: Visual Reasoning with a General
    Conditioning Layer", AAAI 2018. Without biases, so that a zero vector leaves the features as they are.
    """

    def __init__(self, scale: bool, shift: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._names = [name for name, wanted in (("scale", scale), ("shift", shift)) if wanted]

    def build(self, features_shape: tuple[int, ...], labels_shape: tuple[int, ...]) -> None:
        """W and V, (K, F) each."""
        shape = (labels_shape[-1], features_shape[-1])
        self._matrices = {
            name: self.add_weight(shape=shape, initializer="glorot_uniform", name=name)
            for name in self._names
        }

    def call(self, features: Any, labels: Any) -> Any:
        """See the class."""
        if "scale" in self._matrices:
            features = features * (1 + ops.matmul(labels, self._matrices["scale"]))[:, None]
        if "shift" in self._matrices:
            features = features + ops.matmul(labels, self._matrices["shift"])[:, None]
        return features


class OuterProduct(keras.layers.Layer):
    """Every feature times every label: (B, T, F), (B, K) -> (B, T, F K) with y[b, t, f K + k] = h[b, t, f] z[b, k].

    The multiplicative conditioning of the first publication of this system, which has no parameters.
    """

    def call(self, features: Any, labels: Any) -> Any:
        """See the class."""
        product = features[:, :, :, None] * labels[:, None, None, :]
        return ops.reshape(product, (-1, features.shape[1], features.shape[2] * labels.shape[1]))


LAYERS: dict[str, Any] = {
    "concat": Concatenation,
    "add": partial(Modulation, scale=False, shift=True),
    "scale": partial(Modulation, scale=True, shift=False),
    "film": partial(Modulation, scale=True, shift=True),
    "outer": OuterProduct,
}


def conditioning_vector(labels: Any) -> Any:
    """What conditions the features: the labels, or zeros where they are unknown; (B, K) -> (B, K)."""
    return ops.maximum(labels, 0.0)


def gate(estimates: Any, labels: Any) -> Any:
    """Silence the slots whose instrument has no part; unknown labels leave all open: (B, K, T, C), (B, K)."""
    return estimates * ops.abs(labels)[:, :, None, None]
