"""Trains networks on six real songs, and shows them beside rivals that learn little or nothing.

python -m benchmarks.real_songs --out=build/real_songs --seeds=0,1,2

The songs (benchmarks.corpora.songs) are fetched from Debian's packages: four train, two validate,
one of each band; with --without=muldjord or sectoid that band validates and the other one trains.
Both networks of the project hear them in stereo at 22050 Hz for a fixed number of steps, about
five minutes each on two quiet cores, and the last checkpoint is scored: the improvement over the
mixture in segments of one second, its median per source. Beside them stand their mean, the constant
gain, silence, oracle masks and the methods that need no network. With so few tracks every track and
seed is shown, and no interval.

Every run appends a row to OUT/rows.jsonl; the same command continues an interrupted one.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.corpora.songs import BANDS, SOURCES, fetch_songs
from benchmarks.rows import append_row, load_rows
from data_prep.runtime import command
from evaluation.scores.improvement import improvements_by_segment
from evaluation.scores.table import MODEL, Row, read_csv

FLAGS = flags.FLAGS
# Of both networks, so that they learn from the same records.
_SHARED = (
    "audio.channels=2",
    "data.context_frames=21504",
    f"data.sources={','.join(SOURCES)}",
    "model.conditioning=none",
    "model.gate_heads=false",
    "augmentation.swap_channels=true",
    "augmentation.flip_polarity=true",
    "train.average_decay=0.995",
    # Nothing is chosen by validation.
    "train.validation_steps=1000000",
)


@dataclass(frozen=True)
class Network:
    """Is a network that learns from the songs."""

    name: str
    experiment: str
    overrides: Sequence[str]
    # Which take about five minutes of two cores: 0.17 and 0.23 s a step (--dry_run).
    num_steps: int


NETWORKS = (
    Network("wave_unet", "smoke", ("model.conditioned_at=none",), 1800),
    Network("masks", "smoke_mask", (), 1350),
)
MEAN = "mean of both"


@dataclass(frozen=True)
class Result:
    """Holds what a system reached on a track: a row of the file."""

    split: str
    system: str
    seed: int
    track: str
    source: str
    # Median over segments, in dB; None where none counts.
    improvement: float | None
    num_segments: int
    # Of the training, on this machine; 0 of what is not trained.
    secs: float


def run(*words: str) -> float:
    """Gives a command of the project; returns how many seconds it took."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", *words], check=False)
    if done.returncode:
        raise ValueError(f"{words[0]} ended with {done.returncode}; what it said stands above.")
    return time.perf_counter() - started


def settings(*overrides: str) -> list[str]:
    """Returns overrides as a command takes them."""
    return [f"--set={override}" for override in overrides]


class Experiment:
    """Is the songs in a split, and what was made of them, in a folder."""

    def __init__(self, out: Path, split: str) -> None:
        """Fetches the songs, and writes their records.

        Args:
            out: folder of everything.
            split: name of a split file of the songs.
        """
        self.split = split
        self.folder = out / split
        fetch_songs(out)
        self.records = self.folder / "records"
        self._splits = f"data.splits={out / split}.json"
        words = ["--config=smoke_mask", "--corpus=folder", f"--root={out / 'songs'}"]
        words += [f"--splits={out / split}.json", f"--out={self.records}"]
        if not (self.records / "manifest.json").exists():
            run("data_prep.write", *words, *settings("audio.channels=2", _SHARED[1]))

    def train(self, network: Network, seed: int) -> float:
        """Trains a network, or continues; returns the seconds since the command began."""
        overrides = [*_SHARED, *network.overrides, self._splits, f"train.seed={seed}"]
        steps = [f"train.steps={network.num_steps}", f"train.checkpoint_steps={network.num_steps}"]
        return run(
            "trainer.task",
            f"--config={network.experiment}",
            f"--records={self.records}",
            f"--workdir={self.workdir(network, seed)}",
            *settings(*overrides, *steps),
        )

    def workdir(self, network: Network, seed: int) -> Path:
        """Returns the folder of a run."""
        return self.folder / f"{network.name}-{seed}"

    def evaluate(self, workdirs: Sequence[Path], out: Path) -> list[Row]:
        """Scores the last checkpoint of a run, or the mean of several; returns the rows."""
        named = [f"--workdir={workdir}" for workdir in workdirs]
        run(
            "evaluation.evaluate",
            *named,
            f"--records={self.records}",
            "--split=valid",
            "--checkpoint=latest",
            "--baselines=classical",
            f"--out={out}",
        )
        return read_csv(out / "scores.csv")


def results_of(
    rows: Sequence[Row], system: str, name: str, split: str, seed: int, secs: float
) -> list[Result]:
    """Returns the medians of a system by track and source.

    Args:
        rows: of an evaluation.
        system: as the rows call it.
        name: as the table calls it.
        split: of the songs.
        seed: of the training.
        secs: that it took.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for (song, _, source), improvement in improvements_by_segment(rows, system).items():
        of_pair = found.setdefault((song, source), [])
        if improvement is not None:
            of_pair.append(improvement)
    results = []
    for (track, source), values in found.items():
        median = float(np.median(values)) if values else None
        results.append(Result(split, name, seed, track, source, median, len(values), secs))
    return results


def load(path: Path) -> list[Result]:
    """Returns the rows that are there."""
    return [Result(**row) for row in load_rows(path)]


def measure(experiment: Experiment, seed: int, path: Path) -> None:
    """Trains and scores what has no row yet."""
    done = {(row.split, row.system, row.seed) for row in load(path)}
    split = experiment.split
    for network in NETWORKS:
        if (split, network.name, seed) in done:
            continue
        secs = experiment.train(network, seed)
        workdir = experiment.workdir(network, seed)
        rows = experiment.evaluate([workdir], experiment.folder / "scores" / workdir.name)
        results = results_of(rows, MODEL, network.name, split, seed, secs)
        # What learns nothing is the same beside every run.
        for system in sorted({row.system for row in rows} - {MODEL, "mixture"}):
            if (split, system) not in {(known, name) for known, name, _ in done}:
                results += results_of(rows, system, system, split, seed, 0.0)
        for result in results:
            append_row(path, asdict(result))
        done |= {(split, result.system, seed) for result in results}
    if (split, MEAN, seed) not in done:
        workdirs = [experiment.workdir(network, seed) for network in NETWORKS]
        rows = experiment.evaluate(workdirs, experiment.folder / "scores" / f"mean-{seed}")
        for result in results_of(rows, MODEL, MEAN, split, seed, 0.0):
            append_row(path, asdict(result))


def print_table(results: Sequence[Result]) -> None:
    """Prints every track and seed, and means over the seeds."""
    tracks = sorted({(result.track, result.source) for result in results})
    print("improvement over the mixture in dB, median over segments of a second; every track\n")
    heads = [f"{track[:14]} {source}" for track, source in tracks]
    print(f"{'system':<16}{'seed':>5}" + "".join(f"{head:>24}" for head in heads))
    systems = dict.fromkeys(result.system for result in results)
    for system in systems:
        own = [result for result in results if result.system == system]
        for seed in sorted({result.seed for result in own}):
            values = {(r.track, r.source): r.improvement for r in own if r.seed == seed}
            cells = [_cell(values.get(track)) for track in tracks]
            print(f"{system:<16}{seed:>5}" + "".join(f"{cell:>24}" for cell in cells))


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}"


def main(_: Sequence[str]) -> int:
    """Measures what is missing, and prints all rows of the split."""
    out = Path(FLAGS.out)
    split = "songs"
    if FLAGS.without:
        split = f"without-{FLAGS.without}"
    path = out / "rows.jsonl"
    experiment = Experiment(out, split)
    for seed in map(int, FLAGS.seeds):
        measure(experiment, seed, path)
    print_table([result for result in load(path) if result.split == split])
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_string("out", "build/real_songs", "folder of songs, records, runs and rows")
    flags.DEFINE_list("seeds", "0,1,2", "of the first weights and the order of examples")
    flags.DEFINE_enum("without", None, [*BANDS], "band that is left out of training")
    command.run(main)
