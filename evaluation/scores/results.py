"""Keeps an evaluation: what is known of single tracks while it is under way, then all files of it.

All that an evaluation writes is written here, on a disk or in a bucket.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from configs.reading import parse_object
from data_prep.storage import Folder
from data_prep.storage.files import checksum, in_the_making
from evaluation.scores.table import SCHEMA_VERSION, Row, from_csv, to_csv

_SCORES = "scores.csv"
_DESCRIBED = "scores.json"
# Of the files that it describes, by their names.
_CHECKSUMS = "checksums"


def file_contents(paths: Iterable[Path]) -> list[tuple[str, int, str]]:
    """Returns what tells a file from what it was before: path, size and checksum of each.

    A file may be written anew within the resolution of a clock, or get back its time by a copy.
    """
    return [(str(path), *checksum(path)) for path in paths]


class Parts:
    """Keeps what was found of single tracks, a file each: after an interruption it is there."""

    def __init__(
        self, folder: Folder, kind: str, tracks: Sequence[str], made_from: Sequence[Any]
    ) -> None:
        """Takes up what an interrupted call left, if made from the same; deletes anything else.

        Args:
            folder: for the files.
            kind: what they begin with.
            tracks: the names of all tracks, in order.
            made_from: whatever is found depends on, as plain values.
        """
        self._folder = folder
        identity = json.dumps([list(tracks), made_from], sort_keys=True).encode()
        self.made_from = hashlib.sha256(identity).hexdigest()[:16]
        self._stems = {
            track: f"{kind}-{self.made_from}-{number:05d}" for number, track in enumerate(tracks)
        }
        # A name ends with the checksum of what is in the file; older versions left it out.
        pattern = re.compile(rf"({kind}-[0-9a-f]{{16}}-\d{{5}})(-[0-9a-f]{{16}})?")
        tracks_of_stems = {stem: track for track, stem in self._stems.items()}
        self._names: dict[str, str] = {}
        for name in folder.list_names():
            found = pattern.fullmatch(name)
            if found is None:
                continue
            track = tracks_of_stems.get(found[1])
            if track is None:
                folder.delete(name)
            else:
                self._names[track] = name
        self.kept = set(self._names)

    def keep(self, track: str, text: str) -> None:
        """Keeps what was found of a track."""
        name = f"{self._stems[track]}-{_checksum(text)}"
        self._folder.write_text(name, text)
        self._names[track] = name
        self.kept.add(track)

    def read(self, track: str) -> str:
        """Returns what was kept of a track; ``ValueError`` where it is gone, or was changed."""
        name = self._names[track]
        path = f"{self._folder.url}/{name}"
        text = self._folder.read_text(name)
        if text is None:
            raise ValueError(f"{path}, what was found of {track}, is gone; give the command again.")
        if name != self._stems[track] and not name.endswith(_checksum(text)):
            raise ValueError(
                f"{path}, what was found of {track}, was changed or cut since it was written; "
                "delete it, and the same command finds it again."
            )
        return text

    def delete(self) -> None:
        """Removes all of them, once there is what they were for."""
        for name in self._names.values():
            self._folder.delete(name)


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_described(folder: Folder, name: str) -> dict[str, Any]:
    """Returns the JSON object in a file; an empty one where there is none."""
    try:
        return parse_object(folder.read_text(name) or "{}", name)
    except ValueError:
        return {}


class Results:
    """Knows what is there of the scores, and what is still to do."""

    def __init__(self, folder: Folder, tracks: Sequence[str], made_from: Mapping[str, Any]) -> None:
        """Takes up what an interrupted or a finished evaluation left, if it was made from the same.

        Args:
            folder: of the results.
            tracks: the names of all tracks, in order.
            made_from: whatever the scores depend on, as plain values.
        """
        self._folder = folder
        self._tracks = list(tracks)
        self._parts = Parts(folder, "part", tracks, [SCHEMA_VERSION, made_from])
        described = read_described(folder, _DESCRIBED)
        is_same = described.get("made_from") == self._parts.made_from
        self.are_finished = is_same and folder.stat(_SCORES) is not None
        if self.are_finished:
            self._require_unchanged(described)
        self.kept = set(tracks) if self.are_finished else self._parts.kept

    def _require_unchanged(self, described: Mapping[str, Any]) -> None:
        """Refuses scores that are not those that were written; of older ones nothing is known."""
        text = self._folder.read_text(_SCORES) or ""
        checksums = described.get(_CHECKSUMS)
        if isinstance(checksums, dict) and checksums.get(_SCORES) != _checksum(text):
            raise ValueError(
                f"{self._folder.url}/{_SCORES} was changed since it was written; put the original "
                "back, or delete it to have the tracks scored again."
            )

    def keep(self, track: str, rows: Sequence[Row]) -> None:
        """Keeps the rows of a track, so that an interrupted evaluation need not score it again."""
        self._parts.keep(track, to_csv(rows))

    def rows(self) -> list[Row]:
        """Returns the rows of all tracks, in order, once all are kept."""
        if self.are_finished:
            text = self._folder.read_text(_SCORES) or ""
            return from_csv(text, f"{self._folder.url}/{_SCORES}")
        rows = []
        for track in self._tracks:
            rows += from_csv(self._parts.read(track), f"the scores of {track}")
        return rows

    def describe(self, described: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what scores.json says: how the rows were made, as plain values."""
        return {
            "schema_version": SCHEMA_VERSION,
            **described,
            "made_from": self._parts.made_from,
        }

    def delete_parts(self) -> None:
        """Removes the tables of single tracks, once all are in scores.csv."""
        self._parts.delete()


def publish(
    folder: Folder,
    tables: Mapping[str, str],
    described: Mapping[str, Any],
    write_more: Callable[[Path], None],
) -> None:
    """Writes scores.json, a report and the tables, each file whole or not at all, scores.csv last.

    While scores.csv is there, all that it belongs to is.

    Args:
        folder: of the results.
        tables: CSV text by the name of its file.
        described: how they were made, as plain values; the checksums of the tables join it.
        write_more: writes any files to a local folder, from which they join the results.
    """
    before = read_described(folder, _DESCRIBED).get("made_from")
    if before is None or before != described.get("made_from"):
        # It belongs to something else.
        folder.delete(_SCORES)
    checksums = {name: _checksum(text) for name, text in tables.items()}
    whole = {**described, _CHECKSUMS: checksums}
    folder.write_text(_DESCRIBED, json.dumps(whole, indent=1) + "\n")
    made = in_the_making(folder.scratch / "report")
    made.mkdir()
    try:
        write_more(made)
        for path in sorted(made.iterdir()):
            folder.put(path, path.name)
    finally:
        shutil.rmtree(made)
    for name in sorted(tables, key=lambda name: name == _SCORES):
        folder.write_text(name, tables[name])
