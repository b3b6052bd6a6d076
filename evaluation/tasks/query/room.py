"""Scores what a run answers: what is there, and the segments of the union of true and claimed.

A source that is there and not claimed counts as a silent estimate, one that is claimed and not
there as absent. What is neither there nor claimed is not scored.
"""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.document.parts import Block, Document, Section, Text
from evaluation.estimates.constant_gain import constant_gain_of
from evaluation.estimates.estimated_system import restore
from evaluation.estimates.opened_run import OpenedRun
from evaluation.estimates.track_on_disk import TrackOnDisk
from evaluation.scores.table import MODEL
from evaluation.tasks.query.asked import (
    BY_AUDIO,
    Recordings,
    ask_tracks,
    estimate_by_audio,
    find_recordings,
)
from evaluation.tasks.query.presence import (
    AskedTrack,
    count_errors,
    count_table,
    decision_table,
    decisions,
    to_csv,
)
from evaluation.tasks.room import Tables
from evaluation.tasks.separation import room as separation
from evaluation.tasks.separation.track_sources import (
    TrackSource,
    require_backend,
    score_source,
    with_classical,
)
from trainer.tasks.query.presence import threshold_of
from trainer.tasks.query.separator import QuerySeparator

OPTIONS: tuple[str, ...] = ("baselines",)
SCORES_MEANS = False


@dataclass(frozen=True)
class Answers:
    """Holds what a run answered, as the page takes it."""

    # Of separation.
    tables: Tables
    # By each way of asking.
    doors: Sequence[Sequence[AskedTrack]]
    threshold: float


def score(opened: OpenedRun, options: Mapping[str, Any], processes: int) -> Tables:
    """Scores a run.

    Args:
        opened: the run, and the tracks.
        options: ``baselines``, as of separation.
        processes: that score at most, 0 for as many as there are cores.

    Raises:
        ValueError: as from ``score_source``.
    """
    opened.manifest.require_sources(opened.folder, [opened.split])
    system = restore(opened)
    separator = system.separator
    assert isinstance(separator, QuerySeparator)
    require_backend(system.config.evaluation, system.config.audio.channels)
    threshold = threshold_of(opened.workdir, system.step, opened.weights)
    recordings = find_recordings(system)
    doors = ask_tracks(system, separator, recordings)
    by_name, *_ = doors
    system = dataclasses.replace(
        system, asked={track.name: track.claimed(threshold) for track in by_name}
    )
    baselines = options.get("baselines", "oracle")
    again = separation.command_of(opened, options, baselines)
    rival = constant_gain_of(system)
    source = separation.make_track_source(system, rival, {}, baselines, again)
    source = _of_union(source, separator, recordings, doors, threshold)
    if baselines == "classical":
        rows = separation.classical_rows_of(system, source.about.channels)
        source = with_classical(source, rows)
    tables = score_source(source, opened.out, baselines != "none", processes)
    every = [track for tracks in doors for track in tracks]
    return dataclasses.replace(
        tables,
        files={"presence.csv": to_csv(every, threshold), **tables.files},
        described={**tables.described, "presence": _described(doors, threshold)},
        content=Answers(tables, doors, threshold),
    )


def page(tables: Tables) -> Document:
    """Makes the page of separation, with what was said to be there before all else."""
    answers: Answers = tables.content
    document = separation.page(answers.tables)
    words = (
        f"Every track was asked for every name. What has a probability of {answers.threshold:.3g} "
        "or more, the mean over its windows, is said to be there. The threshold is the one with "
        "the highest F1 in validation; recordings to ask with are from training tracks."
    )
    blocks: list[Block] = [
        Text(words),
        decision_table(answers.doors, answers.threshold),
        Text("How many sources are said to be there, less how many are, by how many are:"),
        count_table(answers.doors, answers.threshold),
    ]
    section = Section("there", "What is there", "Presence", blocks)
    return dataclasses.replace(document, sections=[section, *document.sections])


def _of_union(
    source: TrackSource,
    separator: QuerySeparator,
    recordings: Recordings,
    doors: Sequence[Sequence[AskedTrack]],
    threshold: float,
) -> TrackSource:
    """Returns a source of tracks with estimates of what is there or claimed, by name and audio."""
    claims = [{track.name: track.claimed(threshold) for track in tracks} for tracks in doors]

    def answered(track: TrackOnDisk, scratch: Path) -> TrackOnDisk:
        by_name, *by_audio = [set(claimed[track.name]) for claimed in claims]
        scored = set(track.references).union(by_name, *by_audio)
        files = track.systems[MODEL]
        systems = {MODEL: {name: path for name, path in files.items() if name in scored}}
        for claimed in by_audio:
            asked = [name for name in track.vocabulary if name in claimed]
            found = estimate_by_audio(track, separator, recordings, asked, scratch)
            systems[BY_AUDIO] = dict(found)
        return dataclasses.replace(track, systems=systems)

    def iter_tracks(skip: Collection[str], scratch: Path) -> Iterable[TrackOnDisk]:
        return (answered(track, scratch) for track in source.iter_tracks(skip, scratch))

    labels = f"asked by name, claimed from a probability of {threshold:.3g} on"
    return dataclasses.replace(
        source,
        made_from={**source.made_from, "threshold": threshold, "asked": [BY_AUDIO] * len(doors)},
        about=dataclasses.replace(source.about, labels=labels),
        iter_tracks=iter_tracks,
    )


def _described(doors: Sequence[Sequence[AskedTrack]], threshold: float) -> dict[str, Any]:
    """Returns how right it is what is said to be there, as plain values."""
    described: dict[str, Any] = {"threshold": threshold}
    for tracks in doors:
        found = decisions(tracks, threshold)
        described[tracks[0].door] = {
            "precision": found.precision,
            "recall": found.recall,
            "f1": found.f1,
            "counts": [each._asdict() for each in count_errors(tracks, threshold)],
        }
    return described
