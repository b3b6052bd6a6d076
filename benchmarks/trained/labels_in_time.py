"""Trains networks that are told which notes sound when, and shows them beside one that is not.

    apt-get install fluidsynth fluid-soundfont-gm
    python -m benchmarks.trained.labels_in_time --out=build/labels_in_time --seeds=0,1,2

The pieces are the large set of benchmarks.rendered_corpora, 40 to learn from and 12 to test. Three
networks of the size of ``smoke`` learn from the same number of patches: one is told the labels of
the piece, one when each instrument plays, one its notes. The last checkpoint estimates the test
pieces; those that are told notes are also told none, notes that are moved by up to 50 ms, and those
of another piece. The network of labels is scored once more behind the gate by time, which has no
weights.

Improvement is over the mixture, the median over segments of one second; leakage is the median level
of a slot relative to the mixture over stretches of 0.1 s in which its instrument has a part and
rests. Figures are means over seeds of each piece, and over pieces, with intervals over pieces.
Every run appends its rows to OUT/rows.jsonl; the same command continues an interrupted one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags
from numpy.typing import NDArray

import configs
from benchmarks.rows import Rows
from benchmarks.trained.commands import run, settings
from benchmarks.trained.trainings import CAREFUL
from configs import Config
from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import FullTrack, iter_full_tracks
from data_prep.records.manifest import load_manifest
from data_prep.runtime import command
from evaluation.scores.bootstrap import intervals
from evaluation.scoring.label_measures import leakage
from evaluation.scoring.note_measures import wrong_notes
from trainer.inference.separator import Separator
from trainer.inference.told import Told
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import load_run
from trainer.networks import make_network
from trainer.tasks.separation.validation import improvements

FLAGS = flags.FLAGS
_NUM_PIECES = 60
_NUM_STEPS = 1500
_REST_SECS = 0.1
# For one window: a short one.
_LITTLE_MB = 1.0
_JITTER = "jittered_50"
# Notes are sometimes missing, moved, or those of another piece.
_CARELESS = (
    "augmentation.note_dropout=0.2",
    "augmentation.note_jitter_ms=50",
    "augmentation.wrong_notes=0.05",
)
NETWORKS = {
    "labels": (),
    "activity": ("model.timing=activity", "model.gate_timing=true", *_CARELESS),
    "notes": ("model.timing=notes", "model.gate_timing=true", *_CARELESS),
}
_TRUE = "true"
_GATED = "gated"
# What is compared: a name, the better one and the other one, each a network and what it is told.
_COMPARED = (
    ("the gate alone", ("labels", _GATED), ("labels", _TRUE)),
    ("activity, over labels", ("activity", _TRUE), ("labels", _TRUE)),
    ("notes, over labels", ("notes", _TRUE), ("labels", _TRUE)),
    ("notes, over activity", ("notes", _TRUE), ("activity", _TRUE)),
    ("50 ms of jitter, over none", ("notes", _JITTER), ("notes", _TRUE)),
    ("notes of another piece, over none", ("notes", "another"), ("notes", "none")),
)


@dataclass(frozen=True)
class TimingResult:
    """Holds what a network made of a piece."""

    network: str
    # What it is told beside labels.
    told: str
    seed: int
    track: str
    # In dB, medians; None over nothing.
    improvement: float | None
    num_segments: int
    rest_leakage: float | None
    num_rests: int
    # That short windows make of true notes, at most, of the first piece; 0 of others.
    window_difference: float
    # Of the training, on this machine.
    secs: float


def write_records(out: Path) -> Path:
    """Renders the pieces and writes their records; returns their folder."""
    corpus = out / "pieces"
    words = ["--corpus=urmp", f"--pieces={_NUM_PIECES}", f"--out={corpus}"]
    run("benchmarks.rendered_corpora", *words)
    records = out / "records"
    if not (records / "manifest.json").exists():
        words = ["--config=smoke", "--corpus=urmp", f"--root={corpus}"]
        run("data_prep.write", *words, f"--splits={corpus / 'splits.json'}", f"--out={records}")
    return records


def measure(out: Path, records: Path, network: str, seed: int) -> Iterator[TimingResult]:
    """Trains a network, and yields what it makes of every test piece, whatever it is told."""
    workdir = out / "runs" / f"{network}-{seed}"
    steps = [f"train.{name}={_NUM_STEPS}" for name in ("steps", "checkpoint_steps")]
    steps += [f"train.seed={seed}", f"data.splits={out / 'pieces' / 'splits.json'}"]
    # Validation costs time, and has no say.
    steps.append("train.validation_steps=1000000")
    words = ["--config=smoke", f"--records={records}", f"--workdir={workdir}"]
    secs = run("trainer.task", *words, *settings(*CAREFUL, *NETWORKS[network], *steps))
    tracks = list(iter_full_tracks(load_manifest(str(records)), str(records), "test"))
    ungated, gated = _separators(workdir)
    for number, track in enumerate(tracks):
        assert track.notes is not None
        versions: dict[str, tuple[Separator, NDArray[Any] | None]]
        versions = {_TRUE: (ungated, track.notes)}
        if network == "labels":
            versions[_GATED] = (gated, track.notes)
        else:
            moved = wrong_notes(track.notes, ungated.config.audio.sample_rate)
            versions["none"] = (ungated, None)
            versions[_JITTER] = (ungated, moved[_JITTER])
            versions["another"] = (ungated, tracks[number - 1].notes)
        for name, (separator, notes) in versions.items():
            told = Told(notes, track.context)
            estimates = separator.told(told).estimate(track.mixture, track.labels)
            difference = 0.0
            # So short windows take long.
            if name == _TRUE and track is tracks[0]:
                short = Separator(separator.config, separator.network, _LITTLE_MB).told(told)
                others = short.estimate(track.mixture, track.labels)
                difference = float(np.abs(others - estimates).max())
            found = _score(track, estimates, separator.config)
            yield TimingResult(
                network, name, seed, track.name, **found, window_difference=difference, secs=secs
            )


def _separators(workdir: Path) -> tuple[Separator, Separator]:
    """Returns the network of a run as it is, and behind the gate by time."""
    config = load_run(str(workdir)).config
    found = []
    for own in (config, configs.override(config, ["model.gate_timing=true"])):
        network = make_network(own)
        restore_network(str(workdir), network, "latest", "average")
        found.append(Separator(own, network))
    return found[0], found[1]


def _score(track: FullTrack, estimates: Waveform, config: Config) -> dict[str, Any]:
    """Returns the figures of the estimates (K, T, C) of a track, by their names."""
    improved = improvements(track, estimates, config)
    short = replace(config, evaluation=replace(config.evaluation, segment_secs=_REST_SECS))
    sounding, levels = leakage(track, estimates, short)
    playing = [config.data.sources.index(label) for label in track.labels]
    rests = levels[:, playing][~sounding[:, playing]]
    return {
        "improvement": _median(improved),
        "num_segments": len(improved),
        "rest_leakage": _median(rests),
        "num_rests": len(rests),
    }


def _median(values: NDArray[Any]) -> float | None:
    return float(np.median(values)) if len(values) else None


def print_table(rows: Sequence[TimingResult]) -> None:
    """Prints a line for every network and what it is told, and one for each comparison."""
    seeds = ", ".join(str(seed) for seed in sorted({row.seed for row in rows}))
    print(f"\nmeans over pieces and seeds {seeds}, 95 % over pieces; leakage in rests of 0.1 s")
    print(f"{'network':<12}{'told':<14}{'improvement':>26}{'leakage in rests':>28}")
    for network, told in dict.fromkeys((row.network, row.told) for row in rows):
        improved = _by_track(rows, (network, told), "improvement")
        leaked = _by_track(rows, (network, told), "rest_leakage")
        print(f"{network:<12}{told:<14}{_figure(improved):>26}{_figure(leaked):>28}")
    for name, one, other in _COMPARED:
        figures = []
        for field in ("improvement", "rest_leakage"):
            ours = _by_track(rows, one, field)
            theirs = _by_track(rows, other, field)
            shared = sorted(ours.keys() & theirs.keys())
            figures.append(_figure({track: ours[track] - theirs[track] for track in shared}))
        print(f"{name + ':':<38}{figures[0]} dB; leakage {figures[1]} dB")
    print(f"another window changes {max(row.window_difference for row in rows):.1e} at most")


def _by_track(
    rows: Sequence[TimingResult], system: tuple[str, str], field: str
) -> dict[str, float]:
    """Returns the mean over seeds of a field, by piece; those without a value are left out."""
    found: dict[str, list[float]] = {}
    for row in rows:
        value = getattr(row, field)
        if (row.network, row.told) == system and value is not None:
            found.setdefault(row.track, []).append(value)
    return {track: float(np.mean(values)) for track, values in found.items()}


def _figure(by_track: dict[str, float]) -> str:
    """Returns the mean over pieces and its interval in words."""
    if not by_track:
        return "-"
    values = np.array(list(by_track.values()))
    found = intervals(values, np.array(list(by_track)))
    if found is None:
        return " ".join(f"{value:+.2f}" for value in values)
    return f"{values.mean():+.2f} ({found.mean.low:+.2f} to {found.mean.high:+.2f})"


def main(_: Sequence[str]) -> None:
    """Measures what has no rows yet, and prints the table."""
    out = Path(FLAGS.out)
    records = write_records(out)
    rows = Rows(out / "rows.jsonl", TimingResult)
    for seed in map(int, FLAGS.seeds):
        for network in NETWORKS:
            if not rows.know(network=network, seed=seed):
                rows.keep(list(measure(out, records, network, seed)))
    print_table(rows.load())


if __name__ == "__main__":
    flags.DEFINE_string("out", None, "folder of pieces, records, runs and rows", required=True)
    flags.DEFINE_list("seeds", ["0", "1", "2"], "of the trainings")
    command.run(main)
