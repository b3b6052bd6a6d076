"""Where files end up: a folder on a disk, and files that are whole or not there."""

import os
import re
import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Protocol
from uuid import uuid4

import google_crc32c

_CHUNK_BYTES = 2**20


class Stored(NamedTuple):
    """What a folder says of a file in it."""

    num_bytes: int
    crc32c: str  # base64 of the big-endian checksum, as Cloud Storage states it


class Folder(Protocol):
    """Where a job's files end up, on a disk or in a bucket; names are relative to it.

    Whoever reads a name finds the old file or the new one, never half of one. Methods raise ``OSError`` or a
    ``ValueError`` of one sentence where the storage fails.
    """

    @property
    def url(self) -> str:
        """The path of the folder, or its ``gs://`` address; ``open_folder`` opens it again in another process."""

    @property
    def scratch(self) -> Path:
        """A local folder for files in the making, the same one when an interrupted job is given again.

        On a disk it lies within the folder itself, so that ``put`` moves files.
        """

    def check(self) -> None:
        """Makes the folder where there is none, then lists it, and writes, reads and deletes a small file.

        Raises:
            ValueError: one of these fails.
        """

    def stat(self, name: str) -> Stored | None:
        """The size and checksum of a file, read from where it ended up; None where there is none."""

    def put(self, path: Path, name: str, overwrite: bool = True) -> None:
        """Turns a finished local file into ``name``; ``path`` is gone afterwards.

        Raises:
            ValueError: another file of that name is there, and it may not be overwritten.
        """

    def read_text(self, name: str) -> str | None:
        """The text of a file, None where there is none."""

    def read_part(self, name: str, start: int, size: int) -> bytes:
        """Reads ``size`` bytes (more than none) of a file from byte ``start`` on, and asks the storage for no others.

        Raises:
            ValueError: the file is not there or ends before.
        """

    def write_text(self, name: str, text: str) -> None:
        """Makes ``name`` a file with this text."""

    def delete(self, name: str) -> None:
        """Deletes a file if it is there."""

    def list_names(self) -> list[str]:
        """The names of all files, sorted, files in the making excepted."""

    def close(self) -> None:
        """Removes the scratch folder with all that is in it, once nothing is to be continued."""


class LocalFolder:
    """A ``Folder`` on a disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def url(self) -> str:
        """The path as it was given."""
        return str(self._root)

    @property
    def scratch(self) -> Path:
        """Hidden, on the same file system."""
        path = self._root / ".scratch"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def check(self) -> None:
        """Tries the folder out."""
        probe = f".probe-{uuid4().hex}"  # a name for each of several jobs
        try:
            self.write_text(probe, probe)
            readable = probe in self.list_names() and self.read_text(probe) == probe
            self.delete(probe)
        except OSError as error:
            raise ValueError(
                f"{self._root} cannot be written to ({error.strerror}); choose another folder or mend this one."
            ) from error
        if not readable:
            raise ValueError(f"{self._root} does not keep what is written to it; choose another folder.")

    def stat(self, name: str) -> Stored | None:
        """Reads the whole file: a disk keeps no checksums."""
        try:
            return checksum(self._path(name))
        except FileNotFoundError:
            return None

    def put(self, path: Path, name: str, overwrite: bool = True) -> None:
        """Moves the file once its bytes are on the disk."""
        found = None if overwrite else self.stat(name)
        if found and found != checksum(path):
            raise another_file(f"{self._root}/{name}")
        _flush(path)
        path.replace(self._path(name))

    def read_text(self, name: str) -> str | None:
        """Reads UTF-8."""
        try:
            return self._path(name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def read_part(self, name: str, start: int, size: int) -> bytes:
        """Reads without a buffer."""
        found = b""
        with suppress(FileNotFoundError), self._path(name).open("rb", buffering=0) as file:
            file.seek(start)
            found = file.read(size) or b""
        return require_part(found, start, size, f"{self._root}/{name}")

    def write_text(self, name: str, text: str) -> None:
        """Writes UTF-8."""
        with making(self, name) as path:
            path.write_text(text, encoding="utf-8")

    def delete(self, name: str) -> None:
        """Deletes a file if it is there."""
        self._path(name).unlink(missing_ok=True)

    def list_names(self) -> list[str]:
        """The files of the folder itself, not of folders in it."""
        return sorted(path.name for path in self._root.iterdir() if path.is_file()) if self._root.is_dir() else []

    def close(self) -> None:
        """Removes the hidden folder."""
        shutil.rmtree(self.scratch)

    def _path(self, name: str) -> Path:
        return self._root / plain_name(name)


def open_folder(url: str) -> Folder:
    """The folder at a path or a ``gs://`` address.

    Raises:
        ValueError: the address is of a kind that is not supported.
    """
    if is_bucket(url):
        from data_prep.bucket import BucketFolder  # takes a second to import, which only buckets need

        return BucketFolder(url)
    return LocalFolder(Path(url))


def is_bucket(url: str) -> bool:
    """Whether an address leads to a bucket, not to a disk.

    Raises:
        ValueError: it leads to neither, as with a typo in ``gs://``.
    """
    if url.startswith("gs://"):
        return True
    if scheme := re.match(r"[A-Za-z][\w+.-]*:/+", url):  # else gs:/bucket would be a folder called gs:
        raise ValueError(f"{url} begins with {scheme[0]}; expected the path of a folder, or gs://BUCKET/FOLDER.")
    return False


def plain_name(name: str) -> str:
    """A name that stays in its folder, whoever thought of it.

    Raises:
        ValueError: it is not one.
    """
    if not re.fullmatch(r"[\w.][\w. +,()&'-]*", name) or not name.strip("."):
        raise ValueError(f"{name!r} is no name of a file in a folder; expected letters, digits, points and dashes.")
    return name


def require_part(found: bytes, start: int, size: int, path: str) -> bytes:
    """What ``read_part`` found, if it is all of it."""
    if len(found) != size:
        raise ValueError(f"{path} is missing or ends before byte {start + size}; write the records again.")
    return found


def another_file(path: str) -> ValueError:
    """What ``put`` raises where it may not overwrite."""
    return ValueError(f"{path} is there already and is another file; delete it, or choose another folder.")


def reason(error: Exception) -> str:
    """What TensorFlow says has failed, in a line; it adds names and definitions of nodes, or the body of an answer."""
    text = str(getattr(error, "message", error))
    if status := re.search(r"HTTP response code (\d+)", text):
        address = re.search(r"gs://\S+", text)
        return f"Cloud Storage answered {status[1]}" + (f" for {address[0]}" if address else "")
    return re.sub(r"\{\{.*?\}\} *| *\[Op:.*", "", text.splitlines()[0]) if text else type(error).__name__


@contextmanager
def making(folder: Folder, name: str, overwrite: bool = True) -> Iterator[Path]:
    """A scratch path to write to, which becomes ``name`` in the folder once the block is done."""
    working_name = f"{plain_name(name)}.{os.getpid()}"
    path = folder.scratch / working_name
    try:
        with _naming(path):
            yield path
        folder.put(path, name, overwrite)
    finally:
        path.unlink(missing_ok=True)


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
        with _naming(path):
            yield temporary
            if flush:
                _flush(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Names the file in errors that name none: those of a write, as where a disk is full."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
