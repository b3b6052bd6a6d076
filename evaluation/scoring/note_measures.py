"""Measures what notes do: one network, told the notes of a piece rightly, wrongly and not at all.

``evaluation.audit`` lists the conditions, and says how to read them.

Axes: N notes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs import Config
from data_prep.records.full_tracks import FullTrack
from evaluation.scoring.label_measures import Measures, measure
from trainer.inference.base import BaseSeparator
from trainer.inference.told import Told

# By how much notes are moved, at most.
JITTERS_MS = (25, 50, 100, 200)
_OCTAVE_CENTS = 1200
# Moves notes alike in every audit.
_SEED = 0

Notes = NDArray[Any]


def audit_notes(
    separator: BaseSeparator, track: FullTrack, other: FullTrack | None, config: Config
) -> Measures:
    """Estimates a track in full length, told its notes in every way that the network allows.

    Args:
        separator: the network.
        track: with its references and notes.
        other: a track of other notes, if there is one.
        config: of the network.

    Raises:
        ValueError: the network is told no notes, or the track has none.
    """
    if not config.model.takes_notes:
        raise ValueError(
            "this network is told no notes (model.timing is none, model.gate_timing false): "
            "nothing to audit; audit its labels with --of=labels."
        )
    if track.notes is None:
        raise ValueError(f"the records of {track.name} have no notes; audit tracks that have some.")
    told = wrong_notes(track.notes, config.audio.sample_rate)
    if other is not None and other.notes is not None:
        told["another"] = other.notes
    versions: dict[str, Notes | None] = {"true": track.notes, **told}
    if config.takes_unknown_notes:
        versions["none"] = None
    measures = {}
    for name, notes in versions.items():
        informed = separator.told(Told(notes, track.context))
        estimates = informed.estimate(track.mixture, track.labels)
        measures[name] = measure(track, estimates, {}, config)
    return measures


def wrong_notes(notes: Notes, sample_rate: int) -> dict[str, Notes]:
    """Returns notes (N, 4) moved and transposed, by the condition.

    Each onset and each offset is moved by itself, evenly up to so many milliseconds either way; a
    note still lasts a frame.
    """
    found = {}
    rng = np.random.default_rng(_SEED)
    for jitter_ms in JITTERS_MS:
        most = jitter_ms / 1000 * sample_rate
        moved = notes.astype(np.int64)
        moved[:, :2] += np.rint(rng.uniform(-most, most, (len(notes), 2))).astype(np.int64)
        moved[:, 1] = np.maximum(moved[:, 1], moved[:, 0] + 1)
        found[f"jittered_{jitter_ms}"] = moved
    found["shifted"] = notes + np.array([sample_rate, sample_rate, 0, 0])
    found["octave"] = notes + np.array([0, 0, _OCTAVE_CENTS, 0])
    return found
