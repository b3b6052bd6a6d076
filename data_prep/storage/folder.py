"""The one face of a disk and a bucket: a folder, and how a file of it is made."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from data_prep.storage.files import Stored, naming_errors, plain_name


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


@contextmanager
def making(folder: Folder, name: str, overwrite: bool = True) -> Iterator[Path]:
    """A scratch path to write to, which becomes ``name`` in the folder once the block is done."""
    working_name = f"{plain_name(name)}.{os.getpid()}"
    path = folder.scratch / working_name
    try:
        with naming_errors(path):
            yield path
        folder.put(path, name, overwrite)
    finally:
        path.unlink(missing_ok=True)
