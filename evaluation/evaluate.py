"""Score a trained network on the tracks of its records, segment by segment, and report.

    python -m evaluation.evaluate --workdir=runs/urmp_labels --split=test

writes WORKDIR/evaluation/STEP-SPLIT/scores.csv, scores.json (how they were made: thresholds, rate, channels, labels,
schema version) and report.html. --audit adds the table of evaluation.audit to the report.
"""

import dataclasses
import json
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from absl import flags

import configs
from configs.splits import SPLITS
from data_prep import command
from data_prep.assemble import FullTrack, iter_full_tracks
from data_prep.revision import code_revision
from data_prep.storage import replacing
from evaluation.about import About
from evaluation.audit import audit, read_audit
from evaluation.baselines import oracle_estimates
from evaluation.report import Extras, write_report
from evaluation.scores import SCHEMA_VERSION, Row, score_track, write_csv
from evaluation.stretches import record_clips
from evaluation.subject import Subject, define_flags, flag_values, open_subject
from trainer.progress import read_metrics

BASELINES = ("oracle", "none")

FLAGS = flags.FLAGS


def evaluate(
    workdir: str,
    records: str,
    split: str,
    checkpoint: str,
    overrides: Sequence[str],
    weights: str = "average",
    baselines: str = "oracle",
    with_audit: bool = False,
) -> Path:
    """Estimate, score and report a split; returns the folder of the results.

    Args:
        workdir: this and the following up to ``weights``: see ``evaluation.subject.open_subject``.
        records: see there.
        split: see there.
        checkpoint: see there.
        overrides: see there.
        weights: see there.
        baselines: oracle, to score the oracles of ``evaluation.baselines`` too, or none.
        with_audit: whether to audit the labels first (``evaluation.audit``).

    Raises:
        ValueError: the run, the checkpoint or the records are missing or do not fit together.
    """
    subject = open_subject(workdir, records, split, checkpoint, overrides, weights)
    if with_audit:
        audit(subject)
    conditions = read_audit(subject)  # first, so that a broken file costs no scoring
    rows = _score(subject, baselines)
    flags_given = [*subject.arguments, f"--baselines={baselines}", *["--audit"] * with_audit]
    about = _about(subject, shlex.join(["python", "-m", "evaluation.evaluate", *flags_given]))
    write_csv(subject.out / "scores.csv", rows)
    with replacing(subject.out / "scores.json") as temporary:
        described = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(about)}
        temporary.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    recordings = record_clips(subject, rows)
    write_report(subject.out / "report.html", rows, about, Extras(conditions, read_metrics(workdir), recordings))
    return subject.out


def _score(subject: Subject, baselines: str) -> list[Row]:
    tracks, started, rows = subject.manifest.tracks(subject.split), time.monotonic(), []
    total, seen = sum(track.num_frames for track in tracks), 0
    for number, track in enumerate(iter_full_tracks(subject.manifest, subject.folder, subject.split), start=1):
        rows += _score_one(subject, track, baselines)
        seen += len(track.mixture)
        left = (time.monotonic() - started) / seen * (total - seen)
        print(f"{number}/{len(tracks)} {track.name} scored ({left:.0f} s left)", flush=True)
    return rows


def _score_one(subject: Subject, track: FullTrack, baselines: str) -> list[Row]:
    config, rate = subject.config, subject.config.audio.sample_rate
    estimates = {"model": subject.separator.estimate(track.mixture, track.labels)}
    if baselines == "oracle":
        estimates |= oracle_estimates(track.mixture, track.references, rate)
    sources = config.data.sources
    return score_track(track.name, track.mixture, track.references, estimates, sources, rate, config.evaluation)


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


def main(_: Sequence[str]) -> None:
    """Flags -> one call."""
    out = evaluate(*flag_values(), FLAGS.baselines, FLAGS.audit)
    print(f"scores: {out / 'scores.csv'}\nreport: {out / 'report.html'}")


if __name__ == "__main__":
    define_flags()
    flags.DEFINE_enum("baselines", "oracle", BASELINES, "score oracle masks and filters beside the network, or not")
    flags.DEFINE_bool("audit", False, "show in the report what the labels do: the table of evaluation.audit")
    command.run(main)
