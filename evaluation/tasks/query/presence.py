"""Tells how right it is what a network says is there: of pairs, and how many there are.

A pair is a track and a name of the vocabulary.
"""

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evaluation.document.parts import Cell, Column, Line, Table
from trainer.tasks.tagging.measures import Decisions, count


class AskedTrack(NamedTuple):
    """Holds what was found when a track was asked for every name."""

    name: str
    # How it was asked: by name, or by recordings.
    door: str
    # What was asked for, and the probability of each that it is there.
    sources: tuple[str, ...]
    presence: tuple[float, ...]
    # What is there.
    labels: tuple[str, ...]

    def claimed(self, threshold: float) -> list[str]:
        """Returns what is said to be there, from a probability on."""
        pairs = zip(self.sources, self.presence, strict=True)
        return [name for name, probability in pairs if probability >= threshold]


class CountError(NamedTuple):
    """Holds how wrong the number of sources is where so many are there."""

    num_there: int
    num_tracks: int
    # The mean of claimed less true, and of how far they are apart.
    bias: float
    error: float


def decisions(tracks: Sequence[AskedTrack], threshold: float) -> Decisions:
    """Counts what was said of all pairs."""
    said = []
    truth = []
    for track in tracks:
        claimed = track.claimed(threshold)
        said += [name in claimed for name in track.sources]
        truth += [name in track.labels for name in track.sources]
    return count(np.array(said, bool), np.array(truth, bool))


def count_errors(tracks: Sequence[AskedTrack], threshold: float) -> list[CountError]:
    """Returns the error of the number of sources, by how many are there, the fewest first."""
    differences: dict[int, list[int]] = {}
    for track in tracks:
        num_there = sum(name in track.labels for name in track.sources)
        num_claimed = len(track.claimed(threshold))
        differences.setdefault(num_there, []).append(num_claimed - num_there)
    return [
        CountError(num_there, len(found), float(np.mean(found)), float(np.mean(np.abs(found))))
        for num_there, found in sorted(differences.items())
    ]


def to_csv(tracks: Sequence[AskedTrack], threshold: float) -> str:
    """Returns a line for every pair and door."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["track", "asked", "source", "probability", "claimed", "there"])
    for track in tracks:
        claimed = track.claimed(threshold)
        for name, probability in zip(track.sources, track.presence, strict=True):
            there = int(name in track.labels)
            row = [track.name, track.door, name, f"{probability:.4f}", int(name in claimed), there]
            writer.writerow(row)
    return text.getvalue()


def decision_table(doors: Sequence[Sequence[AskedTrack]], threshold: float) -> Table:
    """Makes the table of what was said of all pairs, a line for each way of asking."""
    columns = [Column(title) for title in ("Precision", "Recall", "F1", "Missed", "Not there")]
    lines = []
    for tracks in doors:
        found = decisions(tracks, threshold)
        cells = [
            Cell(found.precision, "share"),
            Cell(found.recall, "share"),
            Cell(found.f1, "share", role="key"),
            Cell(found.misses, "count"),
            Cell(found.false_alarms, "count"),
        ]
        lines.append(Line(tracks[0].door, cells))
    return Table("presence", "Asked", columns, [lines])


def count_table(doors: Sequence[Sequence[AskedTrack]], threshold: float) -> Table:
    """Makes the table of the errors of the number of sources, by how many are there."""
    columns = [Column("Tracks")]
    for tracks in doors:
        columns += [Column("Bias", tracks[0].door), Column("Error", tracks[0].door)]
    by_door = [{each.num_there: each for each in count_errors(t, threshold)} for t in doors]
    lines = []
    for num_there, first in by_door[0].items():
        cells = [Cell(first.num_tracks, "count")]
        for found in by_door:
            each = found.get(num_there)
            bias = None if each is None else f"{each.bias:+.2f}"
            error = None if each is None else f"{each.error:.2f}"
            cells += [Cell(bias, "text"), Cell(error, "text")]
        lines.append(Line(str(num_there), cells))
    return Table("counts", "Sources there", columns, [lines])
