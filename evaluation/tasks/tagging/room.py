"""Listens to the tracks of a split, scores what a run hears, and makes the page of it."""

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import configs
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.runtime import command
from data_prep.runtime.revision import code_revision
from evaluation.document.parts import Document
from evaluation.estimates.bars import make_bar
from evaluation.estimates.opened_run import OpenedRun, find_training_records
from evaluation.scores.results import Parts
from evaluation.scores.table import MODEL
from evaluation.tasks.room import Tables
from evaluation.tasks.tagging.answers import Answers
from evaluation.tasks.tagging.document import Report, make_document
from evaluation.tasks.tagging.kept import KeptTrack, from_text, to_text
from evaluation.tasks.tagging.scores import iter_rows, score_system, to_csv
from trainer.inference.identity import weights_checksum
from trainer.inference.listener import TrainedListener
from trainer.loop.metrics import read_metrics
from trainer.tasks.tagging.listening import HeardTrack, require_truth, true_activity
from trainer.tasks.tagging.thresholds import share_of, thresholds_of

if TYPE_CHECKING:
    # It imports scikit-learn.
    from evaluation.tasks.tagging.rivals import Rivals

OPTIONS: tuple[str, ...] = ("baselines",)
SCORES_MEANS = False
# What the median filter of the experiment has not smoothed.
UNFILTERED = f"{MODEL}, unfiltered"
_SCHEMA_VERSION = 1


def score(opened: OpenedRun, options: Mapping[str, Any], processes: int) -> Tables:  # noqa: ARG001
    """Scores a run.

    Args:
        opened: the run, and the tracks.
        options: ``baselines`` (none, to leave out the linear classifier and what else stands
            beside the model; anything else for all of them).
        processes: plays no part: listening is quick.

    Raises:
        ValueError: the tracks have labels whose sources are not known.
    """
    require_truth(opened.config, opened.manifest, opened.folder, [opened.split])
    listener = TrainedListener(opened.workdir, str(opened.step), opened.weights)
    with_rivals = options.get("baselines") != "none"
    training_records = find_training_records(opened) if with_rivals else None
    rivals = None
    if training_records:
        with command.importing():
            from evaluation.tasks.tagging.rivals import Rivals
        print("learning what a linear classifier hears ...", flush=True)
        rivals = Rivals(opened.config, opened.training_manifest, training_records)
    tracks = _listen(opened, listener, rivals)
    answers = _answers(opened, listener, rivals, tracks)
    systems = [score_system(each) for each in answers]
    rows = [row for each in answers for row in iter_rows(each)]
    report = Report(
        config=opened.config,
        step=opened.step,
        split=opened.split,
        systems=systems,
        command=_command(opened, options),
        code_revision=code_revision(),
        manifest=opened.manifest,
        curves=read_metrics(opened.workdir),
        not_a_result=opened.why_no_result,
        no_rivals="" if training_records or not with_rivals else "the training records are gone",
    )
    described = {
        "schema_version": _SCHEMA_VERSION,
        "split": opened.split,
        "step": opened.step,
        "config": configs.to_json(opened.config),
        "command": report.command,
        "code_revision": report.code_revision,
    }
    return Tables(
        files={"scores.csv": to_csv(rows)},
        described=described,
        content=report,
        done=tracks.parts.delete,
    )


def page(tables: Tables) -> Document:
    """Makes the page of the scores."""
    report: Report = tables.content
    return make_document(report)


class _Tracks:
    """Holds the tracks of a split as they were heard."""

    def __init__(self, parts: Parts, names: Sequence[str]) -> None:
        self.parts = parts
        self.kept = [from_text(parts.read(name)) for name in names]

    def of(self, system: str) -> list[HeardTrack]:
        """Returns the tracks as a system heard them."""
        return [
            HeardTrack(each.name, each.labels, each.activity[system], each.truth)
            for each in self.kept
        ]


def _listen(opened: OpenedRun, listener: TrainedListener, rivals: "Rivals | None") -> _Tracks:
    """Listens to the tracks that no interrupted call has listened to."""
    entries = opened.manifest.tracks(opened.split)
    names = [track.name for track in entries]
    shards = [[shard.name, shard.crc32c] for shard in opened.manifest.shards[opened.split]]
    made_from = [
        _SCHEMA_VERSION,
        weights_checksum(listener.network),
        shards,
        configs.to_json(opened.config),
        code_revision(),
        rivals is not None,
    ]
    parts = Parts(opened.out, "heard", names, made_from)
    rate = opened.config.audio.sample_rate
    secs = {track.name: track.num_frames / rate for track in entries}
    missing = [name for name in names if name not in parts.kept]
    bar = make_bar("heard", sum(secs[name] for name in missing))
    try:
        for track in iter_full_tracks(opened.manifest, opened.folder, opened.split):
            if track.name in parts.kept:
                continue
            activity = {MODEL: listener.activity(track.mixture)}
            if rivals is not None:
                activity["linear"] = rivals.linear.activity(track.mixture)
            truth = true_activity(track, opened.config)
            parts.keep(track.name, to_text(KeptTrack(track.name, track.labels, truth, activity)))
            bar.update(secs[track.name])
    finally:
        bar.close()
    return _Tracks(parts, names)


def _answers(
    opened: OpenedRun, listener: TrainedListener, rivals: "Rivals | None", tracks: _Tracks
) -> list[Answers]:
    """Returns what all systems said, the model first."""
    sources = opened.config.data.sources
    thresholds = thresholds_of(opened.workdir, opened.step, sources, opened.weights)
    heard = tracks.of(MODEL)
    smoothed = [track._replace(activity=listener.smoothed(track.activity)) for track in heard]
    share = share_of(opened.workdir, opened.step, opened.weights)
    answers = [Answers(MODEL, smoothed, thresholds, share)]
    if any(each.activity is not raw.activity for each, raw in zip(smoothed, heard, strict=True)):
        answers.append(Answers(UNFILTERED, heard, thresholds, share))
    if rivals is not None:
        answers += rivals.answers(answers[0], tracks.of("linear"))
    return answers


def _command(opened: OpenedRun, options: Mapping[str, Any]) -> str:
    """Returns the command that scores the same again."""
    words = ["python", "-m", "evaluation.evaluate", *opened.arguments]
    if "baselines" in options:
        words.append(f"--baselines={options['baselines']}")
    return shlex.join(words)
