"""Trains networks to make real snare drums, and shows them beside what learns nothing.

    python -m benchmarks.trained.real_drums --out=build/drums --seeds=0,1,2

Kits of Debian's packages (benchmarks.corpora.drums), of which four are unseen: 16 kHz, 8,192
frames, the peak at 20 ms. What learns:

two numbers     the network of ``one_shots_map``, of real snares
sixteen         that of ``one_shots``, of real snares
with dice       the same, of real snares and of snares that data_prep.synthetic makes by dice
squared error   sixteen numbers, and the squared error of the waveform in place of levels

With --earlier the fourteen networks of an earlier system learn, too, for few steps: they are shown
to work, and not how good they can become.

A figure of a run is that of its last checkpoint: how far unseen sounds are from how they come back,
and what 500 drawn sounds are like, of which a referee says whether they are snares. It has learnt
from the training kits which of six classes a sound is of. The ranges of the dice were set by hand
beside all of these kits, the unseen ones among them: what they help is not as unseen as the kits.

Every run appends its rows to OUT/rows.jsonl; the same command continues an interrupted one.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

import configs
from benchmarks.corpora.drums import LMMS, fetch_drums, is_unseen
from benchmarks.rows import Rows
from benchmarks.trained.commands import run, settings
from data_prep.runtime import command
from data_prep.storage.files import replacing

FLAGS = flags.FLAGS
_CLASSES = ("clap", "cymbal", "hat", "kick", "snare", "tom")
# Of 200 kits by dice, each with several snares.
_NUM_DICE = 200
_DICE_SECS = 0.6
_NUM_STEPS = 1500
_NUM_EARLIER_STEPS = 200


@dataclass(frozen=True)
class DrumsResult:
    """Holds a figure of a run."""

    run: str
    seed: int
    # Of which unseen kit; empty: of all of them, or of what is drawn.
    kit: str
    figure: str
    value: float


@dataclass(frozen=True)
class Learner:
    """Says what learns from what."""

    experiment: str
    # The folder of its sounds.
    sounds: str = "snares"
    overrides: Sequence[str] = field(default_factory=tuple)
    num_steps: int = _NUM_STEPS


LEARNERS = {
    "two numbers": Learner("one_shots_map"),
    "sixteen": Learner("one_shots"),
    "with dice": Learner("one_shots", "snares-dice"),
    "squared error": Learner(
        "one_shots", overrides=("task.stft=0", "task.relative=0", "task.mse=100")
    ),
}
# Tables of a report whose lines are systems or sets of sounds.
_OF_SYSTEMS = ("systems", "drawn", "referee")
# At the rate and length of the earlier system.
_EARLIER_FLAGS = ("--sample_rate=44100", "--num_frames=16384", "--attack_secs=0.1")


def write_sounds(out: Path) -> None:
    """Fetches the kits, makes others by dice, and writes records of what is learnt from."""
    kits = out / "kits"
    if not kits.exists():
        _copy_kits(fetch_drums(out / "fetched"), kits)
    both = out / "kits-and-dice"
    if not both.exists():
        dice = out / "dice"
        words = [f"--out={dice}", f"--pieces={_NUM_DICE}", f"--secs={_DICE_SECS}"]
        run("data_prep.synthetic", "--corpus=drums", *words)
        partial = both.with_name("partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(kits, partial)
        for kit in dice.glob("kit_*"):
            shutil.copytree(kit, partial / kit.name)
        partial.rename(both)
    splits = _write_splits(out, [path.name for path in both.iterdir()])
    snares = ("--classes=snare",)
    named = (f"--classes={','.join(_CLASSES)}",)
    _write_records(out, "snares", kits, splits, snares)
    _write_records(out, "snares-dice", both, splits, snares)
    _write_records(out, "named", kits, splits, named)
    if FLAGS.earlier:
        _write_records(out, "snares-44100", kits, splits, (*snares, *_EARLIER_FLAGS))


def _copy_kits(folders: Sequence[Path], kits: Path) -> None:
    """Lays kits side by side; that of LMMS has its sounds in one folder."""
    partial = kits.with_name("partial")
    shutil.rmtree(partial, ignore_errors=True)
    for folder in folders:
        place = partial / LMMS / "drums" if folder.name == LMMS else partial / folder.name
        shutil.copytree(folder, place)
    partial.rename(kits)


def _write_splits(out: Path, kits: Sequence[str]) -> Path:
    """Writes which kits are for what."""
    unseen = sorted(kit for kit in kits if is_unseen(kit))
    splits = {
        "rule": "Four kits validate, all others are learnt from.",
        "train": sorted(set(kits) - set(unseen)),
        "valid": unseen,
        "test": [],
    }
    path = out / "splits.json"
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(splits), encoding="utf-8")
    return path


def _write_records(out: Path, name: str, root: Path, splits: Path, words: Sequence[str]) -> None:
    records = _records_of(out, name)
    if (records / "manifest.json").exists():
        return
    shots = out / "one_shots" / name
    secs = run(
        "data_prep.one_shots",
        f"--root={root}",
        f"--splits={splits}",
        "--skip_bad",
        f"--out={shots}",
        *words,
    )
    print(f"{name}: prepared in {secs:.1f} s")
    experiment = "one_shots_convolutional" if name.endswith("44100") else "one_shots"
    words = [f"--config={experiment}", "--corpus=one_shots", f"--root={shots}"]
    run("data_prep.write", *words, f"--out={records}")


def _records_of(out: Path, name: str) -> Path:
    return out / "records" / name


def measure(out: Path, name: str, learner: Learner, seed: int) -> Iterator[DrumsResult]:
    """Trains and scores, and yields the rows."""
    workdir = out / "runs" / f"{name.replace(' ', '_')}-{seed}"
    steps = learner.num_steps
    rhythm = [f"train.{each}={steps}" for each in ("steps", "checkpoint_steps")]
    rhythm += [f"train.steps_per_call={min(50, steps)}", f"train.seed={seed}"]
    words = [f"--config={learner.experiment}", f"--records={_records_of(out, learner.sounds)}"]
    words += settings(*rhythm, *learner.overrides)
    secs = run("trainer.task", *words, f"--workdir={workdir}")
    scores = out / "scores" / workdir.name
    words = [f"--workdir={workdir}", "--split=valid", "--checkpoint=latest", f"--out={scores}"]
    # The sounds of the earlier system are of another length.
    if not learner.sounds.endswith("44100"):
        words.append(f"--referee={_records_of(out, 'named')}")
    run("evaluation.evaluate", *words)
    report = json.loads((scores / "report.json").read_text(encoding="utf-8"))
    for kit, figure, value in _figures(report):
        yield DrumsResult(name, seed, kit, figure, value)
    yield DrumsResult(name, seed, "", "seconds of training", secs)


def _figures(report: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Yields kit, name and value of what a report says in figures."""
    for cell in report["summary"]:
        if cell["value"] is not None:
            yield "", cell["title"], float(cell["value"])
    # Of each table the figures of its first lines, by the names of their columns.
    for key, table in _tables(report).items():
        for row in table["rows"]:
            for column, cell in zip(table["columns"], row["cells"], strict=True):
                value = cell["value"]
                if isinstance(value, float) and key in _OF_SYSTEMS:
                    yield "", f"{row['name']}: {column}", value
                elif isinstance(value, float) and key == "kit":
                    yield row["name"], column, value


def _tables(report: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Returns the tables of a report by their keys."""
    return {
        block["key"]: block
        for section in report["sections"]
        for block in section["blocks"]
        if "rows" in block
    }


def print_table(rows: Sequence[DrumsResult]) -> None:
    """Prints the mean over seeds of each figure, and beside it the figure of each seed."""
    for name in dict.fromkeys(row.run for row in rows):
        own = [row for row in rows if row.run == name]
        seeds = ", ".join(dict.fromkeys(str(row.seed) for row in own))
        print(f"\n{name}: the mean, and seeds {seeds}")
        for kit, figure in dict.fromkeys((row.kit, row.figure) for row in own):
            values = [row.value for row in own if (row.kit, row.figure) == (kit, figure)]
            of_kit = f"{kit}: " if kit else ""
            each = ", ".join(f"{value:.4g}" for value in values)
            print(f"  {of_kit + figure:<60} {np.mean(values):>10.4g}   ({each})")


def learners() -> dict[str, Learner]:
    """Returns what learns, by name."""
    if not FLAGS.earlier:
        return LEARNERS
    names = [name for name in configs.experiments() if name.startswith("one_shots_")]
    earlier = [name for name in names if name not in ("one_shots_map", "one_shots_wavegan")]
    others = {
        name: Learner(name, "snares-44100", _small(name), _NUM_EARLIER_STEPS) for name in earlier
    }
    return {**LEARNERS, **others}


def _small(name: str) -> tuple[str, ...]:
    """Returns what lets a laptop train one of the earlier networks: of convolutions fewer."""
    if "dense" in name:
        return ()
    return ("model.filters=4", "train.batch_size=8")


def main(_: Sequence[str]) -> int:
    """Measures what is missing, and prints all rows."""
    out = Path(FLAGS.out)
    out.mkdir(parents=True, exist_ok=True)
    write_sounds(out)
    rows = Rows(out / "rows.jsonl", DrumsResult)
    for seed in map(int, FLAGS.seeds):
        for name, learner in learners().items():
            if not rows.know(run=name, seed=seed):
                rows.keep(measure(out, name, learner, seed))
    print_table(rows.load())
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_string("out", "build/drums", "folder of sounds, records, runs and rows")
    flags.DEFINE_list("seeds", "0,1,2", "of the first weights and the order of sounds")
    flags.DEFINE_bool("earlier", False, "train the fourteen networks of an earlier system, too")
    command.run(main)
