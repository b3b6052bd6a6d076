"""Reads files of tensors in the format safetensors.

They are eight bytes that say how long the header is, the header, which is JSON, and the numbers of
all tensors end to end. Reading that is less than a dependency; that no two tensors share bytes and
none lie beyond the end is checked, as the file may be anybody's.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs.reading import decode_text, parse_object

# By their names.
Tensors = Mapping[str, NDArray[np.float32]]

_LENGTH_BYTES = 8
# Header -> the type of NumPy that holds such numbers. bfloat16, which NumPy lacks, is the upper
# half of a float32.
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8"}
_ADVICE = "put the original back."


class _Entry(NamedTuple):
    """Is what the header says of a tensor."""

    name: str
    dtype: str
    shape: list[int]
    start: int
    stop: int


def read_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Returns the tensors of a file by their names, as float32.

    Those of types that no weights have are left out.

    Raises:
        ValueError: it is no such file, or was cut short.
    """
    data = path.read_bytes()
    num_header_bytes = int.from_bytes(data[:_LENGTH_BYTES], "little")
    start = _LENGTH_BYTES + num_header_bytes
    if len(data) < _LENGTH_BYTES or start > len(data):
        raise ValueError(
            f"{path} is no file of safetensors: its header would end beyond it; {_ADVICE}"
        )
    header = parse_object(decode_text(data[_LENGTH_BYTES:start], path), path)
    header.pop("__metadata__", None)
    try:
        entries = [_entry(name, values) for name, values in header.items()]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is no file of safetensors: its header lacks the dtype, shape or data_offsets "
            f"of a tensor; {_ADVICE}"
        ) from error
    _require_end_to_end(entries, len(data) - start, path)
    numbers = memoryview(data)[start:]
    return {
        each.name: _array(each, numbers[each.start : each.stop], path)
        for each in entries
        if each.dtype in _DTYPES
    }


def _entry(name: str, values: dict[str, Any]) -> _Entry:
    start, stop = values["data_offsets"]
    shape = values["shape"]
    if not all(type(size) is int and size >= 0 for size in [*shape, start, stop]):
        raise TypeError(name)
    return _Entry(name, str(values["dtype"]), list(shape), start, stop)


def _require_end_to_end(entries: list[_Entry], num_bytes: int, path: Path) -> None:
    """Raises a ``ValueError`` where tensors do not fill the file, each with bytes of its own."""
    reached = 0
    for each in sorted(entries, key=lambda entry: (entry.start, entry.stop)):
        if each.start != reached or each.stop < each.start:
            raise ValueError(
                f"{path} is no file of safetensors: {each.name} begins at byte {each.start}, and "
                f"what lies before it ends at {reached}; {_ADVICE}"
            )
        reached = each.stop
    if reached != num_bytes:
        raise ValueError(
            f"{path} has {num_bytes} bytes of numbers; its header says {reached}; {_ADVICE}"
        )


def _array(entry: _Entry, numbers: memoryview, path: Path) -> NDArray[np.float32]:
    dtype = np.dtype(_DTYPES[entry.dtype])
    # Not NumPy's product, which wraps around.
    expected = math.prod(entry.shape) * dtype.itemsize
    if len(numbers) != expected:
        raise ValueError(
            f"{path} has {len(numbers)} bytes for {entry.name}, whose shape needs {expected}; "
            f"{_ADVICE}"
        )
    array = np.frombuffer(numbers, dtype)
    if entry.dtype == "BF16":
        array = (array.astype("<u4") << 16).view("<f4")
    return array.astype(np.float32).reshape(entry.shape)
