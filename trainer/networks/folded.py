"""Convolves what is folded along time: the same results from fewer, wider rows, for any backend.

A TPU keeps the features of a frame in tiles of 128. The first levels of a Wave-U-Net have many
frames of few features, so most of what moves is padding. Folded by P, P neighbouring frames lie
side by side as the P F features of one row. A convolution of frames is then one of rows. Its kernel
holds the original kernel once for each phase of the result, moved to where that phase reads, with
zeros elsewhere. Variables and results stay the same.

Axes: B examples, T frames or rows, F features. T is static. Rows may hold any finite frames behind
the last one.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from trainer.networks.frames import frames_of


class Phase(NamedTuple):
    """Describes one frame of every row of a result: where it begins to read, and its kernel."""

    # Counted in frames, from the first one of the row of the input.
    first_frame: int
    # (taps, F, filters)
    kernel: Any


def convolve_rows(
    x: Any, phases: int, results: Sequence[Phase], num_rows: int, stride: int = 1
) -> Any:
    """Computes all phases of a result: (B, T, phases F) -> (B, num_rows, len(results) filters).

    Args:
        x: the input, folded by ``phases``; zeros count as following its last row.
        phases: frames in a row of the input.
        results: the phases of the result in their order.
        num_rows: rows of the result.
        stride: rows of the input from one row of the result to the next.
    """
    height = max(-(-(phase.first_frame + phase.kernel.shape[0]) // phases) for phase in results)
    columns = []
    for phase in results:
        taps, features, filters = phase.kernel.shape
        zeros_behind = height * phases - phase.first_frame - taps
        moved = ops.pad(phase.kernel, ((phase.first_frame, zeros_behind), (0, 0), (0, 0)))
        # (height phases, F, filters) -> (height, phases F, filters): a kernel of whole rows.
        columns.append(ops.reshape(moved, (height, phases * features, filters)))
    needed = (num_rows - 1) * stride + height
    rows = frames_of(x, 0, min(needed, x.shape[1]))
    rows = ops.pad(rows, ((0, 0), (0, needed - rows.shape[1]), (0, 0)))
    kernel = ops.concatenate(columns, axis=2)
    return ops.conv(rows, kernel, strides=stride, padding="valid")


def activate(layer: keras.layers.Conv1D, y: Any, phases: int) -> Any:
    """Adds a layer's bias to a folded product with its kernel, and applies its activation."""
    bias = ops.convert_to_tensor(layer.bias)
    return layer.activation(y + ops.tile(bias, phases))


def convolve_part(
    layer: keras.layers.Conv1D,
    x: Any,
    first_frame: int,
    num_frames: int,
    phases: int,
    stride: int = 1,
) -> Any:
    """Computes frames of what a layer of valid padding makes of a folded x; the result is folded.

    (B, T, phases F) -> (B, ceil(num_frames / out), out filters) with out = phases / stride, or 1.

    Args:
        layer: the convolution, whose own stride is 1.
        x: its input, folded by ``phases``.
        first_frame: the first frame of the layer's output to compute.
        num_frames: how many are computed.
        phases: frames in a row of the input.
        stride: frames of the layer's output from one that is computed to the next.
    """
    # Converted, the kernel is of the dtype that the layer computes in.
    kernel = ops.convert_to_tensor(layer.kernel)
    out_phases = max(1, phases // stride)
    first_row, offset = divmod(first_frame, phases)
    results = [Phase(offset + stride * phase, kernel) for phase in range(out_phases)]
    rows = x
    if first_row:
        rows = frames_of(x, first_row, x.shape[1] - first_row)
    num_rows = -(-num_frames // out_phases)
    row_stride = stride * out_phases // phases
    return activate(layer, convolve_rows(rows, phases, results, num_rows, row_stride), out_phases)


def through_upsampling(kernel: Any, weight: Any) -> tuple[Any, Any]:
    """Returns the kernels that make of x what a kernel makes of an upsampled x.

    One is for the even frames of the result, one for the odd ones. Upsampled, frame 2 n is x[n] and
    frame 2 n + 1 is weight x[n] + (1 - weight) x[n + 1].

    Args:
        kernel: an odd number of taps, (k, F, filters).
        weight: a number, or (F, 1).

    Returns:
        ((k + 1) / 2, F, filters) and ((k + 3) / 2, F, filters).
    """

    def shifted(taps: Any, before: int, behind: int) -> Any:
        return ops.pad(taps, ((before, behind), (0, 0), (0, 0)))

    # In an even frame of the result the outer taps meet originals and the inner ones midpoints; in
    # an odd frame it is the other way round. A tap that meets a midpoint reads the original before
    # it by ``weight`` and the one behind it by the rest.
    outer = kernel[0::2]
    inner = kernel[1::2]
    even = outer + shifted(weight * inner, 0, 1) + shifted((1 - weight) * inner, 1, 0)
    odd = shifted(inner, 1, 1) + shifted(weight * outer, 0, 1) + shifted((1 - weight) * outer, 1, 0)
    return even, odd
