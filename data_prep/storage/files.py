"""Files that are whole or not there: their checksums, their names, and how one replaces another."""

import os
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import google_crc32c

_CHUNK_BYTES = 2**20


class Stored(NamedTuple):
    """What a folder says of a file in it."""

    num_bytes: int
    crc32c: str  # base64 of the big-endian checksum, as Cloud Storage states it


class Checksum:
    """The size and checksum of bytes that come in pieces."""

    def __init__(self) -> None:
        self._crc, self._num_bytes = google_crc32c.Checksum(), 0

    def update(self, data: bytes) -> None:
        """Adds bytes at the end."""
        self._crc.update(data)
        self._num_bytes += len(data)

    def stored(self) -> Stored:
        """What a folder would say of a file of these bytes."""
        return Stored(self._num_bytes, b64encode(self._crc.digest()).decode())


def checksum(path: Path) -> Stored:
    """The size and checksum of a local file."""
    found = Checksum()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            found.update(chunk)
    return found.stored()


@contextmanager
def replacing(path: Path, flush: bool = True) -> Iterator[Path]:
    """A temporary path to write to, which takes the place of ``path`` once the block is done.

    Whoever reads ``path`` meanwhile finds the old file or the new one, never half of one. Without ``flush`` that
    holds when the process dies, but not when the machine does.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with naming_errors(path):
            yield temporary
            if flush:
                flush_to_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def naming_errors(path: Path) -> Iterator[None]:
    """Names the file in errors that name none: those of a write, as where a disk is full."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def flush_to_disk(path: Path) -> None:
    """Waits until the bytes of a file are on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def plain_name(name: str) -> str:
    """A name that stays in its folder, whoever thought of it.

    Raises:
        ValueError: it is not one.
    """
    if not re.fullmatch(r"[\w.][\w. +,()&'-]*", name) or not name.strip("."):
        raise ValueError(
            f"{name!r} is no name of a file in a folder; expected letters, digits, points and dashes."
        )
    return name


def require_part(found: bytes, start: int, size: int, path: str) -> bytes:
    """What ``read_part`` found, if it is all of it."""
    if len(found) != size:
        raise ValueError(
            f"{path} is missing or ends before byte {start + size}; write the records again."
        )
    return found


def another_file(path: str) -> ValueError:
    """What ``put`` raises where it may not overwrite."""
    return ValueError(
        f"{path} is there already and is another file; delete it, or choose another folder."
    )


def reason(error: Exception) -> str:
    """What TensorFlow says has failed, in a line; it adds names and definitions of nodes, or the body of an answer."""
    text = str(getattr(error, "message", error))
    if status := re.search(r"HTTP response code (\d+)", text):
        address = re.search(r"gs://\S+", text)
        return f"Cloud Storage answered {status[1]}" + (f" for {address[0]}" if address else "")
    return (
        re.sub(r"\{\{.*?\}\} *| *\[Op:.*", "", text.splitlines()[0])
        if text
        else type(error).__name__
    )
