"""Measures how well systems put clips in order, by track and over all, and makes the table.

A figure of a track is the mean over its puzzles, one over all is the mean over tracks.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.scores.bootstrap import Interval, intervals
from evaluation.scores.table import MODEL
from trainer.tasks.ordering.answers import MEASURES, Places, chance

__all__ = ["ALL", "CHANCE", "MEASURES", "Floats", "Places", "Row", "System", "make_system"]

Floats = NDArray[np.floating[Any]]

# Stands for every track together.
ALL = "all"
CHANCE = "chance"
EDGES = "edge rule"
BACKWARDS = f"{MODEL}, music backwards"
# Standard deviations of dice that a control may be off: beyond them is one of 16,000.
_MOST_DEVIATIONS = 4.0


@dataclass(frozen=True)
class Row:
    """Holds how right a system was on a track, or on all."""

    system: str
    # Or ``ALL``.
    track: str
    num_puzzles: int
    position: float
    exact: float
    exact_or_reversed: float
    tau: float

    def value(self, measure: str) -> float:
        """Returns a measure by its name."""
        found: float = getattr(self, measure)
        return found


@dataclass(frozen=True)
class System:
    """Holds all that is known of a system."""

    name: str
    # Of every track.
    tracks: Sequence[Row]
    whole: Row
    # Measure -> its interval over tracks; empty where there are too few, and of dice.
    intervals: Mapping[str, Interval]


def make_system(name: str, tracks: Sequence[Row]) -> System:
    """Sums up the rows of a system."""
    names = np.array([row.track for row in tracks])
    found = {}
    means = {}
    for measure in MEASURES:
        values = np.array([row.value(measure) for row in tracks])
        means[measure] = float(values.mean())
        spread = intervals(values, names)
        if spread is not None:
            found[measure] = spread.mean
    whole = Row(name, ALL, sum(row.num_puzzles for row in tracks), **means)
    return System(name, tracks, whole, found)


def by_chance(num_clips: int) -> System:
    """Returns what dice reach: not drawn, but computed."""
    return System(CHANCE, (), Row(CHANCE, ALL, 0, **chance(num_clips)), {})


def is_by_dice(row: Row, num_clips: int) -> bool:
    """Says whether what was found could well be dice.

    The number of clips at their place in an order by dice has variance 1, so that the share of n
    clips has the standard deviation 1 / n; that of a solved puzzle with probability p has
    sqrt(p (1 - p)).
    """
    dice = chance(num_clips)
    deviations = {"position": 1 / num_clips}
    for measure in ("exact", "exact_or_reversed"):
        deviations[measure] = math.sqrt(dice[measure] * (1 - dice[measure]))
    root = math.sqrt(row.num_puzzles)
    return all(
        abs(row.value(measure) - dice[measure]) <= _MOST_DEVIATIONS * deviation / root
        for measure, deviation in deviations.items()
    )


def to_csv(rows: Sequence[Row]) -> str:
    """Returns rows as CSV text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Row)])
    writer.writerows(astuple(row) for row in rows)
    return text.getvalue()
