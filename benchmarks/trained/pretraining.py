"""Measures what it is worth to put clips in order first, for separation and for tagging.

    apt-get install fluidsynth fluid-soundfont-gm
    python -m benchmarks.trained.pretraining --out=build/pretraining --seeds=0,1,2

The pieces are the large set of benchmarks.rendered_corpora: 40 to learn from, 12 to test. Encoders
first hear all 40 without a label, and then begin separation (the network of ``smoke``) from a
quarter of the pieces or from all, and tagging (``smoke_tagger``) from as few pieces as give each
instrument five, or from all. What they begin with:

ordered         the encoder put clips in order
contrastive     the encoder learnt which clips are of the same seconds (COLA)
permuted        that of ordered, the numbers of each variable in another order
fresh           nothing
fresh, longer   nothing, and the time of ordering is given to more steps

All others learn for the same steps. A figure of separation is the improvement over the mixture in
dB, the median over a piece's segments; one of tagging the F1 of a piece's columns and instruments
together. What is printed is the mean over pieces of the difference to fresh ones of the same seed,
mean over seeds, with its interval over pieces (95 %, bootstrap).

Every run appends its rows to OUT/rows.jsonl; the same command continues an interrupted one.
"""

import csv
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.stats
from absl import flags
from numpy.typing import NDArray

from benchmarks.rows import Rows
from benchmarks.trained.commands import evaluate, run, settings
from benchmarks.trained.results import ALL, results_of
from benchmarks.trained.trainings import CAREFUL
from data_prep.runtime import command
from evaluation.scores.table import MODEL
from trainer.loop.checkpoints import restore_network, save_network
from trainer.loop.workdir import load_run
from trainer.tasks.ordering import step as ordering

FLAGS = flags.FLAGS
_NUM_PIECES = 60
_RESAMPLES = 10_000
# Of the records; that of the tagger is the longest.
_RECORDED = "data.context_frames=21504"
FRESH, LONGER = "fresh", "fresh, longer"
ORDERED, CONTRASTIVE, PERMUTED = "ordered", "contrastive", "permuted"
BEGINNINGS = (FRESH, ORDERED, CONTRASTIVE, PERMUTED, LONGER)
EVERYTHING = "all"
# Puzzles are of the stored mixture.
_PLAIN = (
    "task.kind=ordering",
    "augmentation.min_gain=1",
    "augmentation.max_gain=1",
    "augmentation.remix=0",
    "augmentation.silence=0",
    "augmentation.flip_polarity=false",
    "task.features=100",
    "task.overlay=0.7",
    "train.schedule=constant",
    "train.learning_rate=1e-3",
    "train.clip_norm=1",
)


@dataclass(frozen=True)
class Learner:
    """Is a task that begins with an encoder."""

    experiment: str
    overrides: Sequence[str]
    num_steps: int
    # Of the puzzles, as long as the encoder reads at once.
    puzzles: Sequence[str]
    num_ordering_steps: int
    # Besides all: what share of the pieces it learns from.
    fewer: str


LEARNERS = {
    "separation": Learner(
        "smoke",
        CAREFUL,
        1500,
        ("task.clip_secs=0.2", "train.batch_size=32"),
        1000,
        "a quarter",
    ),
    "tagging": Learner(
        "smoke_tagger",
        (),
        1000,
        ("task.clip_secs=2", "train.batch_size=8"),
        500,
        "five pieces an instrument",
    ),
}


@dataclass(frozen=True)
class PretrainingResult:
    """Holds what a run reached on a piece."""

    task: str
    # Of the pieces that it learnt from.
    share: str
    beginning: str
    seed: int
    track: str
    value: float
    num_steps: int
    # Of the training, on this machine, and of what came before it.
    secs: float
    secs_before: float


def write_records(out: Path) -> dict[str, Path]:
    """Renders the pieces, and writes records of each share of them; returns their folders."""
    corpus = out / "pieces"
    words = ["--corpus=urmp", f"--pieces={_NUM_PIECES}", f"--out={corpus}"]
    run("benchmarks.rendered_corpora", *words)
    splits = json.loads((corpus / "splits.json").read_text(encoding="utf-8"))
    chosen = {
        EVERYTHING: splits["train"],
        LEARNERS["separation"].fewer: splits["train"][::4],
        LEARNERS["tagging"].fewer: _few(corpus, splits["train"]),
    }
    folders = {}
    for share, patterns in chosen.items():
        folders[share] = out / f"records-{share.replace(' ', '-')}"
        rule = f"Of the pieces that train, {share}."
        path = out / f"{folders[share].name}.json"
        excluded = [pattern for pattern in splits["train"] if pattern not in patterns]
        described = {**splits, "rule": rule, "train": patterns, "excluded": excluded}
        path.write_text(json.dumps(described), encoding="utf-8")
        if not (folders[share] / "manifest.json").exists():
            words = ["--config=smoke_mask", "--corpus=urmp", f"--root={corpus}"]
            run("data_prep.write", *words, f"--splits={path}", f"--out={folders[share]}")
    return folders


def _few(corpus: Path, patterns: Sequence[str]) -> list[str]:
    """Returns the first pieces that add to an instrument of which there are fewer than five."""
    counts: dict[str, int] = {}
    chosen = []
    for pattern in patterns:
        (piece,) = corpus.glob(pattern)
        # 01_Dawn_bn_db_tpt_vc
        instruments = set(piece.name.split("_")[2:])
        if any(counts.get(each, 0) < 5 for each in instruments):
            chosen.append(pattern)
            for each in instruments:
                counts[each] = counts.get(each, 0) + 1
    return chosen


class Experiment:
    """Trains what is missing, and keeps the rows."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._records = write_records(out)
        self.rows = Rows(out / "rows.jsonl", PretrainingResult)

    def measure(self, task: str, seed: int) -> None:
        """Measures all beginnings of a task from all shares."""
        for share in (LEARNERS[task].fewer, EVERYTHING):
            for beginning in BEGINNINGS:
                if not self.rows.know(task=task, share=share, beginning=beginning, seed=seed):
                    self.rows.keep(list(self._measure(task, share, beginning, seed)))

    def _measure(
        self, task: str, share: str, beginning: str, seed: int
    ) -> Iterator[PretrainingResult]:
        learner = LEARNERS[task]
        words = []
        secs_before = 0.0
        num_steps = learner.num_steps
        if beginning in (ORDERED, CONTRASTIVE, PERMUTED):
            source, secs_before = self._pretrain(task, beginning, seed)
            words = [f"train.begin_from={source}"]
        elif beginning == LONGER:
            _, secs_before = self._pretrain(task, ORDERED, seed)
            fresh = self._secs(task, share, FRESH, seed)
            num_steps = round(num_steps * (1 + secs_before / fresh))
        records = self._records[share]
        name = "-".join([task, share, beginning, str(seed)]).replace(" ", "_").replace(",", "")
        workdir = self._out / "runs" / name
        words += [*learner.overrides, *self._described(records), *_steps(num_steps, seed)]
        secs = self._train(learner.experiment, records, workdir, words)
        for track, value in self._values(task, workdir, records).items():
            yield PretrainingResult(
                task=task,
                share=share,
                beginning=beginning,
                seed=seed,
                track=track,
                value=value,
                num_steps=num_steps,
                secs=secs,
                secs_before=secs_before,
            )

    def _secs(self, task: str, share: str, beginning: str, seed: int) -> float:
        """Returns how long a run took that was measured."""
        wanted = (task, share, beginning, seed)
        for row in self.rows.load():
            if (row.task, row.share, row.beginning, row.seed) == wanted:
                return row.secs
        raise AssertionError(f"{wanted} was measured before")

    def _pretrain(self, task: str, beginning: str, seed: int) -> tuple[Path, float]:
        """Trains an encoder unless it is there; returns its run, and how long it took."""
        if beginning == PERMUTED:
            source, secs = self._pretrain(task, ORDERED, seed)
            return permute(source, source.with_name(f"{PERMUTED}-{task}-{seed}"), seed), secs
        learner = LEARNERS[task]
        records = self._records[EVERYTHING]
        workdir = self._out / "runs" / f"{beginning}-{task}-{seed}"
        taken = workdir / "secs.json"
        if not taken.exists():
            head = "contrastive" if beginning == CONTRASTIVE else "chain"
            words = [*_PLAIN, *learner.puzzles, f"task.head={head}", *self._described(records)]
            words += _steps(learner.num_ordering_steps, seed)
            secs = self._train(learner.experiment, records, workdir, words)
            taken.write_text(json.dumps(secs), encoding="utf-8")
        return workdir, float(json.loads(taken.read_text(encoding="utf-8")))

    def _train(
        self, experiment: str, records: Path, workdir: Path, overrides: Sequence[str]
    ) -> float:
        words = [f"--config={experiment}", f"--records={records}", f"--workdir={workdir}"]
        return run("trainer.task", *words, *settings(*overrides))

    def _described(self, records: Path) -> list[str]:
        """Returns what the records differ by from those of the experiments."""
        return [_RECORDED, f"data.splits={records.with_suffix('.json')}"]

    def _values(self, task: str, workdir: Path, records: Path) -> Mapping[str, float]:
        """Scores a run; returns its value of each piece."""
        scores = self._out / "scores" / workdir.name
        if task == "separation":
            rows = evaluate([workdir], records, "test", "none", scores)
            results = results_of(rows, MODEL, MODEL, "", 0, 0.0)
            return {
                each.track: each.improvement
                for each in results
                if each.source == ALL and each.track != ALL and each.improvement is not None
            }
        words = [f"--workdir={workdir}", f"--records={records}", f"--out={scores}"]
        run("evaluation.evaluate", *words, "--checkpoint=latest", "--baselines=none")
        return f1_of_tracks(scores / "scores.csv")


def _steps(num_steps: int, seed: int) -> list[str]:
    """Returns overrides; no validation chooses anything but thresholds, at the end."""
    intervals = ("steps", "checkpoint_steps", "validation_steps")
    return [f"train.seed={seed}", *(f"train.{name}={num_steps}" for name in intervals)]


def permute(source: Path, folder: Path, seed: int) -> Path:
    """Makes a run whose encoder has the numbers of another one, of each variable in any order."""
    if not (folder / "checkpoints").exists():
        folder.mkdir(exist_ok=True)
        for name in ("config.json", "records.json"):
            shutil.copyfile(source / name, folder / name)
        encoder = ordering.make_networks(load_run(str(source)).config)[ordering.ENCODER]
        restore_network(str(source), encoder, "latest")
        rng = np.random.default_rng(seed)
        for variable in encoder.variables:
            numbers = variable.numpy()
            variable.assign(rng.permutation(numbers.ravel()).reshape(numbers.shape))
        save_network(str(folder), encoder)
    return folder


def f1_of_tracks(path: Path) -> dict[str, float]:
    """Returns the F1 of each track, over its columns and instruments together."""
    counts: dict[str, list[int]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["system"] == MODEL and row["track"] != ALL:
                own = counts.setdefault(row["track"], [0, 0])
                own[0] += 2 * int(row["hits"])
                own[1] += int(row["false_alarms"]) + int(row["misses"])
    return {track: hits / max(hits + wrong, 1) for track, (hits, wrong) in counts.items()}


def print_table(rows: Sequence[PretrainingResult]) -> None:
    """Prints a line for every beginning of every task and share."""
    for task, share in dict.fromkeys((row.task, row.share) for row in rows):
        own = [row for row in rows if (row.task, row.share) == (task, share)]
        values = {(row.beginning, row.seed, row.track): row.value for row in own}
        tracks = sorted({row.track for row in own})
        print(f"\n{task} from {share}: {len(tracks)} pieces")
        print(f"{'begins with':<16}{'value':>8}  {'minus fresh':<28}{'seeds':<8}{'steps':>6}")
        for beginning in dict.fromkeys(row.beginning for row in own):
            of_beginning = [row for row in own if row.beginning == beginning]
            seeds = sorted({row.seed for row in of_beginning})
            # (tracks, seeds)
            found = np.array([[values[beginning, s, t] for s in seeds] for t in tracks])
            fresh = np.array([[values[FRESH, s, t] for s in seeds] for t in tracks])
            difference = _interval((found - fresh).mean(axis=1)) if beginning != FRESH else ""
            steps = of_beginning[0].num_steps
            listed = ",".join(map(str, seeds))
            print(f"{beginning:<16}{found.mean():>8.3f}  {difference:<28}{listed:<8}{steps:>6}")


def _interval(values: NDArray[np.float64]) -> str:
    bounds = scipy.stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return f"{values.mean():+.3f} ({bounds.low:+.3f} to {bounds.high:+.3f})"


def main(_: Sequence[str]) -> int:
    """Measures what is missing, and prints all rows."""
    out = Path(FLAGS.out)
    out.mkdir(parents=True, exist_ok=True)
    experiment = Experiment(out)
    for seed in map(int, FLAGS.seeds):
        for task in FLAGS.tasks:
            experiment.measure(task, seed)
    print_table(experiment.rows.load())
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_string("out", "build/pretraining", "folder of pieces, records, runs and rows")
    flags.DEFINE_list("seeds", "0,1,2", "of the first weights and the order of examples")
    flags.DEFINE_list("tasks", list(LEARNERS), "which tasks")
    command.run(main)
