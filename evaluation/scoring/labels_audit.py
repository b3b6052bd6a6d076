"""Measures what the labels do: one network, told the instruments rightly, wrongly and not at all.

The network is told of each track:

``true``     the instruments of the piece, as everywhere else
``unknown``  nothing, where it was trained for that
``empty``    that nothing plays
``full``     that all instruments play
``swapped``  for every instrument of the piece another one that has no part in it

Where estimates follow the labels, the true ones must be better than all others; where they do not,
nothing changes.
"""

import dataclasses
import json
import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs import Config
from data_prep.audio import activity
from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import FullTrack, iter_full_tracks
from data_prep.runtime.revision import code_revision
from evaluation.estimates.estimated_system import EstimatedSystem
from evaluation.scores.conditions import CONDITIONS, Condition
from evaluation.scores.results import Parts, read_described
from trainer.inference.separator import Separator
from trainer.tasks.separation.validation import improvements

SCHEMA_VERSION = 1  # of audit.json
FILE_NAME = "audit.json"

_MIN_LEAKAGE_DB = -100.0

Floats = NDArray[np.float64]


class _Measure(NamedTuple):
    """Of one track under one condition, each in dB."""

    improvements: Sequence[float]
    leakages: Sequence[float]
    misnamed: Sequence[float]


Measures = dict[str, _Measure]  # by the condition


def audit_track(separator: Separator, track: FullTrack, config: Config) -> Measures:
    """Estimate a track in full length under every condition that it allows.

    Raises:
        ValueError: the network is not told the instruments at all.
    """
    if not config.needs_labels:
        raise ValueError(
            "this network is not told the instruments (model.conditioning is none): nothing to audit."
        )
    swaps = swap(track.labels, config.data.sources)
    given: dict[str, Sequence[str] | None] = {
        "true": track.labels,
        "empty": (),
        "full": config.data.sources,
    }
    if config.takes_unknown_labels:
        given["unknown"] = None
    if swaps:
        given["swapped"] = tuple(swaps.values())
    return {
        name: _measure(
            track,
            separator.estimate(track.mixture, labels),
            swaps if name == "swapped" else {},
            config,
        )
        for name, labels in given.items()
    }


def summarise(tracks: Sequence[Measures]) -> list[Condition]:
    """One per condition, in order, over all tracks."""
    return [
        _condition(name, [track[name] for track in tracks if name in track]) for name in CONDITIONS
    ]


def swap(playing: Sequence[str], sources: Sequence[str]) -> dict[str, str]:
    """For each instrument that plays the next slot of one that does not, each used once; empty if they do not suffice.

    The slots count as a circle, so that not always the first instruments of the vocabulary stand in.
    """
    free = [source for source in sources if source not in playing]
    if len(free) < len(playing):
        return {}
    swaps = {}
    for label in playing:
        place = sources.index(label)
        swaps[label] = min(free, key=lambda source: (sources.index(source) - place) % len(sources))
        free.remove(swaps[label])
    return swaps


def _measure(
    track: FullTrack, estimates: Waveform, swaps: dict[str, str], config: Config
) -> _Measure:
    sounding, levels = leakage(track, estimates, config)
    pairs = [
        (config.data.sources.index(right), config.data.sources.index(wrong))
        for right, wrong in swaps.items()
    ]
    misnamed = [levels[sounding[:, right], wrong] for right, wrong in pairs]
    found = (
        improvements(track, estimates, config),
        levels[~sounding],
        np.concatenate([np.zeros(0), *misnamed]),
    )
    return _Measure(*(each.tolist() for each in found))


def leakage(
    track: FullTrack, estimates: Waveform, config: Config
) -> tuple[NDArray[np.bool_], Floats]:
    """Where sources sound, and the energy of each slot relative to the mixture in dB, -100 or more.

    Both of shape (segments, K), without the segments in which the mixture is silent; the definitions are those of
    evaluation.scores.table. Where a source does not sound, the energy is its leakage.
    """
    settings = config.evaluation
    parts = [
        slice(*bounds)
        for bounds in activity.segments(len(track.mixture), config.audio.sample_rate, settings)
    ]
    loudness = np.stack([activity.rms_db(track.references[:, part]) for part in parts])
    sounding = activity.active(loudness, settings.active_relative_db, settings.silent_dbfs)
    mixture = np.stack([activity.rms_db(track.mixture[part]) for part in parts])
    audible = mixture >= settings.silent_dbfs
    estimated = np.stack([activity.rms_db(estimates[:, part]) for part in parts])
    return sounding[audible], np.maximum(
        estimated[audible] - mixture[audible, None], _MIN_LEAKAGE_DB
    )


def _condition(name: str, tracks: Sequence[_Measure]) -> Condition:
    if not tracks:
        reasons = {
            "unknown": "the network was never trained without labels (augmentation.label_dropout is 0)",
            "swapped": "in every track more instruments play than do not",
        }
        return Condition(name, not_measured=reasons[name])
    values = [np.concatenate(listed) for listed in zip(*tracks, strict=True)]
    medians = [float(np.median(found)) if found.size else None for found in values]
    (gain, leaked, misnamed), (num_gains, num_leaked, num_misnamed) = medians, map(len, values)
    return Condition(name, gain, num_gains, leaked, num_leaked, misnamed, num_misnamed, len(tracks))


def audit(subject: EstimatedSystem) -> list[Condition]:
    """Audit a subject and write ``audit.json`` into its folder of results, unless that is there, made from the same.

    A track is kept as soon as it is measured: an interrupted call is continued by the same one.
    """
    names = [track.name for track in subject.manifest.tracks(subject.split)]
    parts = Parts(subject.out, "audit-part", names, [SCHEMA_VERSION, subject.made_from])
    if read_described(subject.out, FILE_NAME).get("made_from") == parts.made_from and (
        found := read_audit(subject)
    ):
        return found
    for track in iter_full_tracks(subject.manifest, subject.folder, subject.split):
        if track.name not in parts.kept:
            parts.keep(
                track.name, json.dumps(audit_track(subject.separator, track, subject.config))
            )
            print(f"{len(parts.kept)}/{len(names)} {track.name} audited", flush=True)
    tracks = [json.loads(parts.read(name)) for name in names]
    conditions = summarise(
        [{key: _Measure(*each) for key, each in track.items()} for track in tracks]
    )
    described = {
        "schema_version": SCHEMA_VERSION,
        "command": shlex.join(["python", "-m", "evaluation.audit", *subject.arguments]),
        "code_revision": code_revision(),
        "evaluation": dataclasses.asdict(subject.config.evaluation),
        "conditions": [dataclasses.asdict(condition) for condition in conditions],
        "made_from": parts.made_from,
    }
    subject.out.write_text(FILE_NAME, json.dumps(described, indent=1) + "\n")
    parts.delete()
    return conditions


def read_audit(subject: EstimatedSystem) -> list[Condition]:
    """What :func:`audit` wrote for the same subject; empty where it did not, or where its settings were others."""
    text = subject.out.read_text(FILE_NAME)
    if text is None:
        return []
    try:
        described: dict[str, Any] = json.loads(text)
        if described["command"] != shlex.join(
            ["python", "-m", "evaluation.audit", *subject.arguments]
        ):
            return []
        return [Condition(**condition) for condition in described["conditions"]]
    except (ValueError, KeyError, TypeError) as error:
        place = f"{subject.out.url}/{FILE_NAME}"
        raise ValueError(
            f"{place} is not what evaluation.audit writes ({error}); remove it."
        ) from error
