"""A folder on a disk."""

import shutil
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from data_prep.storage.files import (
    Stored,
    another_file,
    checksum,
    flush_to_disk,
    plain_name,
    require_part,
)
from data_prep.storage.folder import making


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
            raise ValueError(
                f"{self._root} does not keep what is written to it; choose another folder."
            )

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
        flush_to_disk(path)
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
        return (
            sorted(path.name for path in self._root.iterdir() if path.is_file())
            if self._root.is_dir()
            else []
        )

    def close(self) -> None:
        """Removes the hidden folder."""
        shutil.rmtree(self.scratch)

    def _path(self, name: str) -> Path:
        return self._root / plain_name(name)
