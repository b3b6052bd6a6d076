"""Packs arrays into text that a page holds and its script reads."""

import base64
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[np.float32]]


class Packed(NamedTuple):
    """Holds arrays, one behind the other."""

    # What a script needs to read them: the bytes of a value, and paths and shapes in order.
    described: dict[str, Any]
    # Base64 of their values, little-endian.
    text: str


def pack(arrays: Arrays, value_bytes: int) -> Packed:
    """Packs arrays by their paths, as float32 (4 bytes a value) or float16 (2)."""
    dtype = _dtype(value_bytes)
    values = b"".join(array.astype(dtype).tobytes() for array in arrays.values())
    entries = [{"path": path, "shape": list(array.shape)} for path, array in arrays.items()]
    described = {"value_bytes": value_bytes, "arrays": entries}
    return Packed(described, base64.b64encode(values).decode("ascii"))


def num_letters(num_values: int, value_bytes: int) -> int:
    """Returns how long the text of so many values is."""
    # Four letters hold three bytes.
    return 4 * math.ceil(num_values * value_bytes / 3)


def as_packed(array: NDArray[np.float32], value_bytes: int, path: str) -> NDArray[np.float32]:
    """Returns an array as a page will read it.

    Args:
        array: of any shape.
        value_bytes: as in ``pack``.
        path: names the array in errors.

    Raises:
        ValueError: it holds values that are no finite numbers, or too large ones for float16.
    """
    if not np.isfinite(array).all():
        raise ValueError(
            f"{path} holds values that are no finite numbers, so that the run went astray; name "
            f"an earlier --checkpoint."
        )
    with np.errstate(over="ignore"):
        rounded = array.astype(_dtype(value_bytes)).astype(np.float32)
    if not np.isfinite(rounded).all():
        raise ValueError(
            f"{path} has a value of {np.abs(array).max():.6g}; expected at most 65,504, which is "
            f"the most in float16. Make the network smaller, so that float32 fits into the page."
        )
    return rounded


def _dtype(value_bytes: int) -> np.dtype[np.floating[Any]]:
    return np.dtype(f"<f{value_bytes}")
