"""Defines the one face of a disk and a bucket: a folder, and how a file of it is made."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from data_prep.storage.files import Digest, in_the_making, naming_errors, plain_name


class VersionedText(NamedTuple):
    """Holds the text of a file, and what tells it from the file before and after it."""

    text: str
    version: str


class Folder(Protocol):
    """Is where the files of a command end up, on a disk or in a bucket; names are relative to it.

    Whoever reads a name finds the old file or the new one, never half of one. Methods raise
    ``OSError`` or a ``ValueError`` of one sentence where the storage fails.
    """

    @property
    def url(self) -> str:
        """Returns the path or ``gs://`` address; another process opens the folder again by it."""

    @property
    def scratch(self) -> Path:
        """Returns a local folder for files in the making, the same when a command is given again.

        On a disk it lies within the folder itself, so that ``put`` moves files.
        """

    def check(self) -> None:
        """Makes the folder where there is none, then tries it out.

        It is listed, and a small file is written, read and deleted.

        Raises:
            ValueError: one of these fails.
        """

    def stat(self, name: str) -> Digest | None:
        """Returns the size and checksum of a file in the storage, None where there is none."""

    def put(self, path: Path, name: str, overwrite: bool = True) -> None:
        """Turns a finished local file into ``name``; ``path`` is gone afterwards.

        Raises:
            ValueError: another file of that name is there, and it may not be overwritten.
        """

    def fetch(self, name: str, path: Path) -> None:
        """Copies a file to a local path.

        Raises:
            FileNotFoundError: it is not there.
            ValueError: what arrived is not what the storage has.
        """

    def read_text(self, name: str) -> str | None:
        """Returns the text of a file, None where there is none."""

    def read_part(self, name: str, start: int, size: int) -> bytes:
        """Reads ``size`` bytes, more than none, of a file from byte ``start`` on, and no others.

        Raises:
            ValueError: the file is not there or ends before.
        """

    def write_text(self, name: str, text: str) -> None:
        """Makes ``name`` a file with this text."""

    def read_version(self, name: str) -> VersionedText | None:
        """Returns the text of a file with its version, None where there is no file."""

    def replace_version(self, name: str, text: str, version: str | None) -> str | None:
        """Makes ``name`` a file with this text if it still is what the caller knows.

        Of several callers who know the same, one succeeds.

        Args:
            name: of the file.
            text: what it shall hold.
            version: what ``read_version`` or this method returned before, of whatever process; None
                where there was no file.

        Returns:
            The new version; None where the file is another by now, which stays.
        """

    def delete_version(self, name: str, version: str) -> None:
        """Deletes a file if it still has this version."""

    def delete(self, name: str) -> None:
        """Deletes a file if it is there."""

    def list_names(self) -> list[str]:
        """Returns the names of all files, sorted, files in the making excepted."""

    def close(self) -> None:
        """Removes the scratch folder with all that is in it, once nothing is to be continued."""


@contextmanager
def making(folder: Folder, name: str, overwrite: bool = True) -> Iterator[Path]:
    """Yields a scratch path to write to, which becomes ``name`` once the block is done."""
    safe_name = plain_name(name)
    path = in_the_making(folder.scratch / safe_name)
    try:
        with naming_errors(path):
            yield path
        folder.put(path, name, overwrite)
    finally:
        path.unlink(missing_ok=True)
