"""Knows the tensors of Open-Unmix, and gives them to the body of a network that is its like.

Stöter, Uhlich, Liutkus, Mitsufuji, "Open-Unmix - A Reference Implementation for Music Source
Separation", JOSS 4 (41), 2019; names and shapes as in its package, version 1.3.0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainer.imports.tensor_file import Tensors

# They import Keras, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from trainer.networks.masks.recurrent_bodies import Lstm, Recurrence, Scaling

_Assignment = tuple[Any, NDArray[np.float32]]

# Of its normalisation over batches.
_EPSILON = 1e-5
_EXPECTED = "expected the weights of one target of Open-Unmix, as its package saves them"
# Each direction of a recurrent layer has these, with the suffix of the direction.
_DIRECTIONS = ("", "_reverse")


@dataclass(frozen=True)
class Sizes:
    """Holds what the shapes of a target's tensors say of its network."""

    num_channels: int
    # Of a column: that it hears, and that it masks.
    heard_bins: int
    masked_bins: int
    # Features behind the first layer.
    width: int
    # Recurrent layers.
    depth: int

    @property
    def window_frames(self) -> int:
        """Returns the frames of an analysis window."""
        return 2 * (self.masked_bins - 1)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the shape of every tensor that the network needs."""
        width = self.width
        num_outputs = self.num_channels * self.masked_bins
        shapes: dict[str, tuple[int, ...]] = {
            "input_mean": (self.heard_bins,),
            "input_scale": (self.heard_bins,),
            "output_mean": (self.masked_bins,),
            "output_scale": (self.masked_bins,),
            "fc1.weight": (width, self.num_channels * self.heard_bins),
            "fc2.weight": (width, 2 * width),
            "fc3.weight": (num_outputs, width),
        }
        for name, size in (("bn1", width), ("bn2", width), ("bn3", num_outputs)):
            for part in ("weight", "bias", "running_mean", "running_var"):
                shapes[f"{name}.{part}"] = (size,)
        # Four gates of half of the features in each direction.
        half = width // 2
        for layer in range(self.depth):
            for direction in _DIRECTIONS:
                suffix = f"l{layer}{direction}"
                shapes[f"lstm.weight_ih_{suffix}"] = (4 * half, width)
                shapes[f"lstm.weight_hh_{suffix}"] = (4 * half, half)
                shapes[f"lstm.bias_ih_{suffix}"] = (4 * half,)
                shapes[f"lstm.bias_hh_{suffix}"] = (4 * half,)
        return shapes


def sizes_of(tensors: Tensors, path: object) -> Sizes:
    """Returns the sizes of a target's network, and requires that its tensors are of them.

    Args:
        tensors: by their names.
        path: names their file in errors.

    Raises:
        ValueError: one is missing, of another shape, or holds what no weights are.
    """
    for name in ("input_mean", "output_mean", "fc1.weight", "lstm.weight_ih_l0"):
        if name not in tensors or not all(tensors[name].shape or (0,)):
            raise ValueError(f"{path} has no {name}; {_EXPECTED}.")
    heard_bins = tensors["input_mean"].size
    width = len(tensors["fc1.weight"])
    depth = sum(name.startswith("lstm.weight_ih_") for name in tensors) // len(_DIRECTIONS)
    sizes = Sizes(
        num_channels=tensors["fc1.weight"].size // (width * heard_bins),
        heard_bins=heard_bins,
        masked_bins=tensors["output_mean"].size,
        width=width,
        depth=depth,
    )
    if "lstm.weight_ih_l0" in tensors and "lstm.weight_ih_l0_reverse" not in tensors:
        raise ValueError(
            f"{path} goes through time in one direction (unidirectional); expected both, as the "
            f"body blstm has them."
        )
    for name, shape in sizes.shapes().items():
        _require_weights(tensors, name, shape, path)
    return sizes


def _require_weights(tensors: Tensors, name: str, shape: tuple[int, ...], path: object) -> None:
    if name not in tensors:
        raise ValueError(f"{path} has no {name}; {_EXPECTED}.")
    found = tensors[name]
    if found.shape != shape:
        raise ValueError(
            f"{path} has {name} of the shape {found.shape}; expected {shape}, of the shapes of "
            f"fc1.weight, input_mean and output_mean; {_EXPECTED}."
        )
    is_variance = name.endswith("running_var")
    if not np.isfinite(found).all() or (is_variance and (found < 0).any()):
        raise ValueError(f"{path} has values in {name} that no weights are; {_EXPECTED}.")


def unknown_names(tensors: Tensors, sizes: Sizes) -> list[str]:
    """Returns the names of tensors that have no place in the network.

    Counts of batches, the analysis window and the sample rate, which older versions stored, are
    known to have none.
    """
    known = sizes.shapes().keys()
    return sorted(
        name
        for name in tensors
        if name not in known
        and not name.endswith(("num_batches_tracked", ".window"))
        and name != "sample_rate"
    )


def give_weights(body: "Recurrence", tensors: Tensors) -> None:
    """Assigns the tensors of a target to a body of the same sizes."""
    for variable, values in _assignments(body, tensors):
        variable.assign(values)


def _assignments(body: "Recurrence", tensors: Tensors) -> Iterator[_Assignment]:
    """Yields every variable of a body with its values."""
    # (x + mean) scale = x scale + mean scale
    scale = tensors["input_scale"]
    yield from _scaling(body.heard, scale, tensors["input_mean"] * scale)
    yield body.entrance.kernel, tensors["fc1.weight"].T
    yield from _scaling(body.entrance_scaling, *_fixed(tensors, "bn1"))
    both = zip(body.forwards, body.backwards, strict=True)
    for layer, (forwards, backwards) in enumerate(both):
        yield from _recurrence(forwards, tensors, f"l{layer}")
        yield from _recurrence(backwards, tensors, f"l{layer}_reverse")
    yield body.middle.kernel, tensors["fc2.weight"].T
    yield from _scaling(body.middle_scaling, *_fixed(tensors, "bn2"))
    yield body.exit.kernel, tensors["fc3.weight"].T
    yield from _scaling(body.exit_scaling, *_fixed(tensors, "bn3"))
    yield from _scaling(body.given, tensors["output_scale"], tensors["output_mean"])


def _scaling(
    layer: "Scaling", scale: NDArray[np.float32], shift: NDArray[np.float32]
) -> Iterator[_Assignment]:
    yield layer.scale, scale
    yield layer.shift, shift


def _fixed(tensors: Tensors, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the normalisation over batches with its statistics as scale and shift, (F,) each.

    (x - mean) / sqrt(variance + epsilon) weight + bias; Ioffe, Szegedy, "Batch normalization",
    ICML 2015.
    """
    parts = ("weight", "bias", "running_mean", "running_var")
    weight, bias, mean, variance = (tensors[f"{name}.{part}"].astype(np.float64) for part in parts)
    scale = weight / np.sqrt(variance + _EPSILON)
    shift = bias - mean * scale
    return scale.astype(np.float32), shift.astype(np.float32)


def _recurrence(layer: "Lstm", tensors: Tensors, suffix: str) -> Iterator[_Assignment]:
    """Yields what is of one direction; the order of the gates is the same here and there."""
    yield layer.gates.kernel, tensors[f"lstm.weight_ih_{suffix}"].T
    # Both are added to the same sum.
    bias = tensors[f"lstm.bias_ih_{suffix}"] + tensors[f"lstm.bias_hh_{suffix}"]
    yield layer.gates.bias, bias
    yield layer.columns.cell.kernel, tensors[f"lstm.weight_hh_{suffix}"].T
