"""Keeps files in a folder on a disk."""

import shutil
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from configs.reading import read_text
from data_prep.storage.files import (
    Digest,
    another_file,
    checksum,
    flush_to_disk,
    in_the_making,
    plain_name,
    require_part,
)
from data_prep.storage.folder import VersionedText, making


class LocalFolder:
    """Is a ``Folder`` on a disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def url(self) -> str:
        """Returns the path as it was given."""
        return str(self._root)

    @property
    def scratch(self) -> Path:
        """Returns a hidden folder on the same file system."""
        # On another file system ``put`` would have to copy.
        path = self._root / ".scratch"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def check(self) -> None:
        """Tries the folder out, as every folder does."""
        # Several commands may do so at once: each has a name of its own.
        probe = in_the_making(self._path(".probe")).name
        try:
            # Not by way of the scratch folder, which may be another's.
            self._root.mkdir(parents=True, exist_ok=True)
            self._path(probe).write_text(probe, encoding="utf-8")
            is_readable = probe in self.list_names() and self.read_text(probe) == probe
            self.delete(probe)
        except OSError as error:
            raise ValueError(
                f"{self._root} cannot be written to ({error.strerror}); "
                f"choose another folder or mend this one."
            ) from error
        if not is_readable:
            raise ValueError(
                f"{self._root} does not keep what is written to it; choose another folder."
            )

    def stat(self, name: str) -> Digest | None:
        """Reads the whole file: a disk keeps no checksums."""
        try:
            return checksum(self._path(name))
        except FileNotFoundError:
            return None

    def put(self, path: Path, name: str, overwrite: bool = True) -> None:
        """Moves the file once its bytes are on the disk."""
        if not overwrite:
            present = self.stat(name)
            if present and present != checksum(path):
                raise another_file(f"{self._root}/{name}")
        # A machine that stops could else leave the name with no bytes behind it.
        flush_to_disk(path)
        path.replace(self._path(name))

    def fetch(self, name: str, path: Path) -> None:
        """Copies the file."""
        shutil.copyfile(self._path(name), path)

    def read_text(self, name: str) -> str | None:
        """Reads UTF-8."""
        try:
            return read_text(self._path(name))
        except FileNotFoundError:
            return None

    def read_part(self, name: str, start: int, size: int) -> bytes:
        """Reads without a buffer, which would ask for more."""
        part = b""
        with suppress(FileNotFoundError), self._path(name).open("rb", buffering=0) as file:
            file.seek(start)
            part = file.read(size) or b""
        return require_part(part, start, size, f"{self._root}/{name}")

    def write_text(self, name: str, text: str) -> None:
        """Writes UTF-8."""
        with making(self, name) as path:
            path.write_text(text, encoding="utf-8", newline="\n")

    def read_version(self, name: str) -> VersionedText | None:
        """Takes the text itself for its version: no two versions may be equal."""
        try:
            text = self._path(name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        return VersionedText(text, text)

    def replace_version(self, name: str, text: str, version: str | None) -> str | None:
        """Removes the version, then creates the file, each of which one caller alone can do.

        In between there is no file: a caller who knows of none may be faster and succeed instead.
        The file is created before it is filled.
        """
        if version is not None and not self._remove(name, version):
            return None
        try:
            with self._path(name).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            return None
        return text

    def delete_version(self, name: str, version: str) -> None:
        """Deletes a file if it still has this version."""
        self._remove(name, version)

    def delete(self, name: str) -> None:
        """Deletes a file if it is there."""
        self._path(name).unlink(missing_ok=True)

    def list_names(self) -> list[str]:
        """Returns the files of the folder itself, not of folders in it."""
        if not self._root.is_dir():
            return []
        return sorted(path.name for path in self._root.iterdir() if path.is_file())

    def close(self) -> None:
        """Removes the hidden folder."""
        shutil.rmtree(self.scratch)

    def _path(self, name: str) -> Path:
        return self._root / plain_name(name)

    def _remove(self, name: str, version: str) -> bool:
        """Removes a file if it has this version; returns whether it was this caller who did."""
        # Looked at first, because moving a file that lives would hide it for a moment.
        present = self.read_version(name)
        if present is None or present.version != version:
            return False
        aside = f".{name}.{uuid4().hex}"
        try:
            # Of several callers one can move it.
            self._path(name).rename(self._path(aside))
        except FileNotFoundError:
            return False
        moved = self.read_version(aside)
        self.delete(aside)
        if moved is None or moved.version == version:
            return True
        # It had been replaced since it was read: give it back, unless there is another already.
        self.replace_version(name, moved.text, None)
        return False
