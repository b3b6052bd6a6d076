"""Time folded into features: the same convolutions on fewer, wider rows, for any Keras backend.

A TPU keeps the features of a frame in tiles of 128. The first levels of a Wave-U-Net have many frames of few features,
so most of what moves is padding. Folded by P, P neighbouring frames lie side by side as the P F features of one row
(space to depth), and a convolution of frames is one of rows, whose kernel holds the original kernel once for each
phase of the result, moved to where that phase reads and with zeros elsewhere. Variables and results stay the same.

Axes: B examples, T frames or rows, F features. T is static. Rows may hold any finite frames behind the last one.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

Phase = tuple[int, Any]
"""One phase of a result: the first frame that it reads, and its kernel (taps, F, filters)."""


def frames_of(x: Any, start: int, frames: int) -> Any:
    """``frames`` from ``start`` on: (B, T, F) -> (B, frames, F).

    Not ``x[:, start:stop]``: the gradient of a strided slice runs on one core of a CPU, that of this one on all.
    """
    return ops.slice(x, (0, start, 0), (ops.shape(x)[0], frames, x.shape[2]))


def fold(x: Any, phases: int) -> Any:
    """Neighbouring rows side by side: (B, T, F) -> (B, ceil(T / phases), phases F), zeros behind the last one."""
    whole = ops.pad(x, ((0, 0), (0, -x.shape[1] % phases), (0, 0)))
    return ops.reshape(whole, (-1, whole.shape[1] // phases, phases * x.shape[2]))


def unfold(x: Any, phases: int) -> Any:
    """The inverse of ``fold``: (B, T, phases F) -> (B, phases T, F)."""
    return ops.reshape(x, (-1, x.shape[1] * phases, x.shape[2] // phases))


def convolve_rows(x: Any, phases: int, results: Sequence[Phase], rows: int, stride: int = 1) -> Any:
    """All phases of a result from an x folded by ``phases``: (B, T, phases F) -> (B, rows, len(results) filters).

    From one row of the result to the next there are ``stride`` rows of x, behind whose last are zeros.
    """
    height = max(-(-(first + kernel.shape[0]) // phases) for first, kernel in results)
    columns = []
    for first, kernel in results:
        taps, features, filters = kernel.shape
        padded = ops.pad(kernel, ((first, height * phases - first - taps), (0, 0), (0, 0)))
        columns.append(ops.reshape(padded, (height, phases * features, filters)))
    needed = (rows - 1) * stride + height
    read = frames_of(x, 0, min(needed, x.shape[1]))
    read = ops.pad(read, ((0, 0), (0, needed - read.shape[1]), (0, 0)))
    return ops.conv(read, ops.concatenate(columns, axis=2), strides=stride, padding="valid")


def activate(layer: keras.layers.Conv1D, y: Any, phases: int) -> Any:
    """Bias and activation of a layer on a folded result of its kernel."""
    return layer.activation(y + ops.tile(ops.convert_to_tensor(layer.bias), phases))


def convolve_part(
    layer: keras.layers.Conv1D, x: Any, first: int, frames: int, phases: int, stride: int = 1
) -> Any:
    """Frames first, first + stride, ... of what a layer of valid padding makes of a folded x, folded too.

    x (B, T, phases F) -> (B, ceil(frames / out), out filters), out = phases / stride or 1.
    """
    kernel = ops.convert_to_tensor(layer.kernel)  # in the compute dtype
    out = max(1, phases // stride)
    first_row, offset = divmod(first, phases)
    results = [(offset + stride * phase, kernel) for phase in range(out)]
    read = frames_of(x, first_row, x.shape[1] - first_row) if first_row else x
    return activate(
        layer, convolve_rows(read, phases, results, -(-frames // out), stride * out // phases), out
    )


def through_upsampling(kernel: Any, weight: Any) -> tuple[Any, Any]:
    """The kernels that make of x what a kernel makes of an upsampled x: for the even frames of that, and the odd.

    Upsampled, frame 2 n is x[n] and frame 2 n + 1 is weight x[n] + (1 - weight) x[n + 1]. An odd number of taps,
    (k, F, filters) -> ((k + 1) / 2, F, filters) and ((k + 3) / 2, F, filters); weight is a number or (F, 1).
    """

    def moved(taps: Any, before: int, behind: int) -> Any:
        return ops.pad(taps, ((before, behind), (0, 0), (0, 0)))

    outer, inner = (
        kernel[0::2],
        kernel[1::2],
    )  # what meets the originals in even frames, and the midpoints
    even = outer + moved(weight * inner, 0, 1) + moved((1 - weight) * inner, 1, 0)
    odd = moved(inner, 1, 1) + moved(weight * outer, 0, 1) + moved((1 - weight) * outer, 1, 0)
    return even, odd
