"""Makes the tables of a report on what a run hears. Axes: K instruments, N columns."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from configs import instruments
from evaluation.document.parts import Cell, Column, Line, Table
from evaluation.scores.table import MODEL
from evaluation.tasks.tagging.answers import Answers
from evaluation.tasks.tagging.scores import SourceScores, SystemScores
from trainer.tasks.tagging.listening import HeardTrack
from trainer.tasks.tagging.measures import count
from trainer.tasks.tagging.pieces import heard_columns

MEASURES = {
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "roc_auc": "ROC-AUC",
    "average_precision": "Average precision",
    "balanced_accuracy": "Balanced accuracy",
}
# Named as heard instead of a missed instrument, at most.
_MOST_INSTEAD = 3


def system_table(systems: Sequence[SystemScores]) -> Table:
    """Makes the table of the macro means of all systems, the model first, and of whole pieces."""
    columns = [Column(title, "Columns, mean over instruments") for title in MEASURES.values()]
    titles = ("F1", "Wrong labels", "All right")
    columns += [Column(title, "Pieces") for title in titles]
    lines = []
    for system in systems:
        role = "key" if system.answers.system == MODEL else "base"
        cells = [
            Cell(
                system.macro.get(name),
                "share",
                interval=system.intervals.get(name),
                role="key" if name == "f1" and role == "key" else "",
            )
            for name in MEASURES
        ]
        pieces = system.pieces
        cells += [
            Cell(pieces.decisions.f1, "share"),
            Cell(f"{pieces.errors:.2f}", "text"),
            Cell(pieces.exact, "share"),
        ]
        lines.append(Line(system.answers.system, cells))
    return Table("systems", "System", columns, [lines])


def source_table(model: SystemScores) -> Table:
    """Makes the table of how right the model is about every instrument."""
    columns = [Column("Sounds in"), Column("Threshold")]
    columns += [Column(title) for title in MEASURES.values()]
    lines = [_source_line(row) for row in model.by_source]
    return Table("instruments", "Instrument", columns, [lines])


def _source_line(row: SourceScores) -> Line:
    cells = [
        Cell(row.support, "count", share=row.support / max(row.num_columns, 1)),
        Cell(f"{row.threshold:.2f}", "text"),
    ]
    # Of what never sounds only false alarms can be told, and the table of systems leaves it out.
    known = {name: getattr(row, name) if row.support else None for name in MEASURES}
    cells += [Cell(value, "share") for value in known.values()]
    return _named(row.source, cells)


def confusion_table(answers: Answers) -> Table:
    """Makes the table of what is heard in place of an instrument that is missed."""
    columns = [
        Column("Missed in"),
        Column("Heard instead, in which share of these columns", is_text=True),
    ]
    lines = []
    wrongly_heard = answers.heard & ~answers.truth
    for slot, source in enumerate(answers.sources):
        missed = answers.truth[slot] & ~answers.heard[slot]
        support = int(answers.truth[slot].sum())
        if not support:
            continue
        num_missed = int(missed.sum())
        words = "nothing is missed"
        if num_missed:
            words = _instead(wrongly_heard[:, missed].mean(axis=1), answers.sources)
        cells = [Cell(num_missed, "count", share=num_missed / support), Cell(words, "text")]
        lines.append(_named(source, cells))
    return Table("instead", "Instrument", columns, [lines])


def _instead(shares: NDArray[np.float64], sources: Sequence[str]) -> str:
    order = np.argsort(-shares, kind="stable")[:_MOST_INSTEAD]
    found = [
        f"{instruments.name_of(sources[slot])} {shares[slot]:.0%}"
        for slot in order
        if shares[slot] >= 0.005
    ]
    return ", ".join(found) or "no other one"


def track_table(answers: Answers) -> Table:
    """Makes the table of tracks: how right the model is, and what it says of the piece."""
    columns = [
        Column("F1"),
        Column("Precision"),
        Column("Recall"),
        Column("Missed", "In the piece", is_text=True),
        Column("Claimed wrongly", "In the piece", is_text=True),
    ]
    lines = [_track_line(answers, number, track) for number, track in enumerate(answers.tracks)]
    lines.sort(key=lambda line: float(line.cells[0].value or 0), reverse=True)
    return Table("tracks", "Track", columns, [lines])


def _track_line(answers: Answers, number: int, track: HeardTrack) -> Line:
    found = count(heard_columns(track.activity, answers.thresholds), track.truth)
    labels = answers.labels[number]
    heard = answers.heard_labels[number]
    missed = _names(answers.sources, labels & ~heard)
    claimed = _names(answers.sources, heard & ~labels)
    cells = [Cell(value, "share") for value in (found.f1, found.precision, found.recall)]
    return Line(track.name, [*cells, Cell(missed, "text"), Cell(claimed, "text")])


def _names(sources: Sequence[str], chosen: NDArray[np.bool_]) -> str | None:
    names = [
        instruments.name_of(name) for name, is_it in zip(sources, chosen, strict=True) if is_it
    ]
    return ", ".join(names) or None


def _named(source: str, cells: Sequence[Cell]) -> Line:
    name = instruments.name_of(source)
    return Line(name, cells) if name == source else Line(name, cells, label=source)
