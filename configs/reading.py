"""Reads text and JSON that anybody may have written, bounded in size and depth.

Whatever is wrong is a ``ValueError`` of one sentence that begins with the name of the file.
"""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

# Of a file that is read at once.
LARGEST_TEXT_BYTES = 2**30
_PIECE_BYTES = 2**20
# JSON takes twenty times its size in memory where it is all brackets; a manifest of 100 000 tracks
# has a third of it.
LARGEST_JSON_BYTES = 2**27
# Of objects and lists within each other; our own files have six.
MOST_LEVELS = 50

_ADVICE = "put the original back, or mend it"


def decode_text(data: bytes | bytearray, path: object) -> str:
    """Returns the text that bytes are in UTF-8, without the byte order mark that editors put first.

    Args:
        data: a whole file, or more than ``LARGEST_TEXT_BYTES`` of it.
        path: names it in errors.

    Raises:
        ValueError: it is too large, or is not UTF-8.
    """
    require_text_size(len(data), path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not text in UTF-8: byte {error.start} is 0x{data[error.start]:02x}; "
            f"{_ADVICE}."
        ) from error


def require_text_size(num_bytes: int, path: object) -> None:
    """Raises a ``ValueError`` for a file that is too large to be read as a text at once."""
    _require_size(num_bytes, LARGEST_TEXT_BYTES, path)


def read_text(path: Path) -> str:
    """Returns the text of a file; ``ValueError`` as from :func:`decode_text`."""
    with path.open("rb") as file:
        return read_open_text(file, path)


def read_open_text(file: BinaryIO, path: object) -> str:
    """Returns the text of an open file; ``ValueError`` as from :func:`decode_text`.

    It is read piece by piece: what the system says of its size is nothing for a pipe or a device,
    and one large read would take the memory of the largest text for the smallest one.
    """
    data = bytearray()
    piece = file.read(_PIECE_BYTES)
    while piece and len(data) <= LARGEST_TEXT_BYTES:
        data += piece
        piece = file.read(_PIECE_BYTES)
    return decode_text(data, path)


def parse_json(text: str, path: object, with_nan: bool = False) -> Any:
    """Returns the plain values of a JSON text.

    Args:
        text: of a file.
        path: names it in errors.
        with_nan: whether numbers may be NaN or infinite, as Python writes them.

    Raises:
        ValueError: it is not JSON, too large or too deep, names a field of an object twice, or has
            a number that is not finite.
    """
    _require_size(len(text), LARGEST_JSON_BYTES, path)
    if not text.strip():
        raise ValueError(f"{path} is empty; expected JSON: {_ADVICE}.")
    number = None if with_nan else _finite
    try:
        values = json.loads(
            text.removeprefix("\ufeff"),
            object_pairs_hook=_distinct,
            parse_float=number,
            parse_constant=number,
        )
    except RecursionError as error:
        raise _too_deep(path) from error
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}; {_ADVICE}.") from error
    _require_depth(values, path)
    return values


def parse_object(text: str, path: object, with_nan: bool = False) -> dict[str, Any]:
    """Returns the fields of the JSON object in a text.

    Raises:
        ValueError: it holds something else; or as from :func:`parse_json`.
    """
    values = parse_json(text, path, with_nan)
    if not isinstance(values, dict):
        kind = "nothing (null)" if values is None else f"a {type(values).__name__}"
        raise ValueError(
            f"{path} holds {kind}; expected a JSON object, which is fields in braces: {_ADVICE}."
        )
    return values


def read_object(path: Path, with_nan: bool = False) -> dict[str, Any]:
    """Returns the fields of the JSON object in a file; ``ValueError`` as above."""
    return parse_object(read_text(path), path, with_nan)


def _require_size(size: int, largest: int, path: object) -> None:
    if size > largest:
        raise ValueError(
            f"{path} is larger than {largest // 2**20} MiB, which is more than such a file has; "
            f"{_ADVICE}."
        )


def _require_depth(values: object, path: object) -> None:
    level = [values]
    for _ in range(MOST_LEVELS):
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return
    raise _too_deep(path)


def _inner(value: object) -> Iterable[object]:
    """Returns the values in an object or a list that may hold others."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return ()
    return [inner for inner in value if isinstance(inner, dict | list)]


def _too_deep(path: object) -> ValueError:
    return ValueError(
        f"{path} has more than {MOST_LEVELS} lists and objects within each other, which is deeper "
        f"than such a file is; {_ADVICE}."
    )


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns an object; the later of two fields of one name would hide the earlier one."""
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has the field {twice[:100]!r} twice")
    return values


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:100]} is not a finite number")
    return number
