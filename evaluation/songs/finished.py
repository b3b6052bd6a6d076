"""Knows which stems are there already, by what they were made of and by what they hold."""

import json
from collections.abc import Mapping
from typing import Any

from configs.reading import parse_object
from data_prep.storage import Folder
from data_prep.storage.files import Digest

FILE_NAME = "separated.json"
_VERSION = 1

Making = Mapping[str, Any]
"""What the bytes of a stem depend on: the song, the network, what was asked for; plain values."""


class Finished:
    """Is the list of the stems in a folder, which lies beside them."""

    def __init__(self, folder: Folder, overwrite: bool) -> None:
        """Reads the list of a folder; none is an empty one, and so is a damaged one.

        Raises:
            ValueError: it is damaged, and nothing may be overwritten.
        """
        self._folder = folder
        self._overwrite = overwrite
        self._stems: dict[str, Any] = {}
        path = f"{folder.url}/{FILE_NAME}"
        text = folder.read_text(FILE_NAME)
        if text is None:
            return
        try:
            values = parse_object(text, path)
        except ValueError:
            values = {}
        stems = values.get("stems")
        if values.get("version") == _VERSION and isinstance(stems, dict):
            self._stems = stems
        elif not overwrite:
            raise ValueError(
                f"{path} is not what evaluation.separate wrote; put the original back, or give "
                f"--overwrite, which makes the stems anew."
            )

    def lacks(self, file: str, making: Making) -> bool:
        """Returns whether a file is yet to be made.

        Raises:
            ValueError: it is there, is not what would be made, and may not be overwritten.
        """
        present = self._folder.stat(file)
        if self._overwrite or present is None:
            return True
        if self._stems.get(file) != _entry(making, present):
            raise ValueError(
                f"{self._folder.url}/{file} is there already, and is not what this command makes "
                f"of this song; choose another --out or --name, or give --overwrite."
            )
        return False

    def note(self, file: str, making: Making, digest: Digest) -> None:
        """Adds a file to the list, before it is put into the folder."""
        self._stems[file] = _entry(making, digest)

    def write(self) -> None:
        """Writes the list, before the files that were noted are put into the folder.

        In this order: a file that a kill left out is made again, but of one that nobody noted
        nobody would know what it is.
        """
        values = {"version": _VERSION, "stems": dict(sorted(self._stems.items()))}
        self._folder.write_text(FILE_NAME, json.dumps(values, indent=1) + "\n")


def _entry(making: Making, digest: Digest) -> dict[str, Any]:
    # As it is read back: JSON has no tuples.
    return parse_object(json.dumps({**making, **digest._asdict()}), FILE_NAME)
