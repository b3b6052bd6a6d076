"""Gives the commands of the project as a user does."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from evaluation.scores.table import Row, read_csv


def run(*words: str) -> float:
    """Gives a command of the project; returns how many seconds it took.

    Raises:
        ValueError: it did not finish.
    """
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", *words], check=False)
    if done.returncode:
        raise ValueError(f"{words[0]} ended with {done.returncode}; what it said stands above.")
    return time.perf_counter() - started


def settings(*overrides: str) -> list[str]:
    """Returns overrides as a command takes them."""
    return [f"--set={override}" for override in overrides]


def evaluate(
    workdirs: Sequence[Path], records: Path, split: str, baselines: str, out: Path
) -> list[Row]:
    """Scores the last checkpoint of a run, or the mean of several; returns the rows."""
    run(
        "evaluation.evaluate",
        *[f"--workdir={workdir}" for workdir in workdirs],
        f"--records={records}",
        f"--split={split}",
        "--checkpoint=latest",
        f"--baselines={baselines}",
        f"--out={out}",
    )
    return read_csv(out / "scores.csv")


def evaluate_files(estimates: Path, references: Path, out: Path) -> list[Row]:
    """Scores what other systems wrote; returns the rows."""
    run(
        "evaluation.evaluate",
        f"--estimates={estimates}",
        f"--references={references}",
        "--baselines=none",
        f"--out={out}",
    )
    return read_csv(out / "scores.csv")
