"""The folder of an evaluation: tables of single tracks while it is under way, then scores.csv, scores.json and more.

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
from evaluation.scores import SCHEMA_VERSION, Row, from_csv, to_csv

_PART = re.compile(r"part-[0-9a-f]{16}-\d{5}\.csv")


def file_states(paths: Iterable[Path]) -> list[tuple[str, int, int]]:
    """What tells a file from what it was before: path, size and time of each."""
    states = [(path, path.stat()) for path in paths]
    return [(str(path), state.st_size, state.st_mtime_ns) for path, state in states]


class Results:
    """What is there of an evaluation, and what is still to do."""

    def __init__(self, folder: Folder, tracks: Sequence[str], made_from: Mapping[str, Any]) -> None:
        """Take up what an interrupted or a finished evaluation left, if it was made from the same.

        Args:
            folder: for the results.
            tracks: the names of all tracks, in order.
            made_from: whatever the scores depend on, as plain values.
        """
        self._folder, self._tracks = folder, list(tracks)
        identity = json.dumps([SCHEMA_VERSION, self._tracks, made_from], sort_keys=True).encode()
        self._made_from = hashlib.sha256(identity).hexdigest()[:16]
        self._parts = {track: f"part-{self._made_from}-{number:05d}.csv" for number, track in enumerate(self._tracks)}
        there = folder.list_names()
        for name in set(filter(_PART.fullmatch, there)) - set(self._parts.values()):  # which nobody continued
            folder.delete(name)
        self.are_finished = "scores.csv" in there and self._described().get("made_from") == self._made_from
        self.kept = {track for track, name in self._parts.items() if self.are_finished or name in there}

    def _described(self) -> dict[str, Any]:
        """What scores.json says; nothing where that is not there or not ours."""
        try:
            described = json.loads(self._folder.read_text("scores.json") or "{}")
        except ValueError:
            return {}
        return described if isinstance(described, dict) else {}

    def keep(self, track: str, rows: Sequence[Row]) -> None:
        """Keep the rows of a track, so that an interrupted evaluation need not score it again."""
        self._folder.write_text(self._parts[track], to_csv(rows))
        self.kept.add(track)

    def rows(self) -> list[Row]:
        """The rows of all tracks, in order, once all are kept."""
        rows: list[Row] = []
        for track, name in {"all tracks": "scores.csv"}.items() if self.are_finished else self._parts.items():
            text = self._folder.read_text(name)
            if text is None:
                raise ValueError(f"{self._folder.url}/{name}, the rows of {track}, is gone; give the command again.")
            rows += from_csv(text, f"{self._folder.url}/{name}")
        return rows

    def finish(
        self, rows: Sequence[Row], described: Mapping[str, Any], write_more: Callable[[Path], None] = lambda _: None
    ) -> None:
        """Write scores.json, a report and scores.csv, each file whole or not at all; the tables of tracks go.

        While scores.csv is there, all that it belongs to is.

        Args:
            rows: of all tracks.
            described: how they were made, as plain values.
            write_more: writes any files to a local folder, from which they join the results.
        """
        about = {"schema_version": SCHEMA_VERSION, **described, "made_from": self._made_from}
        if not self.are_finished:
            self._folder.delete("scores.csv")  # of something else
        self._folder.write_text("scores.json", json.dumps(about, indent=1) + "\n")
        with TemporaryDirectory(dir=self._folder.scratch) as made:
            write_more(Path(made))
            for path in sorted(Path(made).iterdir()):
                self._folder.put(path, path.name)
        self._folder.write_text("scores.csv", to_csv(rows))
        for name in self._parts.values():
            self._folder.delete(name)
