"""Measures how right a system was, by instrument and over all, and makes the table of scores.

Figures of an instrument are over the columns of all tracks together. A macro mean is one over the
instruments that sound somewhere. Axes: K instruments, N columns.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from evaluation.scores.bootstrap import Interval
from evaluation.tasks.tagging.answers import Answers
from evaluation.tasks.tagging.resampling import macro_intervals
from trainer.tasks.tagging.measures import Decisions, average_precision, count, roc_auc

# Stands for every track together.
ALL = "all"
# The measures that have a macro mean, in the order of tables.
MACRO = ("f1", "precision", "recall", "roc_auc", "average_precision", "balanced_accuracy")


@dataclass(frozen=True)
class SourceScores:
    """Holds how right a system was about an instrument, in one track or in all."""

    system: str
    # Or ``ALL``.
    track: str
    source: str
    threshold: float
    num_columns: int
    # In how many columns it sounds.
    support: int
    hits: int
    false_alarms: int
    misses: int
    precision: float
    recall: float
    f1: float
    # None where they do not exist: where it never, or always, sounds.
    roc_auc: float | None
    average_precision: float | None
    balanced_accuracy: float | None
    # Whether it plays in the piece, and whether it was heard there; None of all tracks together.
    in_piece: int | None
    piece_probability: float | None
    heard_in_piece: int | None


@dataclass(frozen=True)
class PieceScores:
    """Holds how right a system was about which instruments play in which track."""

    # Over all pairs of a track and an instrument.
    decisions: Decisions
    # The mean number of instruments that were missed or claimed wrongly in a track.
    errors: float
    # Share of the tracks whose instruments were all heard, and no other.
    exact: float


@dataclass(frozen=True)
class SystemScores:
    """Holds all that is known of a system."""

    answers: Answers
    # Of all tracks together, in slot order.
    by_source: Sequence[SourceScores]
    # Measure -> its macro mean; those that exist nowhere are left out.
    macro: dict[str, float]
    # Measure -> its interval over tracks; empty where there are too few.
    intervals: dict[str, Interval]
    pieces: PieceScores


def score_system(answers: Answers, with_intervals: bool = True) -> SystemScores:
    """Measures a system."""
    by_source = [row for row in iter_rows(answers) if row.track == ALL]
    return SystemScores(
        answers=answers,
        by_source=by_source,
        macro=_macro(by_source),
        intervals=macro_intervals(answers, MACRO) if with_intervals else {},
        pieces=score_pieces(answers),
    )


def score_pieces(answers: Answers) -> PieceScores:
    """Measures what was said of whole tracks."""
    wrong = answers.labels != answers.heard_labels
    return PieceScores(
        decisions=count(answers.heard_labels, answers.labels),
        errors=float(wrong.sum(axis=1).mean()),
        exact=float((~wrong.any(axis=1)).mean()),
    )


def _macro(rows: Sequence[SourceScores]) -> dict[str, float]:
    sounding = [row for row in rows if row.support]
    means = {}
    for name in MACRO:
        values = [getattr(row, name) for row in sounding]
        known = [value for value in values if value is not None]
        if known:
            means[name] = float(np.mean(known))
    return means


def iter_rows(answers: Answers) -> Iterator[SourceScores]:
    """Yields the rows of a system: of every track, then of all together, in slot order."""
    for number, track in enumerate(answers.tracks):
        for slot, source in enumerate(answers.thresholds):
            yield _row(
                answers,
                track.name,
                source,
                track.activity[slot].astype(np.float64),
                track.truth[slot],
                in_piece=int(answers.labels[number, slot]),
                piece_probability=float(answers.label_probabilities[number, slot]),
                heard_in_piece=int(answers.heard_labels[number, slot]),
            )
    for slot, source in enumerate(answers.thresholds):
        activity = answers.activity[slot].astype(np.float64)
        yield _row(answers, ALL, source, activity, answers.truth[slot])


def _row(
    answers: Answers,
    track: str,
    source: str,
    activity: NDArray[np.float64],
    truth: NDArray[np.bool_],
    in_piece: int | None = None,
    piece_probability: float | None = None,
    heard_in_piece: int | None = None,
) -> SourceScores:
    threshold = answers.thresholds[source]
    found = count(activity >= threshold, truth)
    return SourceScores(
        system=answers.system,
        track=track,
        source=source,
        threshold=threshold,
        num_columns=len(truth),
        support=found.hits + found.misses,
        hits=found.hits,
        false_alarms=found.false_alarms,
        misses=found.misses,
        precision=found.precision,
        recall=found.recall,
        f1=found.f1,
        roc_auc=roc_auc(activity, truth),
        average_precision=average_precision(activity, truth),
        balanced_accuracy=found.balanced_accuracy,
        in_piece=in_piece,
        piece_probability=piece_probability,
        heard_in_piece=heard_in_piece,
    )


def to_csv(rows: Sequence[SourceScores]) -> str:
    """Returns rows as CSV text; what does not exist is blank."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(SourceScores)])
    for row in rows:
        writer.writerow(["" if value is None else value for value in astuple(row)])
    return text.getvalue()
