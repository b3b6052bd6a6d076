"""Knows which files are there already, by what they were made of and by what they hold."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from configs.reading import parse_object
from data_prep.storage import Folder
from data_prep.storage.files import Digest

FILE_NAME = "separated.json"
_VERSION = 1

Making = Mapping[str, Any]
"""What the bytes of a file depend on: the song, the network, what was asked for; plain values."""


class Listed(NamedTuple):
    """Says of which command the files are that are listed, and how the list and they are called."""

    command: str
    file_name: str
    # In the list and in sentences.
    files: str
    # What tells a command where to write, in words.
    elsewhere: str


STEMS = Listed("evaluation.separate", FILE_NAME, "stems", "another --out or --name")


class Finished:
    """Is the list of what a command made in a folder, which lies beside that."""

    def __init__(self, folder: Folder, overwrite: bool, listed: Listed = STEMS) -> None:
        """Reads the list of a folder; none is an empty one, and so is a damaged one.

        Raises:
            ValueError: it is damaged, and nothing may be overwritten.
        """
        self._folder = folder
        self._overwrite = overwrite
        self._listed = listed
        self._files: dict[str, Any] = {}
        path = f"{folder.url}/{listed.file_name}"
        text = folder.read_text(listed.file_name)
        if text is None:
            return
        try:
            values = parse_object(text, path)
        except ValueError:
            values = {}
        files = values.get(listed.files)
        if values.get("version") == _VERSION and isinstance(files, dict):
            self._files = files
        elif not overwrite:
            raise ValueError(
                f"{path} is not what {listed.command} wrote; put the original back, or give "
                f"--overwrite, which makes the {listed.files} anew."
            )

    def lacks(self, file: str, making: Making) -> bool:
        """Returns whether a file is yet to be made.

        Raises:
            ValueError: it is there, is not what would be made, and may not be overwritten.
        """
        present = self._folder.stat(file)
        if self._overwrite or present is None:
            return True
        if self._files.get(file) != _entry(making, present):
            raise ValueError(
                f"{self._folder.url}/{file} is there already, and is not what this command makes "
                f"of this song; choose {self._listed.elsewhere}, or give --overwrite."
            )
        return False

    def note(self, file: str, making: Making, digest: Digest) -> None:
        """Adds a file to the list, before it is put into the folder."""
        self._files[file] = _entry(making, digest)

    def write(self) -> None:
        """Writes the list, before the files that were noted are put into the folder.

        In this order: a file that a kill left out is made again, but of one that nobody noted
        nobody would know what it is.
        """
        values = {"version": _VERSION, self._listed.files: dict(sorted(self._files.items()))}
        self._folder.write_text(self._listed.file_name, json.dumps(values, indent=1) + "\n")


def _entry(making: Making, digest: Digest) -> dict[str, Any]:
    # As it is read back: JSON has no tuples.
    return parse_object(json.dumps({**making, **digest._asdict()}), FILE_NAME)
