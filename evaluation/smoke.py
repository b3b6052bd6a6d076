"""Runs the whole pipeline on music it makes itself; ``make smoke`` calls it.

    python -m evaluation.smoke --out=build/smoke

Every step is a public command, shown before it runs. A step whose result is there is not run again,
so that a second call continues an interrupted one.
"""

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from absl import flags

import configs
from configs import instruments
from data_prep.audio.stems import find_shipped_stem_file
from data_prep.runtime import command
from data_prep.runtime.subcommand import give

# The smoke network reaches it on pieces it has not heard, with room to spare.
LEAST_IMPROVEMENT_DB = 8.0

FLAGS = flags.FLAGS


@dataclass(frozen=True)
class _Step:
    """Is one command of the pipeline."""

    title: str
    # Exists once the step is done; None for a command that finds out by itself at once.
    result: Path | None
    # Of python -m.
    arguments: tuple[str, ...]


def make_steps(out: Path, stem_file: Path) -> list[_Step]:
    """Makes all steps in order.

    Args:
        out: gets the corpora, the records and the runs.
        stem_file: the real track, in the layout of MUSDB18.
    """
    records = out / "records"
    urmp_run = out / "runs" / "smoke"
    musdb_run = out / "runs" / "smoke_musdb"
    return [
        _synthesise("urmp", out),
        _synthesise("musdb", out),
        _write("smoke", "urmp", out / "urmp", records / "urmp"),
        _write("smoke_musdb", "musdb", out / "musdb", records / "musdb"),
        _train("smoke", records / "urmp", urmp_run),
        _evaluate("smoke", urmp_run, "test", "--audit"),
        _write("smoke_musdb", "musdb", stem_file.parent.parent, records / "musdb18"),
        _train("smoke_musdb", records / "musdb18", musdb_run),
        _evaluate("smoke_musdb", musdb_run, "train"),
        _separate(stem_file, musdb_run, out / "stems"),
    ]


def _synthesise(corpus: str, out: Path) -> _Step:
    arguments = ("data_prep.synthetic", f"--corpus={corpus}", f"--out={out / corpus}")
    return _Step(f"compose a small corpus in the layout of {corpus}", None, arguments)


def _write(config: str, corpus: str, root: Path, out: Path) -> _Step:
    arguments = (
        "data_prep.write",
        f"--config={config}",
        f"--corpus={corpus}",
        f"--root={root}",
        f"--out={out}",
    )
    return _Step(f"cut {root.name} into records", out / "manifest.json", arguments)


def _train(config: str, records: Path, workdir: Path) -> _Step:
    steps = configs.load(config).train.steps
    # TensorFlow writes the index of a checkpoint last: where it is, all of it is.
    last = workdir / "checkpoints" / f"ckpt-{steps}.index"
    arguments = (
        "trainer.task",
        f"--config={config}",
        f"--records={records}",
        f"--workdir={workdir}",
    )
    return _Step(f"train {config} for {steps} steps", last, arguments)


def _evaluate(config: str, workdir: Path, split: str, *more_flags: str) -> _Step:
    arguments = (
        "evaluation.evaluate",
        f"--workdir={workdir}",
        f"--split={split}",
        "--checkpoint=latest",
        *more_flags,
    )
    report = _results(config, workdir, split) / "report.html"
    return _Step(f"score {config} on its {split} tracks", report, arguments)


def _separate(stem_file: Path, workdir: Path, out: Path) -> _Step:
    # Any of the stems: a command that is interrupted leaves none of them.
    stem = out / stem_file.stem / f"{instruments.MUSDB[-1]}.wav"
    arguments = ("evaluation.separate", f"--workdir={workdir}", f"--out={out}", str(stem_file))
    return _Step("separate the real track in full length", stem, arguments)


def _results(config: str, workdir: Path, split: str) -> Path:
    return workdir / "evaluation" / f"{configs.load(config).train.steps}-{split}"


def copy_stem_file(out: Path) -> Path:
    """Copies the one real MUSDB18 track that comes with stempeg, a dependency of musdb.

    Returns:
        The copy, which lies as in MUSDB18.

    Raises:
        ValueError: stempeg is not installed, or comes without a track.
    """
    stem_file = find_shipped_stem_file()
    target = out / "musdb18" / "train" / stem_file.name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        # Whoever interrupts the copy leaves no half track that a second call would take for whole.
        partial = target.with_name(target.name + ".partial")
        shutil.copyfile(stem_file, partial)
        partial.replace(target)
    return target


def run_step(step: _Step, position: str) -> int:
    """Runs a step unless its result is there; returns its exit status."""
    print(f"\n[{position}] {step.title}", flush=True)
    if step.result and step.result.exists():
        print(f"    done before: {step.result}", flush=True)
        return 0
    started = time.monotonic()
    status = give(step.arguments)
    print(f"    {time.monotonic() - started:.0f} s", flush=True)
    return status


def table(scores: Path) -> tuple[list[str], float]:
    """Reads the result of the smoke network.

    Args:
        scores: the file scores.csv.

    Returns:
        The table as lines of text, and the improvement in dB.
    """
    # Imported here: --help needs no NumPy.
    from evaluation.scores.aggregates import summarise
    from evaluation.scores.improvement import improvement
    from evaluation.scores.table import CONSTANT_GAIN, MODEL, read_csv

    rows = read_csv(scores)
    # The mixture times one number per instrument: what does not beat it has learnt nothing.
    rival = {
        figure.source: f"{figure.median_db:+.1f} dB"
        for figure in improvement(rows, CONSTANT_GAIN)
        if figure.median_db is not None
    }
    # Of all rows of a source; a source alone in a segment has an SNR, but no improvement.
    snr = {
        (summary.system, summary.source): f"{summary.metrics['snr'].median_of_segments:.1f} dB"
        for summary in summarise(rows)
        if "snr" in summary.metrics
    }
    # The first is that of all sources, which a table shows last.
    over_all, *of_sources = improvement(rows)
    lines = [
        f"{'instrument':<18}{'segments':>9}{'SNR of estimate':>17}{'of mixture':>12}"
        f"{'improvement':>13}{'of constant gain':>18}"
    ]
    for figure in [*sorted(of_sources, key=lambda figure: str(figure.source)), over_all]:
        if figure.median_db is None:
            continue
        name = "all"
        if figure.source:
            name = f"{instruments.name_of(figure.source)} ({figure.source})"
        estimate = snr.get((MODEL, figure.source), "")
        mixture = snr.get(("mixture", figure.source), "")
        median = f"{figure.median_db:+.1f} dB"
        gain = rival.get(figure.source, "")
        lines.append(
            f"{name:<18}{figure.num_rows:>9}{estimate:>17}{mixture:>12}{median:>13}{gain:>18}"
        )
    return lines, over_all.median_db or 0.0


def main(_: Sequence[str]) -> int:
    """Runs all steps, then shows what came out."""
    out = Path(FLAGS.out)
    started = time.monotonic()
    steps = make_steps(out, copy_stem_file(out))
    for number, step in enumerate(steps, start=1):
        status = run_step(step, f"{number}/{len(steps)}")
        # Later steps need what this one makes.
        if status:
            print(f"stopped in step {number}; the same command continues.", file=sys.stderr)
            return status
    return show(out, time.monotonic() - started)


def show(out: Path, seconds: float) -> int:
    """Prints the table and the paths.

    Args:
        out: folder of everything.
        seconds: how long it all took.

    Returns:
        The exit status, 1 where the network did not learn.
    """
    results = _results("smoke", out / "runs" / "smoke", "test")
    musdb = _results("smoke_musdb", out / "runs" / "smoke_musdb", "train")
    lines, improvement_db = table(results / "scores.csv")
    print("\nPieces the network has not heard, segments of one second, medians:\n")
    print("\n".join(lines))
    print(f"\nreport          {results / 'report.html'}")
    print(f"real track      {musdb / 'report.html'} (not a result)")
    print(f"its stems       {out / 'stems'}")
    print(
        f"your own songs  python -m evaluation.separate --serve --workdir={out / 'runs' / 'smoke'}"
    )
    print(f"all done        {seconds:.0f} s; make smoke-clean starts over")
    if improvement_db < LEAST_IMPROVEMENT_DB:
        expected = f"at least {LEAST_IMPROVEMENT_DB:.0f} dB were expected"
        print(
            f"error: the network improves by {improvement_db:.1f} dB, {expected}.", file=sys.stderr
        )
        return command.ERROR
    return 0


if __name__ == "__main__":
    flags.DEFINE_string("out", "build/smoke", "folder for everything that is made")
    command.run(main)
