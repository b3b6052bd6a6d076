"""Knows the variables of musicnn's checkpoints, and gives them to the body that is their like."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.imports.musicnn_wheel import Contents
from trainer.imports.tensor_file import Tensors

# Of its normalisation over batches.
_EPSILON = 1e-3
# Of the optimiser, which has no place here.
_OPTIMISER = ("/Adam", "/Adam_1", "beta1_power", "beta2_power")
_NORM = "batch_normalization"
# A layer of the body -> the layer of the checkpoint, in the order in which its code makes them.
_MUSICNN = {
    "heard": _NORM,
    "timbre_1": "conv2d",
    "timbre_scaling_1": f"{_NORM}_1",
    "timbre_2": "conv2d_1",
    "timbre_scaling_2": f"{_NORM}_2",
    "rhythm_1": "conv2d_2",
    "rhythm_scaling_1": f"{_NORM}_3",
    "rhythm_2": "conv2d_3",
    "rhythm_scaling_2": f"{_NORM}_4",
    "rhythm_3": "conv2d_4",
    "rhythm_scaling_3": f"{_NORM}_5",
    "middle_1": "conv2d_5",
    "middle_scaling_1": f"{_NORM}_6",
    "middle_2": "conv2d_6",
    "middle_scaling_2": f"{_NORM}_7",
    "middle_3": "conv2d_7",
    "middle_scaling_3": f"{_NORM}_8",
    "pooled_scaling": f"{_NORM}_9",
    "dense": "dense",
    "dense_scaling": f"{_NORM}_10",
    "exit": "dense_1",
}
_VGG = {
    "heard": _NORM,
    **{f"convolution_{i}": f"{i}CNN" for i in range(1, 6)},
    **{f"scaling_{i}": f"{_NORM}_{i}" for i in range(1, 6)},
    "exit": "dense",
}
# By the name of the body.
LAYERS: Mapping[str, Mapping[str, str]] = {"musicnn": _MUSICNN, "vgg": _VGG, "vgg_msd": _VGG}


def read_checkpoint(contents: Contents, where: object) -> dict[str, NDArray[np.float32]]:
    """Returns the variables of a checkpoint by name, without those of its optimiser.

    Args:
        contents: of the wheel.
        where: names it in errors.

    Raises:
        ValueError: it is no checkpoint of TensorFlow.
    """
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        # TensorFlow takes no checkpoint whose name is empty, as those in the wheel are.
        prefix = Path(folder, "model")
        prefix.with_suffix(".index").write_bytes(contents.index)
        prefix.with_suffix(".data-00000-of-00001").write_bytes(contents.numbers)
        try:
            reader = tf.train.load_checkpoint(str(prefix))
            names = sorted(reader.get_variable_to_shape_map())
            kept = [name for name in names if not name.endswith(_OPTIMISER)]
            return {name: np.asarray(reader.get_tensor(name)) for name in kept}
        except (tf.errors.OpError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"{where} holds no checkpoint that TensorFlow reads ({reason}); expected that of "
                f"the wheel."
            ) from error


def give_weights(body: Any, layers: Mapping[str, str], tensors: Tensors, where: object) -> None:
    """Assigns every variable of a checkpoint to its place in a body, all of which they fill.

    Args:
        body: a layer whose layers are called as those in ``layers``.
        layers: one of ``LAYERS``.
        tensors: the variables.
        where: names the wheel in errors.

    Raises:
        ValueError: one is missing, has another shape, holds what no weights are, or has no place.
    """
    rest = dict(tensors)
    values: dict[str, NDArray[np.float32]] = {}
    for own, other in layers.items():
        if other.startswith(_NORM):
            size = _variable(body, f"{own}/scale").shape[0]
            parts = [
                _taken(rest, f"{other}/{part}", (size,), where)
                for part in ("gamma", "beta", "moving_mean", "moving_variance")
            ]
            values[f"{own}/scale"], values[f"{own}/shift"] = _fixed(*parts)
            continue
        for part in ("kernel", "bias"):
            shape = tuple(_variable(body, f"{own}/{part}").shape)
            values[f"{own}/{part}"] = _taken(rest, f"{other}/{part}", shape, where)
    if rest:
        raise ValueError(
            f"{where} has variables that the network has no place for: {', '.join(sorted(rest))}."
        )
    assert len(values) == len(body.variables)
    for name, array in values.items():
        _variable(body, name).assign(array)


def _variable(body: Any, name: str) -> Any:
    """Returns the variable of a body that is called so."""
    (found,) = [each for each in body.variables if each.path.endswith(f"/{name}")]
    return found


def _taken(
    rest: dict[str, NDArray[np.float32]], name: str, shape: tuple[int, ...], where: object
) -> NDArray[np.float32]:
    """Takes a variable out of those that are left, in the shape that it has here."""
    if name not in rest:
        raise ValueError(f"{where} has no variable {name}; expected that of the wheel.")
    found = rest.pop(name)
    # Features along time are a picture of one channel there, (taps, F, 1, filters), and of F
    # channels here.
    legal = {shape}
    if len(shape) == 4:
        legal.add((shape[0], shape[2], shape[1], shape[3]))
    if found.shape not in legal or found.dtype != np.float32:
        raise ValueError(
            f"{where} has {name} of the shape {found.shape} and {found.dtype}; expected {shape} "
            f"and float32."
        )
    is_variance = name.endswith("variance")
    if not np.isfinite(found).all() or (is_variance and (found < 0).any()):
        raise ValueError(f"{where} has values in {name} that no weights are.")
    return found.reshape(shape)


def _fixed(
    gamma: NDArray[np.float32],
    beta: NDArray[np.float32],
    mean: NDArray[np.float32],
    variance: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the normalisation over batches with its statistics as scale and shift, (F,) each.

    (x - mean) / sqrt(variance + epsilon) gamma + beta; Ioffe, Szegedy, "Batch normalization", ICML
    2015.
    """
    scale = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + _EPSILON)
    shift = beta - mean * scale
    return scale.astype(np.float32), shift.astype(np.float32)
