"""Score a trained network on the tracks of its records."""

import dataclasses
import shlex
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import configs
from configs.splits import SPLITS
from data_prep.revision import code_revision
from evaluation import mir_eval_backend
from evaluation.about import About
from evaluation.audit import audit, read_audit
from evaluation.clips import FILE_NAME, write_clips
from evaluation.job import score_all
from evaluation.report import Extras, write_report
from evaluation.results import Results
from evaluation.stretches import record_run
from evaluation.subject import Subject, open_subject
from evaluation.unpack import iter_stored
from evaluation.workers import Workers
from trainer.progress import read_metrics


def evaluate(
    workdir: str,
    records: str,
    split: str,
    checkpoint: str,
    overrides: Sequence[str],
    weights: str = "average",
    baselines: str = "oracle",
    with_audit: bool = False,
    processes: int = 1,
) -> str:
    """Estimate, score and report a split; returns the path or address of the folder of the results.

    A track is kept as soon as it is scored: an interrupted call is continued by the same one.

    Args:
        workdir: this and the following up to ``weights``: see ``evaluation.subject.open_subject``.
        records: see there.
        split: see there.
        checkpoint: see there.
        overrides: see there.
        weights: see there.
        baselines: oracle, to score the oracles of ``evaluation.baselines`` too, or none.
        with_audit: whether to audit the labels first (``evaluation.audit``).
        processes: that score at most, 0 for as many as there are cores.

    Raises:
        ValueError: the run, the checkpoint or the records are missing or do not fit together.
    """
    subject = open_subject(workdir, records, split, checkpoint, overrides, weights)
    with closing(subject.out):
        if subject.config.evaluation.backend == "mir_eval":
            mir_eval_backend.require(subject.config.audio.channels)
        if with_audit:
            audit(subject)
        conditions = read_audit(subject)  # first, so that a broken file costs no scoring
        arguments = [*subject.arguments, f"--baselines={baselines}", *["--audit"] * with_audit]
        about = _about(subject, shlex.join(["python", "-m", "evaluation.evaluate", *arguments]))
        secs = {track.name: track.num_frames / about.sample_rate for track in subject.manifest.tracks(split)}
        results = Results(subject.out, list(secs), _made_from(subject, about, baselines))
        with Workers(processes) as workers:
            tracks = iter_stored(subject, frozenset(results.kept), subject.out.scratch)
            rows = score_all(tracks, secs, results, about.evaluation, baselines == "oracle", workers)
        recordings = record_run(subject, rows)
        extras = Extras(conditions, read_metrics(workdir), recordings)

        def write_more(folder: Path) -> None:
            write_clips(folder / FILE_NAME, recordings)
            write_report(folder / "report.html", rows, about, extras)

        results.finish(rows, dataclasses.asdict(about), write_more)
    return subject.out.url


def _made_from(subject: Subject, about: About, baselines: str) -> dict[str, object]:
    """What the scores depend on: the network, the records, and how they are scored."""
    shards = [[shard.name, shard.crc32c] for shard in subject.manifest.shards[subject.split]]
    return {"shards": shards, "baselines": baselines, "weights": subject.arguments, "config": about.config_json}


def _about(subject: Subject, call: str) -> About:
    config, manifest = subject.config, subject.manifest
    trained = {track.name for track in subject.run.manifest.tracks("train")}
    heard = sorted(trained & {track.name for track in manifest.tracks(subject.split)})
    counts = ", ".join(f"{len(manifest.tracks(name))} {name}" for name in SPLITS)
    return About(
        title=config.name,
        step=subject.separator.step,
        split=subject.split,
        sample_rate=config.audio.sample_rate,
        channels=config.audio.channels,
        labels="oracle labels of each piece" if config.needs_labels else "no labels",
        evaluation=config.evaluation,
        config_json=configs.to_json(config),
        manifest={
            "corpus": manifest.corpus,
            "splits": manifest.config.data.splits,
            "tracks": counts,
            "code revision that wrote the records": manifest.code_revision,
        },
        manifest_json=manifest.to_json(),
        code_revision=code_revision(),
        command=call,
        not_a_result=f"the network was trained on {len(heard)} of the tracks scored here" if heard else None,
        known_leaks=[str(leak) for leak in manifest.known_leaks],
    )
