"""Trains networks on the same records for a fixed number of steps, and scores them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rows import Rows
from benchmarks.trained.commands import evaluate, run, settings
from benchmarks.trained.results import Result, results_of
from evaluation.scores.table import MODEL, Row

# Without these a Wave-U-Net may run into the ends of its tanh, from where nothing leads back.
CAREFUL = ("train.learning_rate=5e-4", "train.warmup_steps=100", "train.clip_norm=0.1")


@dataclass(frozen=True)
class Network:
    """Is a network that learns."""

    name: str
    experiment: str
    overrides: Sequence[str]
    # As many as take the minutes that the benchmark names, as --dry_run says.
    num_steps: int


@dataclass(frozen=True)
class Trainings:
    """Is what networks learn from, and the folder in which they do.

    The last checkpoint of each is scored: nothing is chosen by validation.
    """

    # Of the benchmark; its rows are in rows.jsonl.
    out: Path
    # How rows call these records.
    split: str
    records: Path
    # Which of their tracks are scored.
    scored: str
    # Overrides of every network.
    shared: Sequence[str]
    networks: Sequence[Network]
    # Whose mean is scored too, if any.
    averaged: Sequence[Network] = ()

    @property
    def folder(self) -> Path:
        """Returns the folder of the runs."""
        return self.out / f"split-{self.split}"

    @property
    def mean(self) -> str:
        """Returns the name of the mean of networks."""
        return f"mean of {' and '.join(network.name for network in self.averaged)}"

    def overrides(self, network: Network, seed: int) -> list[str]:
        """Returns what a run of a network changes of its experiment."""
        steps = [f"train.steps={network.num_steps}", f"train.checkpoint_steps={network.num_steps}"]
        # Validation costs time, and has no say.
        steps.append("train.validation_steps=1000000")
        return [*self.shared, *network.overrides, f"train.seed={seed}", *steps]

    def workdir(self, network: Network, seed: int) -> Path:
        """Returns the folder of a run."""
        return self.folder / f"{network.name}-{seed}"

    def rows(self) -> list[Result]:
        """Returns the rows that are there."""
        return [row for row in self._all_rows.load() if row.split == self.split]

    def keep(self, results: Sequence[Result]) -> None:
        """Appends rows."""
        self._all_rows.keep(results)

    def knows(self, system: str, seed: int) -> bool:
        """Says whether there are rows of a system."""
        return self._all_rows.know(split=self.split, system=system, seed=seed)

    @property
    def _all_rows(self) -> Rows[Result]:
        """Returns those of all splits."""
        return Rows(self.out / "rows.jsonl", Result)

    def measure(self, seed: int) -> None:
        """Trains and scores what has no row yet."""
        for network in self.networks:
            if not self.knows(network.name, seed):
                self.keep(list(self._measure_network(network, seed)))
        if self.averaged and not self.knows(self.mean, seed):
            workdirs = [self.workdir(network, seed) for network in self.averaged]
            rows = self._evaluate(workdirs, f"mean-{seed}", "none")
            self.keep(results_of(rows, MODEL, self.mean, self.split, seed, 0.0))

    def _measure_network(self, network: Network, seed: int) -> Iterator[Result]:
        """Yields what a network reached, and for the first one what stands beside it."""
        workdir = self.workdir(network, seed)
        # It continues where it stopped, so that the seconds are those of a whole training only if
        # nothing interrupted it.
        secs = run(
            "trainer.task",
            f"--config={network.experiment}",
            f"--records={self.records}",
            f"--workdir={workdir}",
            *settings(*self.overrides(network, seed)),
        )
        is_first = not self.knows("silence", 0)
        rows = self._evaluate([workdir], workdir.name, "classical" if is_first else "none")
        if is_first:
            for system in sorted({row.system for row in rows} - {MODEL, "mixture"}):
                yield from results_of(rows, system, system, self.split, 0, 0.0)
        # Behind the others: without them, a row of the network would say that all is known.
        yield from results_of(rows, MODEL, network.name, self.split, seed, secs)

    def _evaluate(self, workdirs: Sequence[Path], name: str, baselines: str) -> list[Row]:
        out = self.folder / "scores" / name
        return evaluate(workdirs, self.records, self.scored, baselines, out)
