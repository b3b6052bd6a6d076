"""The folder of an evaluation: what is known of single tracks while it is under way, then scores.csv and the rest.

All that an evaluation writes is written here, on a disk or in a bucket.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from data_prep.storage import Folder
from evaluation.scores.table import SCHEMA_VERSION, Row, from_csv, to_csv


def file_states(paths: Iterable[Path]) -> list[tuple[str, int, int]]:
    """What tells a file from what it was before: path, size and time of each."""
    states = [(path, path.stat()) for path in paths]
    return [(str(path), state.st_size, state.st_mtime_ns) for path, state in states]


class Parts:
    """What was found of single tracks, a file each, so that whoever is interrupted need not do them again."""

    def __init__(
        self, folder: Folder, kind: str, tracks: Sequence[str], made_from: Sequence[Any]
    ) -> None:
        """Take up what an interrupted call left, if it was made from the same; what was not goes.

        Args:
            folder: for the files.
            kind: what they begin with.
            tracks: the names of all tracks, in order.
            made_from: whatever is found depends on, as plain values.
        """
        self._folder = folder
        identity = json.dumps([list(tracks), made_from], sort_keys=True).encode()
        self.made_from = hashlib.sha256(identity).hexdigest()[:16]
        self._names = {
            track: f"{kind}-{self.made_from}-{number:05d}" for number, track in enumerate(tracks)
        }
        pattern = re.compile(rf"{kind}-[0-9a-f]{{16}}-\d{{5}}")
        there = {name for name in folder.list_names() if pattern.fullmatch(name)}
        for name in there - set(self._names.values()):
            folder.delete(name)
        self.kept = {track for track, name in self._names.items() if name in there}

    def keep(self, track: str, text: str) -> None:
        """Keep what was found of a track."""
        self._folder.write_text(self._names[track], text)
        self.kept.add(track)

    def read(self, track: str) -> str:
        """What was kept of a track; ``ValueError`` where it is gone."""
        text = self._folder.read_text(self._names[track])
        if text is None:
            place = f"{self._folder.url}/{self._names[track]}"
            raise ValueError(
                f"{place}, what was found of {track}, is gone; give the command again."
            )
        return text

    def delete(self) -> None:
        """Remove all of them, once there is what they were for."""
        for name in self._names.values():
            self._folder.delete(name)


def read_described(folder: Folder, name: str) -> dict[str, Any]:
    """The JSON object in a file; nothing where there is none."""
    try:
        described = json.loads(folder.read_text(name) or "{}")
    except ValueError:
        return {}
    return described if isinstance(described, dict) else {}


class Results:
    """What is there of the scores, and what is still to do."""

    def __init__(self, folder: Folder, tracks: Sequence[str], made_from: Mapping[str, Any]) -> None:
        """Take up what an interrupted or a finished evaluation left, if it was made from the same; see ``Parts``."""
        self._folder, self._tracks = folder, list(tracks)
        self._parts = Parts(folder, "part", tracks, [SCHEMA_VERSION, made_from])
        described = read_described(folder, "scores.json")
        self.are_finished = (
            described.get("made_from") == self._parts.made_from
            and folder.stat("scores.csv") is not None
        )
        self.kept = set(tracks) if self.are_finished else self._parts.kept

    def keep(self, track: str, rows: Sequence[Row]) -> None:
        """Keep the rows of a track, so that an interrupted evaluation need not score it again."""
        self._parts.keep(track, to_csv(rows))

    def rows(self) -> list[Row]:
        """The rows of all tracks, in order, once all are kept."""
        if self.are_finished:
            return from_csv(
                self._folder.read_text("scores.csv") or "", f"{self._folder.url}/scores.csv"
            )
        texts = {track: self._parts.read(track) for track in self._tracks}
        return [
            row for track, text in texts.items() for row in from_csv(text, f"the scores of {track}")
        ]

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
        described: how they were made, as plain values.
        write_more: writes any files to a local folder, from which they join the results.
    """
    before = read_described(folder, "scores.json").get("made_from")
    if before is None or before != described.get("made_from"):
        # Of something else.
        folder.delete("scores.csv")
    folder.write_text("scores.json", json.dumps(described, indent=1) + "\n")
    with TemporaryDirectory(dir=folder.scratch) as made:
        write_more(Path(made))
        for path in sorted(Path(made).iterdir()):
            folder.put(path, path.name)
    for name in sorted(tables, key=lambda name: name == "scores.csv"):
        folder.write_text(name, tables[name])
