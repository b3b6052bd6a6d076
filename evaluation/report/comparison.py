"""Brings runs onto the tracks and sources that all of them have, to stand side by side."""

from collections.abc import Collection, Sequence
from pathlib import PurePath

from evaluation.document.parts import Role
from evaluation.report.metric_names import METRIC_NAMES, repeats_version_3
from evaluation.scores import bootstrap
from evaluation.scores.aggregates import Summary, majority_rows, summarise
from evaluation.scores.saved import ScoredRun
from evaluation.scores.table import BASELINES, MAJORITY, MODEL, Row


def short_names(names: Sequence[str]) -> list[str]:
    """Returns paths without the parts that all of them have.

    Of runs/film/evaluation/9-test and runs/none/evaluation/9-test, film and none are left. Where
    that leaves nothing of a path, or two the same, the paths stay as they are.
    """
    parts = [PurePath(name).parts for name in names]
    shared = set.intersection(*map(set, parts))
    short = ["/".join(part for part in path if part not in shared) for path in parts]
    if not all(short) or len(set(short)) < len(short):
        return list(names)
    return short


class ComparedRuns:
    """Holds runs under short names, and what is computed of each; the first is the reference."""

    def __init__(
        self, runs: Sequence[ScoredRun], tracks: Collection[str], sources: Collection[str] = ()
    ) -> None:
        """Takes the rows of some tracks and sources.

        Args:
            runs: the reference first.
            tracks: those that all runs have.
            sources: those to compare, empty for all.
        """
        names = [run.name for run in runs]
        # All that follows is by short name, or by the name of a system of the reference, which
        # a run in a folder called "silence" must not pass for.
        systems = {MAJORITY, *(row.system for row in runs[0].rows)} - {MODEL}
        short = [f"run {name}" if name in systems else name for name in short_names(names)]
        self.short_name_of = dict(zip(names, short, strict=True))
        self.runs = {self.short_name_of[run.name]: run for run in runs}
        self.rows = {name: _restrict(run.rows, tracks, sources) for name, run in self.runs.items()}
        self.reference = next(iter(self.runs))
        reference_rows = self.rows[self.reference]
        self.sources = list(dict.fromkeys(row.source for row in reference_rows))
        # The model of each run, then what the reference was set beside.
        self.systems = {name: _rows_of(rows, MODEL) for name, rows in self.rows.items()}
        present = dict.fromkeys(row.system for row in reference_rows)
        for system in dict.fromkeys((*BASELINES, *present)):
            if system in present and system != MODEL:
                self.systems[system] = _rows_of(reference_rows, system)
        majority = majority_rows(reference_rows)
        if majority:
            self.systems[MAJORITY] = majority
        self.summaries: dict[str, Summary] = {}
        for name, rows in self.systems.items():
            resamples = bootstrap.RESAMPLES if name in self.runs else 0
            # The first summary is that of all rows, sources pooled.
            self.summaries[name] = summarise(rows, resamples=resamples)[0]

    @property
    def metrics(self) -> list[str]:
        """Returns the metrics that any run has values of, but for those that repeat others."""
        rows = [row for own in self.rows.values() for row in own]
        summaries = [self.summaries[name] for name in self.runs]
        present = [
            metric
            for metric in METRIC_NAMES
            if any(metric in summary.together for summary in summaries)
        ]
        return [metric for metric in present if not repeats_version_3(rows, metric)]

    def beside_runs(self, metric: str) -> list[str]:
        """Returns the runs, and the majority where it must stand beside their shares of bins."""
        if metric == "bins" and MAJORITY in self.systems:
            return [*self.runs, MAJORITY]
        return list(self.runs)

    def role(self, name: str) -> Role:
        """Returns how numbers of a run or a system are shown: runs stand out from the others."""
        if name in self.runs:
            return ""
        return "base"


def _restrict(rows: Sequence[Row], tracks: Collection[str], sources: Collection[str]) -> list[Row]:
    own = [row for row in rows if row.track in tracks]
    return [row for row in own if not sources or row.source in sources]


def _rows_of(rows: Sequence[Row], system: str) -> list[Row]:
    return [row for row in rows if row.system == system]
