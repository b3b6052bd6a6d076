"""Measures how far unseen sounds are from how a run returns them, beside rivals that learn nothing.

Silence is no sound at all; the medoid is the training sound with the least mean distance to all
others, the same for every unseen one; the nearest training sound is sought for each, by the
distance itself. Whoever makes sounds worse than that had better look them up.

Axes: N unseen sounds, M training sounds, J columns, F bins.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.document.numbers import decibels
from evaluation.scores.bootstrap import Interval, intervals
from evaluation.scores.table import MODEL
from evaluation.tasks.generation.sound_sets import SoundSet
from trainer.tasks.generation.distances import (
    FLOOR_DB,
    Distances,
    Levels,
    all_distances,
    log_spectral_distances,
)

SILENCE = "silence"
MEDOID = "medoid"
NEAREST = "nearest training sound"


@dataclass(frozen=True)
class Row:
    """Holds how far a system is from an unseen sound."""

    system: str
    track: str
    kit: str
    tag: str
    lsd_db: float


@dataclass(frozen=True)
class System:
    """Holds all that is known of a system."""

    name: str
    # In the order of the unseen sounds.
    rows: Sequence[Row]
    # Over sounds.
    mean_db: float
    # If other kits had been drawn; None where there are too few.
    interval: Interval | None

    @property
    def distances(self) -> Distances:
        """Returns the distance of each sound, (N,), in dB."""
        return np.array([row.lsd_db for row in self.rows])


class Verdict(NamedTuple):
    """Says who is nearer to the unseen sounds, the model or a rival."""

    rival: System
    # Of the model less that of the rival, the mean over sounds.
    difference_db: float
    interval: Interval | None

    @property
    def verb(self) -> str:
        """Returns what the model does to the rival."""
        if self.interval is not None and self.interval.low <= 0 <= self.interval.high:
            return "cannot be told from"
        return "wins against" if self.difference_db < 0 else "loses to"

    @property
    def rival_in_words(self) -> str:
        """Returns the name of the rival, and how far it is from the sounds."""
        article = "" if self.rival.name == SILENCE else "the "
        return f"{article}{self.rival.name} ({decibels(self.rival.mean_db)} dB)"


def score_systems(unseen: SoundSet, training: SoundSet, back: Levels | None) -> list[System]:
    """Measures the model, where it hears, and its rivals.

    Args:
        unseen: the sounds that are asked for.
        training: the sounds that the run has learnt from.
        back: levels of what the model returned for them, (N, J, F); None where it hears nothing.
    """
    systems = []
    if back is not None:
        distances = log_spectral_distances(unseen.levels, back)
        systems.append(_make_system(MODEL, unseen, distances))
    to_training = all_distances(unseen.levels, training.levels)
    silence = np.full_like(unseen.levels[:1], FLOOR_DB)
    to_silence = log_spectral_distances(unseen.levels, silence)
    medoid = medoid_of(training.levels)
    return [
        *systems,
        _make_system(NEAREST, unseen, to_training.min(axis=1)),
        _make_system(MEDOID, unseen, to_training[:, medoid]),
        _make_system(SILENCE, unseen, to_silence),
    ]


def nearest_of(unseen: SoundSet, training: SoundSet) -> NDArray[np.intp]:
    """Returns the number of the nearest training sound of each unseen one, (N,)."""
    return all_distances(unseen.levels, training.levels).argmin(axis=1)


def medoid_of(levels: Levels) -> int:
    """Returns the number of the sound (M, J, F) with the least mean distance to all others."""
    return int(all_distances(levels, levels).mean(axis=1).argmin())


def verdicts_of(systems: Sequence[System]) -> list[Verdict]:
    """Sets the model, which is the first system, beside each other one, sound by sound."""
    model, *rivals = systems
    kits = np.array([row.kit for row in model.rows])
    verdicts = []
    for rival in rivals:
        differences = model.distances - rival.distances
        spread = intervals(differences, kits)
        interval = None if spread is None else spread.mean
        verdicts.append(Verdict(rival, float(differences.mean()), interval))
    return verdicts


def to_csv(systems: Sequence[System]) -> str:
    """Returns the rows of all systems as CSV text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Row)])
    writer.writerows(astuple(row) for system in systems for row in system.rows)
    return text.getvalue()


def _make_system(name: str, unseen: SoundSet, distances: Distances) -> System:
    rows = [
        Row(name, track, kit, tag, float(distance))
        for track, kit, tag, distance in zip(
            unseen.names, unseen.kits, unseen.classes, distances, strict=True
        )
    ]
    spread = intervals(distances, np.array(unseen.kits))
    interval = None if spread is None else spread.mean
    return System(name, rows, float(distances.mean()), interval)
