"""Score a trained network on the tracks of its records, segment by segment, and report.

    python -m evaluation.evaluate --workdir=runs/urmp_labels --split=test

writes WORKDIR/evaluation/STEP-SPLIT/scores.csv, scores.json (how they were made: thresholds, rate, channels, labels,
schema version) and report.html.
"""

import dataclasses
import json
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from absl import flags

import configs
from configs import Config
from configs.splits import SPLITS
from data_prep import command
from data_prep.assemble import FullTrack, iter_full_tracks
from data_prep.manifest import Manifest, load_manifest
from data_prep.revision import code_revision
from data_prep.storage import replacing
from evaluation.report import About, write_report
from evaluation.scores import SCHEMA_VERSION, Row, score_track, write_csv
from evaluation.separate import Separator
from trainer.checkpoints import WEIGHTS
from trainer.workdir import Run, load_run

FLAGS = flags.FLAGS


def evaluate(
    workdir: str, records: str, split: str, checkpoint: str, overrides: Sequence[str], weights: str = "average"
) -> Path:
    """Estimate, score and report a split; returns the folder of the results.

    Args:
        workdir: folder of the run.
        records: folder of the records, empty for those the run was trained on.
        split: train, valid or test.
        checkpoint: best, latest, or a number of steps.
        overrides: of the section ``evaluation``.
        weights: average, the moving average where the run kept one, or raw.

    Raises:
        ValueError: the run, the checkpoint or the records are missing or do not fit together.
    """
    run = load_run(workdir)
    folder = records or run.records
    manifest = load_manifest(folder)
    config = _override(run.config, overrides)
    manifest.require(config, folder)
    if not manifest.tracks(split):
        there = ", ".join(name for name in SPLITS if manifest.tracks(name))
        raise ValueError(f"the records in {folder} have no {split} tracks; they have {there}.")
    separator = Separator(workdir, checkpoint, weights)
    rows = _score(separator, config, manifest, folder, split)
    out = Path(workdir) / "evaluation" / (f"{separator.step}-{split}" + ("-raw" if weights == "raw" else ""))
    out.mkdir(parents=True, exist_ok=True)
    call = ["python", "-m", "evaluation.evaluate", f"--workdir={workdir}", f"--records={folder}", f"--split={split}"]
    call += [f"--checkpoint={separator.step}", f"--weights={weights}", *(f"--set={override}" for override in overrides)]
    about = _about(run, config, manifest, separator, split, shlex.join(call))
    write_csv(out / "scores.csv", rows)
    with replacing(out / "scores.json") as temporary:
        described = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(about)}
        temporary.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    write_report(out / "report.html", rows, about)
    return out


def _override(config: Config, overrides: Sequence[str]) -> Config:
    """A finished run can be scored differently, not turned into another run."""
    for override in overrides:
        if not override.startswith("evaluation."):
            raise ValueError(f"--set {override}: only evaluation.* can change here, the rest is as it was trained.")
    return configs.override(config, overrides)


def _score(separator: Separator, config: Config, manifest: Manifest, folder: str, split: str) -> list[Row]:
    tracks, started, rows = manifest.tracks(split), time.monotonic(), []
    total, seen = sum(track.num_frames for track in tracks), 0
    for number, track in enumerate(iter_full_tracks(manifest, folder, split), start=1):
        rows += _score_one(separator, config, track)
        seen += len(track.mixture)
        left = (time.monotonic() - started) / seen * (total - seen)
        print(f"{number}/{len(tracks)} {track.name} scored ({left:.0f} s left)", flush=True)
    return rows


def _score_one(separator: Separator, config: Config, track: FullTrack) -> list[Row]:
    estimates = {"model": separator.estimate(track.mixture, track.labels)}
    sources, rate = config.data.sources, config.audio.sample_rate
    return score_track(track.name, track.mixture, track.references, estimates, sources, rate, config.evaluation)


def _about(run: Run, config: Config, manifest: Manifest, separator: Separator, split: str, call: str) -> About:
    trained = {track.name for track in run.manifest.tracks("train")}
    heard = sorted(trained & {track.name for track in manifest.tracks(split)})
    counts = ", ".join(f"{len(manifest.tracks(name))} {name}" for name in SPLITS)
    return About(
        title=config.name,
        step=separator.step,
        split=split,
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
        code_revision=code_revision(),
        command=call,
        not_a_result=f"the network was trained on {len(heard)} of the tracks scored here" if heard else None,
        known_leaks=[str(leak) for leak in manifest.known_leaks],
    )


def main(_: Sequence[str]) -> None:
    """Flags -> one call."""
    out = evaluate(FLAGS.workdir, FLAGS.records, FLAGS.split, FLAGS.checkpoint, FLAGS.set, FLAGS.weights)
    print(f"scores: {out / 'scores.csv'}\nreport: {out / 'report.html'}")


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "folder of the run", required=True)
    flags.DEFINE_string("records", "", "folder of the records instead of those the run was trained on")
    flags.DEFINE_enum("split", "test", SPLITS, "which tracks to score")
    flags.DEFINE_string("checkpoint", "best", "best (in validation), latest, or a number of steps")
    flags.DEFINE_enum("weights", "average", WEIGHTS, "the moving average where the run kept one, or the raw weights")
    flags.DEFINE_multi_string("set", [], "override, evaluation.field=value; may be repeated")
    command.run(main)
