"""Trains and scores a table of settings, a run after the other, and sets them side by side.

    python -m evaluation.sweep smoke_ordering --records=records/music --out=sweeps/clips \
        --over task.clip_secs=0.1,0.2,0.5 --over task.num_clips=2,3,5 --set train.steps=1000

trains nine runs in OUT/runs, each by trainer.task in a process of its own, scores each by
evaluation.evaluate, and writes OUT/sweep.html, sweep.md and sweep.json: a row for every run with
its settings and the figures of its report. The task may be any, and there may be several
experiments:

    python -m evaluation.sweep published_579521 published_989518 --records=records/urmp --out=sweeps

An interrupted call is continued by the same one; values may be added to it. What an experiment
refuses, such as clips that are shorter than what its network reads, stands on the page with the
reason.
"""

import json
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from absl import flags

from configs.reading import parse_json, read_object, read_text
from data_prep.runtime import command
from data_prep.runtime.quantities import clock
from data_prep.runtime.subcommand import give
from data_prep.storage import is_bucket
from data_prep.storage.files import replacing
from evaluation.document.as_json import read_summary
from evaluation.document.render import write
from evaluation.sweeps.combinations import Combination, combine
from evaluation.sweeps.page import Summary, make_document

FLAGS = flags.FLAGS


@dataclass(frozen=True)
class _Run:
    """Is a run of the table, and what makes it."""

    combination: Combination

    @property
    def _scores(self) -> Path:
        place = f"{FLAGS.checkpoint}-{FLAGS.split}"
        return Path(FLAGS.out) / "scores" / self.combination.name / place

    @property
    def _made(self) -> Path:
        """Returns the file that says which commands made run and scores."""
        return self._scores / "made.json"

    @property
    def commands(self) -> list[list[str]]:
        """Returns the commands that make the run and its scores."""
        workdir = Path(FLAGS.out) / "runs" / self.combination.name
        overrides = [f"--set={each}" for each in (*FLAGS.set, *self.combination.overrides)]
        shared = [f"--workdir={workdir}", f"--records={FLAGS.records}"]
        which = [f"--checkpoint={FLAGS.checkpoint}", f"--split={FLAGS.split}"]
        return [
            ["trainer.task", f"--config={self.combination.experiment}", *shared, *overrides],
            ["evaluation.evaluate", *shared, *which, f"--out={self._scores}"],
        ]

    def is_made(self) -> bool:
        """Says whether these commands have made it."""
        made = self._made
        return made.exists() and parse_json(read_text(made), made) == self.commands

    def make(self) -> int:
        """Makes it, or what is missing of it; returns the status of the last command."""
        for words in self.commands:
            status = give(words)
            if status:
                return status
        with replacing(self._made) as path:
            path.write_text(json.dumps(self.commands), encoding="utf-8")
        return command.FINISHED

    def summary(self) -> Summary:
        """Returns the figures of its report."""
        report = self._scores / "report.json"
        return dict(read_summary(read_object(report), report))


def _write_page(combinations: Sequence[Combination], runs: Sequence[_Run]) -> None:
    summaries = {run.combination.name: run.summary() for run in runs if run.is_made()}
    words = ["python", "-m", "evaluation.sweep", *sys.argv[1:]]
    page = make_document(combinations, summaries, FLAGS.split, shlex.join(words))
    write(Path(FLAGS.out) / "sweep.html", page)


def main(arguments: Sequence[str]) -> int:
    """Makes the runs that are missing, and the page after each."""
    # The first argument is the name of the command.
    experiments = arguments[1:]
    if not experiments:
        raise ValueError("no experiment is named; expected as in evaluation.sweep smoke_ordering.")
    if is_bucket(FLAGS.out):
        raise ValueError(f"--out is {FLAGS.out}; the runs of a table are kept in a local folder.")
    combinations = combine(experiments, FLAGS.over, FLAGS.set)
    Path(FLAGS.out).mkdir(parents=True, exist_ok=True)
    for each in combinations:
        if each.refused:
            print(f"left out: {each.name}: {each.refused}", flush=True)
    runs = [_Run(each) for each in combinations if not each.refused]
    missing = [run for run in runs if not run.is_made()]
    started = time.monotonic()
    for number, run in enumerate(missing):
        left = ""
        if number:
            secs = (time.monotonic() - started) / number * (len(missing) - number)
            left = f", about {clock(secs)} left"
        print(f"\n[{number + 1}/{len(missing)}] {run.combination.name}{left}", flush=True)
        status = run.make()
        if status:
            return status
        _write_page(combinations, runs)
    _write_page(combinations, runs)
    print(f"\npage: {Path(FLAGS.out) / 'sweep.html'}")
    return command.FINISHED


if __name__ == "__main__":
    flags.DEFINE_multi_string("over", [], "section.field=a,b,c; may be repeated: all combinations")
    flags.DEFINE_multi_string("set", [], "override of all runs, section.field=value; repeatable")
    flags.DEFINE_string("records", None, "folder of the records", required=True)
    flags.DEFINE_string("out", None, "folder of runs, scores and the page", required=True)
    flags.DEFINE_string("split", "test", "whose tracks are scored")
    flags.DEFINE_string("checkpoint", "best", "of each run: best, latest or a number of steps")
    command.run(main, takes_files=True)
