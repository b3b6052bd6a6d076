"""Compiles what a network computes, on the backend that Keras was imported with."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


def compiled(
    function: Callable[..., Any], networks: Sequence[keras.Model], by_xla: bool | None = None
) -> Callable[..., NDArray[Any]]:
    """Returns a function of arrays that answers with one, compiled once for each shape.

    Args:
        function: of arrays; its answer is one.
        networks: whose weights it uses; these may change between calls.
        by_xla: of TensorFlow: whether XLA compiles it.
    """
    if keras.backend.backend() == "jax":
        return _by_jax(function, networks)
    import tensorflow as tf

    # What differs in length from call to call is traced once.
    run = tf.function(function, reduce_retracing=True, jit_compile=by_xla)
    return lambda *arrays: run(*arrays).numpy()


def _by_jax(
    function: Callable[..., Any], networks: Sequence[keras.Model]
) -> Callable[..., NDArray[Any]]:
    import jax

    variables = [variable for network in networks for variable in network.variables]

    # JAX would take weights for constants, were they not given.
    def compute(values: Sequence[Any], arrays: Sequence[Any]) -> Any:
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return function(*arrays)

    run = jax.jit(compute)

    def called(*arrays: Any) -> NDArray[Any]:
        values = [variable.value for variable in variables]
        # What tf.data draws is of TensorFlow.
        return np.asarray(run(values, jax.tree.map(np.asarray, arrays)))

    return called
