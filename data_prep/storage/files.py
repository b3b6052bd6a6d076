"""Writes files that are whole or not there, and knows their checksums and names."""

import glob
import os
import re
import shutil
import socket
import sys
import zlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import google_crc32c

from data_prep.runtime.system import is_running

_CHUNK_BYTES = 2**20
_PARTIAL = ".partial"


class Digest(NamedTuple):
    """Holds what a folder says of a file in it."""

    num_bytes: int
    # Base64 of the big-endian checksum, as Cloud Storage states it.
    crc32c: str


class Checksum:
    """Computes the size and checksum of bytes that come in pieces."""

    def __init__(self) -> None:
        self._crc = google_crc32c.Checksum()
        self._num_bytes = 0

    def update(self, data: bytes) -> None:
        """Adds bytes at the end."""
        self._crc.update(data)
        self._num_bytes += len(data)

    def digest(self) -> Digest:
        """Returns what a folder would say of a file of the bytes so far."""
        return Digest(self._num_bytes, b64encode(self._crc.digest()).decode())


def checksum(path: Path) -> Digest:
    """Returns the size and checksum of a local file."""
    whole = Checksum()
    with path.open("rb") as file:
        chunk = file.read(_CHUNK_BYTES)
        while chunk:
            whole.update(chunk)
            chunk = file.read(_CHUNK_BYTES)
    return whole.digest()


@contextmanager
def replacing(path: Path, flush: bool = True) -> Iterator[Path]:
    """Yields a temporary path to write to, which replaces ``path`` once the block is done.

    Whoever reads ``path`` meanwhile finds the old file or the new one, never half of one. Without
    ``flush`` that holds when the process dies, but not when the machine does.
    """
    temporary = in_the_making(path)
    try:
        with naming_errors(path):
            yield temporary
            if flush:
                flush_to_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def in_the_making(path: Path) -> Path:
    """Returns a path beside ``path`` that nobody else has, for what shall become ``path``.

    What processes of this machine that are gone left there under such paths is deleted.
    """
    for other in path.parent.glob(f"{glob.escape(path.name)}.*{_PARTIAL}"):
        if _is_abandoned(other):
            _delete(other)
    own = f"{_machine()}-{os.getpid()}-{uuid4().hex[:8]}"
    return path.with_name(f"{path.name}.{own}{_PARTIAL}")


def _machine() -> str:
    """Returns a short name of this machine: folders may be shared with others.

    Containers may have one name and number their processes anew, each from 1.
    """
    name = socket.gethostname()
    with suppress(OSError):
        name += str(Path("/proc/self/ns/pid").readlink())
    return f"{zlib.crc32(name.encode()):08x}"


def _is_abandoned(path: Path) -> bool:
    """Returns whether this machine was to make something of a path, but no longer does."""
    *_, owner = path.name.removesuffix(_PARTIAL).split(".")
    machine, process, *_ = [*owner.split("-"), ""]
    if machine != _machine() or not process.isdecimal():
        return False
    return not is_running(int(process))


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


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
    # Windows does so only for who may write.
    mode = "r+b" if sys.platform == "win32" else "rb"
    with path.open(mode) as file:
        os.fsync(file.fileno())


def plain_name(name: str) -> str:
    """Returns a name if it stays in its folder, whoever thought of it.

    Raises:
        ValueError: it does not, or has characters that not every storage takes.
    """
    # Two points alone would lead out of the folder, and a name may come out of a file.
    if not re.fullmatch(r"[\w.][\w. +,()&'-]*", name) or not name.strip("."):
        raise ValueError(
            f"{name!r} is no name of a file in a folder; "
            f"expected letters, digits, points and dashes."
        )
    return name


def require_part(part: bytes, start: int, size: int, path: str) -> bytes:
    """Returns a part that was read of a file, if it is all that was asked for.

    Raises:
        ValueError: it is not.
    """
    if len(part) != size:
        raise ValueError(
            f"{path} is missing or ends before byte {start + size}; write the records again."
        )
    return part


def another_file(path: str) -> ValueError:
    """Returns the error of a ``put`` that finds another file where it may not overwrite."""
    return ValueError(
        f"{path} is there already and is another file; delete it, or choose another folder."
    )


def written_by_another(path: str) -> ValueError:
    """Returns the error of a job that finds another's file where it has put its own."""
    return ValueError(f"{path} was written by another job at the same time; end one of them.")
