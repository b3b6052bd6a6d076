"""Cuts and folds arrays along time, for any Keras backend.

Folded by P, P neighbouring frames lie side by side as the P F features of one row, which some call
space to depth. Axes: B examples, T frames or rows, F features. T is static.
"""

from typing import Any

from keras import ops


def frames_of(x: Any, start: int, frames: int) -> Any:
    """Returns ``frames`` from ``start`` on: (B, T, F) -> (B, frames, F)."""
    # Not x[:, start:stop]: the gradient of a strided slice runs on one core of a CPU, that of this
    # one on all.
    return ops.slice(x, (0, start, 0), (ops.shape(x)[0], frames, x.shape[2]))


def crop(x: Any, frames: int) -> Any:
    """Returns the ``frames`` in the middle: (B, T, F) -> (B, frames, F).

    T - frames is even wherever kernels are odd.
    """
    return frames_of(x, (x.shape[1] - frames) // 2, frames)


def decimate(x: Any) -> Any:
    """Returns every second frame, the first included: (B, T, F) -> (B, ceil(T / 2), F)."""
    # (B, T, F) -> (B, ceil(T / 2), 2 F), of which the first F features are the even frames. The
    # gradient of a strided slice would be slow, as in ``frames_of``.
    pairs = fold(x, 2)
    return ops.slice(pairs, (0, 0, 0), (ops.shape(x)[0], pairs.shape[1], x.shape[2]))


def fold(x: Any, phases: int) -> Any:
    """Puts neighbouring frames side by side: (B, T, F) -> (B, ceil(T / phases), phases F).

    Zeros fill the last row.
    """
    whole = ops.pad(x, ((0, 0), (0, -x.shape[1] % phases), (0, 0)))
    return ops.reshape(whole, (-1, whole.shape[1] // phases, phases * x.shape[2]))


def unfold(x: Any, phases: int) -> Any:
    """Undoes ``fold``: (B, T, phases F) -> (B, phases T, F)."""
    return ops.reshape(x, (-1, x.shape[1] * phases, x.shape[2] // phases))
