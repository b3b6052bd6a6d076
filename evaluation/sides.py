"""The runs of a comparison, side by side on the tracks and sources that all of them have."""

from collections.abc import Collection, Sequence
from pathlib import PurePath
from typing import Any

import configs
from evaluation import bootstrap
from evaluation.aggregates import Summary, summarise
from evaluation.document import Cell, Column, Line, Role, Table
from evaluation.runs import MODEL, Run
from evaluation.scores import BASELINES, Row


def short_names(names: Sequence[str]) -> list[str]:
    """Paths without the parts that all of them have: runs/film/evaluation/9-test, runs/none/... -> film, none."""
    parts = [PurePath(name).parts for name in names]
    shared = set.intersection(*map(set, parts))
    short = ["/".join(part for part in each if part not in shared) for each in parts]
    return short if all(short) and len(set(short)) == len(short) else list(names)


class Sides:
    """The runs that are compared, under short names; ``sources`` empty for all of them."""

    def __init__(self, runs: Sequence[Run], tracks: Collection[str], sources: Collection[str] = ()) -> None:
        self.names = dict(zip([run.name for run in runs], short_names([run.name for run in runs]), strict=True))
        self.runs = {self.names[run.name]: run for run in runs}
        self.rows = {
            name: [row for row in run.rows if row.track in tracks and (not sources or row.source in sources)]
            for name, run in self.runs.items()
        }
        self.reference = next(iter(self.runs))
        self.sources = list(dict.fromkeys(row.source for row in self.rows[self.reference]))
        # The model of each run, then what the reference was set beside.
        self.systems: dict[str, list[Row]] = {name: _of(rows, MODEL) for name, rows in self.rows.items()}
        there = dict.fromkeys(row.system for row in self.rows[self.reference] if row.system != MODEL)
        beside = [system for system in dict.fromkeys((*BASELINES, *there)) if system in there]
        self.systems |= {system: _of(self.rows[self.reference], system) for system in beside}
        self.summaries: dict[str, Summary] = {
            name: summarise(rows, resamples=bootstrap.RESAMPLES if name in self.runs else 0)[0]
            for name, rows in self.systems.items()
        }

    def role(self, name: str) -> Role:
        """Runs stand out from what they are set beside."""
        return "" if name in self.runs else "base"


def _of(rows: Sequence[Row], system: str) -> list[Row]:
    return [row for row in rows if row.system == system]


def config_table(sides: Sides) -> Table | None:
    """The fields in which configs differ; None where they do not, or where a run has none."""
    found = {
        name: configs.from_json(run.about["config_json"])
        for name, run in sides.runs.items()
        if "config_json" in run.about
    }
    if len(found) < len(sides.runs):
        return None
    reference = found[sides.reference]
    values: dict[str, dict[str, Any]] = {}
    for name, config in found.items():
        for key, (ours, theirs) in configs.differences(reference, config).items():
            values.setdefault(key, dict.fromkeys(found, ours))[name] = theirs
    lines = [Line(key, [Cell(str(each), "text") for each in by_run.values()]) for key, by_run in values.items()]
    columns = [Column(name, is_text=True) for name in found]
    return Table("configs", "Field", columns, [lines]) if lines else None
