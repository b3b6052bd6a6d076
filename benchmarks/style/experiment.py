"""Measures how well ways of hearing tell styles apart, and keeps a row of each.

Axes: F clips, N features.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.style.choice import hold_out_and_choose
from evaluation.classes.linear import Floats, Learner
from evaluation.classes.measures import Figure, Resampled
from evaluation.classes.model_folder import load

ARTIST = "artist"
CLIP = "clip"
# As evaluation.classify calls what it measured.
_TITLES = {ARTIST: "in groups", CLIP: "without regard to groups"}
_MEASURE = "balanced accuracy"


@dataclass(frozen=True)
class Result:
    """Holds what a way of hearing reached."""

    system: str
    # Of what is held out at a time all clips, ``ARTIST`` or ``CLIP``; of the latter some together.
    held_out: str
    balanced_accuracy: float
    # Of the 95 % interval over artists; None where it has none.
    low: float | None
    high: float | None
    num_clips: int
    num_artists: int
    # What was chosen within what was learnt from, and for how many folds; empty: the penalty alone.
    choices: Mapping[str, int]
    # Of all that the row took.
    secs: float


@dataclass(frozen=True)
class Labels:
    """Says of what style and artist each clip is."""

    # STYLE/ARTIST/NUMBER.wav
    files: Sequence[str]

    @property
    def styles(self) -> list[str]:
        """Returns the style of each clip."""
        return [file.split("/")[0] for file in self.files]

    @property
    def artists(self) -> list[str]:
        """Returns the artist of each clip; of two styles none is the same."""
        return [file.split("/")[1] for file in self.files]


def results_of_command(heard: Path, names: Mapping[str, str], secs: float) -> Iterator[Result]:
    """Yields what ``evaluation.classify train`` measured.

    Args:
        heard: the folder that it wrote.
        names: how it calls ways of saying -> how rows do; others are left out.
        secs: that it took.
    """
    model = load(heard)
    labels = Labels([file.file for file in model.files])
    for held_out, title in _TITLES.items():
        for way, measured in model.measured[title].items():
            if way not in names:
                continue
            figure = measured[_MEASURE]
            interval = figure["interval"] or {"low": None, "high": None}
            yield Result(
                system=names[way],
                held_out=held_out,
                balanced_accuracy=figure["value"],
                low=interval["low"],
                high=interval["high"],
                num_clips=len(labels.files),
                num_artists=len(set(labels.artists)),
                choices={},
                secs=secs,
            )


def layers_of(heard: Path, name: str) -> dict[str, Floats]:
    """Returns all features of a network by the name of the set, and those of each layer.

    Args:
        heard: the folder that ``evaluation.classify train`` wrote.
        name: of the network.
    """
    model = load(heard)
    features = model.features.astype(np.float64)
    ends = np.cumsum(model.heard_by.layers)
    parts = np.split(features, ends[:-1], axis=1)
    sets = {f"{name}, all layers": features}
    for number, part in enumerate(parts, start=1):
        sets[f"{name}, layer {number}"] = part
    return sets


def measure(system: str, features: Mapping[str, Floats], labels: Labels, held_out: str) -> Result:
    """Measures the best of sets of features, chosen anew within what each fold learns from.

    Args:
        system: as the row calls it.
        features: (F, N) by name.
        labels: of the clips.
        held_out: ``ARTIST`` or ``CLIP``.
    """
    started = time.perf_counter()
    classes, targets = np.unique(labels.styles, return_inverse=True)
    _, artists = np.unique(labels.artists, return_inverse=True)
    groups = artists if held_out == ARTIST else np.arange(len(targets))
    learner = Learner("class", len(classes))
    num_artists = len(set(labels.artists))
    chosen = hold_out_and_choose(learner, features, targets, groups, num_artists)
    figure: Figure = Resampled(artists).balanced_accuracy(targets, chosen.said)
    choices = {
        f"{name}, penalty {penalty:g}": count for (name, penalty), count in chosen.choices.items()
    }
    return Result(
        system=system,
        held_out=held_out,
        balanced_accuracy=figure.value,
        low=None if figure.interval is None else figure.interval.low,
        high=None if figure.interval is None else figure.interval.high,
        num_clips=len(targets),
        num_artists=num_artists,
        choices=choices,
        secs=time.perf_counter() - started,
    )
