"""Lets networks on JAX begin with the weights that the same seed gives on TensorFlow."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from unittest import mock

import jax
import numpy as np
import tensorflow as tf

# What Keras's initializers draw by.
_DRAWN_BY = "keras.src.backend.jax.random"
_LARGEST_SEED = np.iinfo(np.int32).max - 1


@contextmanager
def drawn_as_by_tensorflow() -> Iterator[None]:
    """Has Keras draw weights by TensorFlow, on this machine's CPU."""
    module = import_module(_DRAWN_BY)

    def replaced(name: str, draw: Any) -> Any:
        def drawn(shape: Sequence[int], *law: float, seed: Any, **named: Any) -> Any:
            # Keras makes some layers while it traces others.
            with jax.ensure_compile_time_eval(), tf.device("CPU:0"):
                numbers = np.asarray(module.draw_seed(seed), np.int64) % _LARGEST_SEED
                values = draw(shape, tf.constant(numbers, tf.int32), *law, **named)
                return jax.numpy.asarray(values.numpy())

        return mock.patch.object(module, name, drawn)

    with (
        replaced("uniform", _uniform),
        replaced("normal", tf.random.stateless_normal),
        replaced("truncated_normal", tf.random.stateless_truncated_normal),
    ):
        yield


def _uniform(
    shape: Sequence[int],
    seed: tf.Tensor,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: str = "float32",
) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, seed, minval, maxval, dtype)
