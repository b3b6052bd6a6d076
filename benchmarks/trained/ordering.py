"""Trains networks to put clips of real music in order, and shows them beside the edge rule.

    python -m benchmarks.trained.ordering --out=build/ordering --seeds=0,1,2

The music of three games (benchmarks.corpora.game_music): of the tracks by name every fourth tests,
and of each sixteen the second validates. The network of ``smoke_ordering`` learns for a fixed
number of steps, about ten minutes of two quiet cores, once with gaps of 5 to 55 ms and once with
gaps of 0.25 to 0.5 s; the last checkpoint is asked about the test tracks, and about controls of
which nobody can know an order.

A figure is the mean over tracks of the mean over seeds, with its interval over tracks. Every run
appends its rows to OUT/rows.jsonl; the same command continues an interrupted one.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.corpora.game_music import PACKAGES, fetch_game_music
from benchmarks.rows import Rows
from benchmarks.trained.commands import run, settings
from data_prep.runtime import command
from data_prep.storage.files import replacing
from evaluation.scores.bootstrap import intervals
from evaluation.scores.table import MODEL
from evaluation.tasks.ordering.scores import ALL, EDGES, MEASURES, Row, make_system

FLAGS = flags.FLAGS
EXPERIMENT = "smoke_ordering"
NUM_STEPS = 10_000
GAPS = {
    "5 to 55 ms": (),
    "0.25 to 0.5 s": ("task.min_gap_secs=0.25", "task.gap_secs=0.25"),
}
_NUM_PUZZLES = 10_000
_RULE = "Of the tracks by name every fourth tests, and of each sixteen the second validates."


@dataclass(frozen=True)
class OrderingResult:
    """Holds how right a system was on a track, or in a control."""

    gaps: str
    seed: int
    system: str
    # Or all: of a control, and of dice.
    track: str
    num_puzzles: int
    position: float
    exact: float
    exact_or_reversed: float
    tau: float
    # Of the training, on this machine.
    secs: float


def split_tracks(names: Sequence[str]) -> dict[str, list[str]]:
    """Says which tracks are for what."""
    splits: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for number, name in enumerate(sorted(names)):
        split = "train"
        if number % 4 == 3:
            split = "test"
        elif number % 16 == 1:
            split = "valid"
        splits[split].append(name)
    return splits


def write_records(out: Path) -> Path:
    """Fetches the music and writes records of it; returns their folder."""
    music = out / "music"
    fetch_game_music(music)
    splits = out / "splits.json"
    names = [name for package in PACKAGES.values() for name in package.files.values()]
    with replacing(splits) as path:
        path.write_text(json.dumps({"rule": _RULE, **split_tracks(names)}), encoding="utf-8")
    records = out / "records"
    if not (records / "manifest.json").exists():
        words = [f"--config={EXPERIMENT}", "--corpus=music", f"--root={music}"]
        run("data_prep.write", *words, f"--splits={splits}", f"--out={records}")
    return records


def measure(out: Path, records: Path, gaps: str, seed: int) -> Iterator[OrderingResult]:
    """Trains and asks, and yields the rows."""
    number = list(GAPS).index(gaps)
    workdir = out / "runs" / f"{number}-{seed}"
    steps = [f"train.{name}={NUM_STEPS}" for name in ("steps", "checkpoint_steps")]
    steps += [f"train.seed={seed}", f"data.splits={out / 'splits.json'}"]
    words = [f"--config={EXPERIMENT}", f"--records={records}", f"--workdir={workdir}"]
    secs = run("trainer.task", *words, *settings(*GAPS[gaps], *steps))
    scores = out / "scores" / workdir.name
    words = [f"--workdir={workdir}", "--checkpoint=latest", f"--out={scores}"]
    run("evaluation.evaluate", *words, f"--puzzles={_NUM_PUZZLES}")
    with (scores / "scores.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield OrderingResult(
                gaps=gaps,
                seed=seed,
                system=row["system"],
                track=row["track"],
                num_puzzles=int(row["num_puzzles"]),
                secs=secs,
                **{name: float(row[name]) for name in MEASURES},
            )


def print_table(rows: Sequence[OrderingResult]) -> None:
    """Prints a line for every system, of each kind of gaps."""
    for gaps in dict.fromkeys(row.gaps for row in rows):
        own = [row for row in rows if row.gaps == gaps]
        seeds = ", ".join(str(seed) for seed in sorted({row.seed for row in own}))
        print(f"\ngaps of {gaps}: means over tracks and seeds {seeds}, 95 % over tracks")
        print(f"{'system':<26}" + "".join(f"{name:>28}" for name in MEASURES))
        for system in dict.fromkeys(row.system for row in own):
            print(_line(system, [row for row in own if row.system == system]))
        print(_difference(own))


def _line(system: str, rows: Sequence[OrderingResult]) -> str:
    tracks = [row for row in rows if row.track != ALL] or rows
    means = []
    for track in dict.fromkeys(row.track for row in tracks):
        of_track = [row for row in tracks if row.track == track]
        values = {
            name: float(np.mean([getattr(row, name) for row in of_track])) for name in MEASURES
        }
        means.append(Row(system, track, of_track[0].num_puzzles, **values))
    found = make_system(system, means)
    line = f"{system:<26}"
    for name in MEASURES:
        text = f"{found.whole.value(name):.3f}"
        if name in found.intervals:
            interval = found.intervals[name]
            text += f" ({interval.low:.3f} to {interval.high:.3f})"
        line += f"{text:>28}"
    return line


def _difference(rows: Sequence[OrderingResult]) -> str:
    """Returns a line of how far the model is above the edge rule, track by track."""
    # Controls have rows of their own name.
    tracks = sorted({row.track for row in rows if row.system == EDGES} - {ALL})
    line = f"{f'{MODEL} minus {EDGES}':<26}"
    for measure in MEASURES:
        differences = np.array(
            [
                _mean(rows, MODEL, track, measure) - _mean(rows, EDGES, track, measure)
                for track in tracks
            ]
        )
        text = f"{differences.mean():+.3f}"
        spread = intervals(differences, np.array(tracks))
        if spread is not None:
            text += f" ({spread.mean.low:+.3f} to {spread.mean.high:+.3f})"
        line += f"{text:>28}"
    return line


def _mean(rows: Sequence[OrderingResult], system: str, track: str, measure: str) -> float:
    """Returns the mean over seeds of a measure of a track."""
    own = [row for row in rows if (row.system, row.track) == (system, track)]
    return float(np.mean([getattr(row, measure) for row in own]))


def main(_: Sequence[str]) -> int:
    """Measures what is missing, and prints all rows."""
    out = Path(FLAGS.out)
    out.mkdir(parents=True, exist_ok=True)
    records = write_records(out)
    rows = Rows(out / "rows.jsonl", OrderingResult)
    for gaps in GAPS:
        for seed in map(int, FLAGS.seeds):
            if not rows.know(gaps=gaps, seed=seed):
                rows.keep(measure(out, records, gaps, seed))
    print_table(rows.load())
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_string("out", "build/ordering", "folder of music, records, runs and rows")
    flags.DEFINE_list("seeds", "0,1,2", "of the first weights and the order of puzzles")
    command.run(main)
