"""Trains taggers on rendered pieces for three minutes each, and shows them beside what learns less.

    apt-get install fluidsynth fluid-soundfont-gm musescore-general-soundfont-small csound-soundfont
    python -m benchmarks.trained.tagging --out=build/tagging --seeds=0,1,2
    python -m benchmarks.trained.tagging --out=build/tagging --seeds=0,1,2 --fonts

The pieces are the large set of benchmarks.rendered_corpora: 40 train, 8 validate (and choose the
thresholds), 12 test. The network learns for a fixed number of steps, about three minutes of two
quiet cores, and the last checkpoint is scored on the test pieces, which it never heard.

With --fonts the pieces that train and validate are played by two sound fonts, and those that test
by a third one, each of the three in turn: what is learnt of an instrument shall be more than how
one font plays it.

A figure is the mean over seeds, and so are the bounds of its interval over pieces (95 %, by the
bootstrap of the report). Every run appends its rows to OUT/rows.jsonl; the same command continues
an interrupted one.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.rows import Rows
from benchmarks.trained.commands import run, settings
from data_prep.runtime import command
from evaluation.scores.table import MODEL

FLAGS = flags.FLAGS
EXPERIMENT = "smoke_tagger"
# About three minutes of two quiet cores.
NUM_STEPS = 4000
_NUM_PIECES = 60
SAME_FONT = "same font"
FONTS = {
    "fluid": Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    "musescore": Path("/usr/share/sounds/sf3/MuseScore_General_Lite.sf3"),
    "csound": Path("/usr/share/sounds/sf2/sf_GMbank.sf2"),
}
# Of runs that are tested on another font.
ACROSS: tuple[str, ...] = ()


@dataclass(frozen=True)
class TaggingResult:
    """Holds what a system reached in one measure."""

    # ``SAME_FONT``, or the font that tests.
    test: str
    system: str
    seed: int
    measure: str
    value: float
    # Of the interval over pieces; None where it has none.
    low: float | None
    high: float | None
    # Of the training, on this machine; 0 of what is not trained.
    secs: float


def render(out: Path, font: str) -> Path:
    """Renders the pieces with a font; returns their folder."""
    corpus = out / f"pieces-{font}"
    words = ["--corpus=urmp", f"--pieces={_NUM_PIECES}", f"--out={corpus}"]
    run("benchmarks.rendered_corpora", *words, f"--font={FONTS[font]}")
    return corpus


def write_same_font(out: Path) -> Path:
    """Writes records of the pieces of one font."""
    corpus = render(out, "fluid")
    records = out / "records-same"
    if not (records / "manifest.json").exists():
        splits = corpus / "splits.json"
        words = [f"--config={EXPERIMENT}", "--corpus=urmp", f"--root={corpus}"]
        run("data_prep.write", *words, f"--splits={splits}", f"--out={records}")
    return records


def write_other_fonts(out: Path, tested: str) -> Path:
    """Writes records whose test pieces are of one font, and the others of the other two."""
    records = out / f"records-{tested}"
    if (records / "manifest.json").exists():
        return records
    corpus = out / f"tested-{tested}"
    corpus.mkdir(exist_ok=True)
    lists: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for font in FONTS:
        rendered = render(out, font)
        patterns = json.loads((rendered / "splits.json").read_text(encoding="utf-8"))
        wanted = ("test",) if font == tested else ("train", "valid")
        for split in wanted:
            for pattern in patterns[split]:
                (piece,) = rendered.glob(pattern)
                track = corpus / f"{font} {piece.name}"
                lists[split].append(track.name)
                _link(piece, track)
    splits = corpus.with_suffix(".json")
    rule = f"Pieces by their numbers; those that test are played by {tested}, others by the others."
    # Parts of a piece are files named by their instruments.
    splits.write_text(json.dumps({"rule": rule, **lists}), encoding="utf-8")
    words = [f"--config={EXPERIMENT}", "--corpus=folder", f"--root={corpus}"]
    run("data_prep.write", *words, f"--splits={splits}", f"--out={records}")
    return records


def _link(piece: Path, track: Path) -> None:
    """Lays out a piece as a folder of files named by their instruments."""
    track.mkdir(exist_ok=True)
    for path in piece.glob("AuSep_*.wav"):
        # AuSep_1_vn_Title.wav
        source = path.name.split("_")[2]
        link = track / f"{source}.wav"
        if not link.exists():
            link.symlink_to(path.resolve())


def measure(
    out: Path, records: Path, test: str, seed: int, extra: Sequence[str]
) -> Iterator[TaggingResult]:
    """Trains and scores, and yields the rows."""
    name = f"{test.replace(' ', '-')}-{seed}"
    workdir = out / "runs" / name
    manifest = json.loads((records / "manifest.json").read_text(encoding="utf-8"))
    overrides = [f"data.splits={manifest['config']['data']['splits']}", f"train.seed={seed}"]
    intervals = ("steps", "checkpoint_steps", "validation_steps")
    overrides += [f"train.{each}={NUM_STEPS}" for each in intervals]
    words = [f"--config={EXPERIMENT}", f"--records={records}", f"--workdir={workdir}"]
    secs = run("trainer.task", *words, *settings(*overrides, *extra))
    scores = out / "scores" / name
    words = [f"--workdir={workdir}", f"--records={records}", "--checkpoint=latest"]
    run("evaluation.evaluate", *words, f"--out={scores}")
    yield from iter_results(scores, test, seed, secs)


def iter_results(scores: Path, test: str, seed: int, secs: float) -> Iterator[TaggingResult]:
    """Yields the rows of the first table of a report."""
    report = json.loads((scores / "report.json").read_text(encoding="utf-8"))
    (section,) = [each for each in report["sections"] if each["key"] == "systems"]
    (table,) = [block for block in section["blocks"] if block["kind"] == "table"]
    for row in table["rows"]:
        for column, cell in zip(table["columns"], row["cells"], strict=True):
            if cell["value"] is not None:
                low, high = cell.get("interval", (None, None))
                yield TaggingResult(
                    test=test,
                    system=row["name"],
                    seed=seed,
                    measure=column,
                    value=float(cell["value"]),
                    low=low,
                    high=high,
                    secs=secs if row["name"] == MODEL else 0.0,
                )


def print_table(rows: Sequence[TaggingResult]) -> None:
    """Prints a line for every system, of each font that tests."""
    measures = list(dict.fromkeys(row.measure for row in rows))
    for test in dict.fromkeys(row.test for row in rows):
        print(f"\n{test}: means over seeds, 95 % over pieces")
        own = [row for row in rows if row.test == test]
        for system in dict.fromkeys(row.system for row in own):
            of_system = [row for row in own if row.system == system]
            seeds = sorted({row.seed for row in of_system})
            print(f"  {system}, seeds {', '.join(map(str, seeds))}")
            for measure in measures:
                _print_measure(measure, [row for row in of_system if row.measure == measure])


def _print_measure(measure: str, rows: Sequence[TaggingResult]) -> None:
    if not rows:
        return
    line = f"    {measure:<52}{np.mean([row.value for row in rows]):.3f}"
    lows = [row.low for row in rows if row.low is not None]
    highs = [row.high for row in rows if row.high is not None]
    if lows:
        line += f" ({np.mean(lows):.3f} to {np.mean(highs):.3f})"
    print(f"{line}   {' '.join(f'{row.value:.3f}' for row in rows)}")


def main(_: Sequence[str]) -> int:
    """Measures what is missing, and prints all rows."""
    out = Path(FLAGS.out)
    out.mkdir(parents=True, exist_ok=True)
    rows = Rows(out / "rows.jsonl", TaggingResult)
    for test in FONTS if FLAGS.fonts else (SAME_FONT,):
        records = write_other_fonts(out, test) if FLAGS.fonts else write_same_font(out)
        for seed in map(int, FLAGS.seeds):
            if not rows.know(test=test, seed=seed):
                rows.keep(measure(out, records, test, seed, ACROSS if FLAGS.fonts else ()))
    print_table(rows.load())
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_string("out", "build/tagging", "folder of pieces, records, runs and rows")
    flags.DEFINE_list("seeds", "0,1,2", "of the first weights and the order of examples")
    flags.DEFINE_bool("fonts", False, "test on pieces that another sound font plays")
    command.run(main)
