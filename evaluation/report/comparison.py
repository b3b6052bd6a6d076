"""The runs of a comparison, side by side on the tracks and sources that all of them have."""

from collections.abc import Collection, Sequence
from pathlib import PurePath

from evaluation.document.parts import Role
from evaluation.report.run_tables import METRIC_NAMES, is_again
from evaluation.scores import bootstrap
from evaluation.scores.aggregates import Summary, summarise
from evaluation.scores.saved import MODEL, ScoredRun
from evaluation.scores.table import BASELINES, Row


def short_names(names: Sequence[str]) -> list[str]:
    """Paths without the parts that all of them have: runs/film/evaluation/9-test, runs/none/... -> film, none."""
    parts = [PurePath(name).parts for name in names]
    shared = set.intersection(*map(set, parts))
    short = ["/".join(part for part in each if part not in shared) for each in parts]
    return short if all(short) and len(set(short)) == len(short) else list(names)


class ComparedRuns:
    """The runs that are compared, under short names; ``sources`` empty for all of them."""

    def __init__(
        self, runs: Sequence[ScoredRun], tracks: Collection[str], sources: Collection[str] = ()
    ) -> None:
        self.names = dict(
            zip([run.name for run in runs], short_names([run.name for run in runs]), strict=True)
        )
        self.runs = {self.names[run.name]: run for run in runs}
        self.rows = {
            name: [
                row
                for row in run.rows
                if row.track in tracks and (not sources or row.source in sources)
            ]
            for name, run in self.runs.items()
        }
        self.reference = next(iter(self.runs))
        self.sources = list(dict.fromkeys(row.source for row in self.rows[self.reference]))
        # The model of each run, then what the reference was set beside.
        self.systems: dict[str, list[Row]] = {
            name: _of(rows, MODEL) for name, rows in self.rows.items()
        }
        there = dict.fromkeys(
            row.system for row in self.rows[self.reference] if row.system != MODEL
        )
        beside = [system for system in dict.fromkeys((*BASELINES, *there)) if system in there]
        self.systems |= {system: _of(self.rows[self.reference], system) for system in beside}
        self.summaries: dict[str, Summary] = {
            name: summarise(rows, resamples=bootstrap.RESAMPLES if name in self.runs else 0)[0]
            for name, rows in self.systems.items()
        }

    @property
    def metrics(self) -> list[str]:
        """The metrics that any run has values of, but for what is another one again."""
        there = [
            metric
            for metric in METRIC_NAMES
            if any(metric in self.summaries[name].together for name in self.runs)
        ]
        return [
            metric
            for metric in there
            if not is_again([row for each in self.rows.values() for row in each], metric)
        ]

    def role(self, name: str) -> Role:
        """Runs stand out from what they are set beside."""
        return "" if name in self.runs else "base"


def _of(rows: Sequence[Row], system: str) -> list[Row]:
    return [row for row in rows if row.system == system]
