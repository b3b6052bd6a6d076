"""Scores tracks with estimates, wherever they come from."""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from configs import Evaluation
from data_prep.storage import Folder
from evaluation.document.parts import Document
from evaluation.estimates.track_on_disk import TrackOnDisk
from evaluation.listening.archive import FILE_NAME, write_clips
from evaluation.listening.clips import RecordedClip
from evaluation.metrics import mir_eval_backend
from evaluation.report.run_page import Extras, make_document
from evaluation.scores.about import About
from evaluation.scores.conditions import Condition
from evaluation.scores.results import Results
from evaluation.scores.table import Row, to_csv
from evaluation.scoring.all_tracks import score_all
from evaluation.scoring.workers import Workers
from evaluation.tasks.room import Tables

if TYPE_CHECKING:
    # It imports scikit-learn, which most evaluations do without.
    from evaluation.classical.rows import ClassicalRows


@dataclass(frozen=True)
class TrackSource:
    """Says where tracks with estimates come from, and what is told of them beside the scores."""

    # The length of every track by its name, in seconds and in order.
    secs: Mapping[str, float]
    # Whatever the scores depend on, as plain values.
    made_from: Mapping[str, Any]
    about: About
    # (names of tracks to leave out, a scratch folder) -> the other tracks, one after the other.
    iter_tracks: Callable[[Collection[str], Path], Iterable[TrackOnDisk]]
    # The rows of all tracks -> what is to be heard of them.
    record: Callable[[Sequence[Row]], list[RecordedClip]]
    # The audits of labels and notes, and the lines of metrics.jsonl, as far as there are any.
    conditions: Sequence[Condition] = ()
    note_conditions: Sequence[Condition] = ()
    curves: Sequence[Mapping[str, Any]] = ()


def with_classical(source: TrackSource, rows: "ClassicalRows") -> TrackSource:
    """Returns a source whose tracks have the estimates of classical methods, too.

    It says which methods are left out, and why.

    Args:
        source: of tracks with the estimates of a system.
        rows: the methods.
    """
    for sentence in rows.left_out:
        print(f"note: {sentence}", flush=True)

    def iter_tracks(skip: Collection[str], scratch: Path) -> Iterable[TrackOnDisk]:
        return (rows.add(track, scratch) for track in source.iter_tracks(skip, scratch))

    made_from = {**source.made_from, "classical": rows.identity()}
    return dataclasses.replace(source, iter_tracks=iter_tracks, made_from=made_from)


@dataclass(frozen=True)
class Scores:
    """Holds the scores as the page takes them."""

    rows: Sequence[Row]
    about: About
    extras: Extras


def score_source(source: TrackSource, out: Folder, with_oracles: bool, processes: int) -> Tables:
    """Scores the tracks that ``out`` does not have yet.

    Args:
        source: of the tracks.
        out: the folder of the results, where each track is kept as soon as it is scored.
        with_oracles: whether to score ``evaluation.estimates.oracles`` too.
        processes: that score at most, 0 for as many as there are cores.

    Raises:
        ValueError: as from ``evaluation.scoring.one_track.score_track_on_disk``.
    """
    settings = source.about.evaluation
    require_backend(settings, source.about.channels)
    results = Results(out, list(source.secs), source.made_from)
    with Workers(processes) as workers:
        tracks = source.iter_tracks(frozenset(results.kept), out.scratch)
        rows = score_all(tracks, source.secs, results, settings, with_oracles, workers)
    clips = source.record(rows)
    extras = Extras(source.conditions, source.curves, clips, source.note_conditions)
    return Tables(
        files={"scores.csv": to_csv(rows)},
        described=results.describe(dataclasses.asdict(source.about)),
        content=Scores(rows, source.about, extras),
        write_more=lambda made: write_clips(made / FILE_NAME, clips),
        done=results.delete_parts,
    )


def page(tables: Tables) -> Document:
    """Makes the page of the scores."""
    scores: Scores = tables.content
    return make_document(scores.rows, scores.about, scores.extras)


def require_backend(settings: Evaluation, channels: int) -> None:
    """Raises a ``ValueError`` where mir_eval is to score what it cannot."""
    if settings.backend == "mir_eval":
        mir_eval_backend.require(channels)
