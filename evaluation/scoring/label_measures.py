"""Measures what the labels do: one network, told the instruments rightly, wrongly and not at all.

``evaluation.audit`` lists the conditions, and says how to read them.

Axes: K slots, T frames, C channels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs import Config
from data_prep.audio import activity
from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import FullTrack
from evaluation.recognition.recogniser import Recogniser
from evaluation.scores.conditions import OF_LABELS, Condition
from evaluation.scores.table import LEAKAGE_FLOOR_DB
from trainer.inference.base import BaseSeparator
from trainer.inference.told import Told
from trainer.tasks.separation.validation import improvements

# Why a condition may have no track.
_REASONS = {
    "unknown": "the network was never trained without labels (augmentation.label_dropout is 0)",
    "swapped": "in every track more instruments play than do not",
    "none": "the network was never trained without notes (augmentation.note_dropout is 0)",
    "another": "there is no other track with notes",
}
# Of which nothing is said where nobody asked for them.
_ASKED_FOR = ("recognised",)

Floats = NDArray[np.float64]


class Measure(NamedTuple):
    """Holds what was measured of one track under one condition, in dB."""

    # Of every segment and source that counts.
    improvements: Sequence[float]
    # Of every segment and slot whose source does not sound.
    leakages: Sequence[float]
    # Of every slot named wrongly where the right source sounds, relative to the mixture.
    misnamed: Sequence[float]


# By the condition.
Measures = dict[str, Measure]


def audit_track(
    separator: BaseSeparator,
    track: FullTrack,
    config: Config,
    recogniser: Recogniser | None = None,
) -> Measures:
    """Estimates a track in full length under every condition that it allows.

    Args:
        separator: the network.
        track: with its references.
        config: of the network.
        recogniser: hears what plays, where somebody shall.

    Raises:
        ValueError: the network is not told the instruments at all.
    """
    if not config.needs_labels:
        raise ValueError(
            "this network is not told the instruments (model.conditioning is none): nothing to "
            "audit."
        )
    swaps = swap(track.labels, config.data.sources)
    labels_of: dict[str, Sequence[str] | None] = {
        "true": track.labels,
        "empty": (),
        "full": config.data.sources,
    }
    if recogniser is not None:
        heard = recogniser.listen([track.mixture], config.audio.sample_rate)
        labels_of["recognised"] = heard.labels
    if config.takes_unknown_labels:
        labels_of["unknown"] = None
    if swaps:
        labels_of["swapped"] = tuple(swaps.values())
    measures = {}
    informed = separator.told(Told(track.notes, track.context))
    for name, labels in labels_of.items():
        # (K, T, C)
        estimates = informed.estimate(track.mixture, labels)
        wrong = swaps if name == "swapped" else {}
        measures[name] = measure(track, estimates, wrong, config)
    return measures


def summarise(tracks: Sequence[Measures], names: Sequence[str] = OF_LABELS) -> list[Condition]:
    """Returns the conditions of these names, in their order, each over all tracks."""
    conditions = []
    for name in names:
        measured = [track[name] for track in tracks if name in track]
        if name in _ASKED_FOR and not measured:
            continue
        conditions.append(_condition(name, measured))
    return conditions


def swap(playing: Sequence[str], sources: Sequence[str]) -> dict[str, str]:
    """Returns for each instrument that plays the next slot of one that does not.

    Each is used once. The slots count as a circle, so that not always the first instruments of the
    vocabulary stand in.

    Args:
        playing: the instruments of a piece.
        sources: the names of all slots.

    Returns:
        Right instrument -> wrong one; empty if there are too few that do not play.
    """
    free = [source for source in sources if source not in playing]
    if len(free) < len(playing):
        return {}
    swaps = {}
    for label in playing:
        slot = sources.index(label)
        distances = {source: (sources.index(source) - slot) % len(sources) for source in free}
        swaps[label] = min(free, key=distances.__getitem__)
        free.remove(swaps[label])
    return swaps


def measure(
    track: FullTrack, estimates: Waveform, swaps: dict[str, str], config: Config
) -> Measure:
    """Measures estimates (K, T, C) of a track; ``swaps`` are the instruments named wrongly."""
    sounding, levels = leakage(track, estimates, config)
    misnamed = [np.zeros(0)]
    for right, wrong in swaps.items():
        segments = sounding[:, config.data.sources.index(right)]
        misnamed.append(levels[segments, config.data.sources.index(wrong)])
    return Measure(
        improvements=improvements(track, estimates, config).tolist(),
        leakages=levels[~sounding].tolist(),
        misnamed=np.concatenate(misnamed).tolist(),
    )


def leakage(
    track: FullTrack, estimates: Waveform, config: Config
) -> tuple[NDArray[np.bool_], Floats]:
    """Computes where sources sound, and the energy of each slot relative to the mixture in dB.

    The energy is that of the scores, -100 dB or more. Where a source does not sound, it is its
    leakage.

    Returns:
        Both of shape (segments, K), without the segments in which the mixture is silent.
    """
    settings = config.evaluation
    bounds = activity.segments(len(track.mixture), config.audio.sample_rate, settings)
    parts = [slice(start, stop) for start, stop in bounds]
    # (segments, K)
    loudness = np.stack([activity.rms_db(track.references[:, part]) for part in parts])
    sounding = activity.active(loudness, settings.active_relative_db, settings.silent_dbfs)
    estimated = np.stack([activity.rms_db(estimates[:, part]) for part in parts])
    # (segments,)
    mixture = np.stack([activity.rms_db(track.mixture[part]) for part in parts])
    audible = mixture >= settings.silent_dbfs
    relative = estimated[audible] - mixture[audible, None]
    return sounding[audible], np.maximum(relative, LEAKAGE_FLOOR_DB)


def _condition(name: str, measured: Sequence[Measure]) -> Condition:
    """Returns the medians over tracks under one condition."""
    if not measured:
        return Condition(name, not_measured=_REASONS[name])
    improvements_db = np.concatenate([track.improvements for track in measured])
    leakages_db = np.concatenate([track.leakages for track in measured])
    misnamed_db = np.concatenate([track.misnamed for track in measured])
    return Condition(
        labels=name,
        improvement_db=_median(improvements_db),
        num_improvements=len(improvements_db),
        leakage_db=_median(leakages_db),
        num_leakages=len(leakages_db),
        misnamed_db=_median(misnamed_db),
        num_misnamed=len(misnamed_db),
        num_tracks=len(measured),
    )


def _median(values: Floats) -> float | None:
    if not values.size:
        return None
    return float(np.median(values))
