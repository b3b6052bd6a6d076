"""Losses in float32, whatever the network computes in. Axes: references and estimates (B, K, T, C)."""

from typing import Any

from keras import ops


def mean_squared_error(references: Any, estimates: Any) -> Any:
    """Mean of the squared error over examples, slots, frames and channels; a scalar.

    A mean, so that its scale depends on none of them. Silent slots count: they are to be silent.
    """
    return ops.mean(ops.square(ops.cast(references, "float32") - ops.cast(estimates, "float32")))
