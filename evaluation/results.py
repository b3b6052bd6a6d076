"""The folder of an evaluation: tables of single tracks while it is under way, then scores.csv, scores.json and more.

All that an evaluation writes is written here, on a disk or in a bucket.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from data_prep.storage import Folder
from evaluation.scores import SCHEMA_VERSION, Row, from_csv, to_csv

_PART = re.compile(r"part-[0-9a-f]{16}-\d{5}\.csv")


class Results:
    """What is there of an evaluation, and what is still to do."""

    def __init__(self, folder: Folder, tracks: Sequence[str], made_from: Mapping[str, Any]) -> None:
        """Take up what an interrupted evaluation left, if it was made from the same.

        Args:
            folder: for the results.
            tracks: the names of all tracks, in order.
            made_from: whatever the scores depend on, as plain values.
        """
        self._folder, self._tracks = folder, list(tracks)
        identity = json.dumps([SCHEMA_VERSION, self._tracks, made_from], sort_keys=True).encode()
        prefix = f"part-{hashlib.sha256(identity).hexdigest()[:16]}"
        self._parts = {track: f"{prefix}-{number:05d}.csv" for number, track in enumerate(self._tracks)}
        there = [name for name in folder.list_names() if _PART.fullmatch(name)]
        for name in set(there) - set(self._parts.values()):  # of an evaluation that nobody continued
            folder.delete(name)
        self.kept = {track for track, name in self._parts.items() if name in there}

    def keep(self, track: str, rows: Sequence[Row]) -> None:
        """Keep the rows of a track, so that an interrupted evaluation need not score it again."""
        self._folder.write_text(self._parts[track], to_csv(rows))
        self.kept.add(track)

    def rows(self) -> list[Row]:
        """The rows of all tracks, in order, once all are kept."""
        rows = []
        for track, name in self._parts.items():
            text = self._folder.read_text(name)
            if text is None:
                raise ValueError(f"{self._folder.url}/{name}, the rows of {track}, is gone; give the command again.")
            rows += from_csv(text, f"{self._folder.url}/{name}")
        return rows

    def finish(
        self, rows: Sequence[Row], described: Mapping[str, Any], write_more: Callable[[Path], None] = lambda _: None
    ) -> None:
        """Write scores.json, a report and scores.csv, each file whole or not at all; the tables of tracks go.

        Args:
            rows: of all tracks.
            described: how they were made, as plain values.
            write_more: writes any files to a local folder, from which they join the results.
        """
        about = {"schema_version": SCHEMA_VERSION, **described}
        self._folder.write_text("scores.json", json.dumps(about, indent=1) + "\n")
        with TemporaryDirectory(dir=self._folder.scratch) as made:
            write_more(Path(made))
            for path in sorted(Path(made).iterdir()):
                self._folder.put(path, path.name)
        self._folder.write_text("scores.csv", to_csv(rows))
        for name in self._parts.values():
            self._folder.delete(name)
