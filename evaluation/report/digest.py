"""Sums up the rows of a run: every aggregate that a report on it prints."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from evaluation.classical.names import ROWS
from evaluation.document.parts import Cell, Kind, Role
from evaluation.estimates.oracles import ORACLES
from evaluation.report.metric_names import kind_of, says_something
from evaluation.scores import bootstrap
from evaluation.scores.aggregates import Aggregate, By, Summary, majority_rows, summarise
from evaluation.scores.improvement import Improvement, improvement
from evaluation.scores.table import BASELINES, CONSTANT_GAIN, MAJORITY, MODEL, Row


class Digest:
    """Holds the aggregates of rows by group: a source, a polyphony or a track; None is all rows.

    Those of the model have intervals, but where the groups are tracks: one track has none.
    """

    def __init__(self, rows: Sequence[Row], by: By = "source") -> None:
        present = dict.fromkeys(row.system for row in rows)
        # The model first, then what every run is set beside, then all others as they come.
        in_order = dict.fromkeys((MODEL, *BASELINES, *present))
        self.systems = [name for name in in_order if name in present]
        # These bound what a model can reach: doing nothing, next to nothing, what needs no network,
        # and what knows the sources.
        bounds = ("silence", CONSTANT_GAIN, *ROWS, *ORACLES)
        self.compared = [name for name in bounds if name in present]
        self._summaries: dict[tuple[str, Any], Summary] = {}
        self._improvements: dict[tuple[str, Any], Improvement] = {}
        mixture = [row for row in rows if row.system == "mixture"]
        for system in self.systems:
            own = [row for row in rows if row.system == system]
            resamples = 0
            if system == MODEL and by != "track":
                resamples = bootstrap.RESAMPLES
            for summary in summarise(own, by, resamples):
                self._summaries[system, getattr(summary, by)] = summary
            if system in (MODEL, *self.compared):
                for found in improvement(own + mixture, system, by, resamples):
                    self._improvements[system, getattr(found, by)] = found
        # It is no system that was scored, and stands beside shares of bins alone.
        for summary in summarise(majority_rows(rows), by):
            self._summaries[MAJORITY, getattr(summary, by)] = summary
        keys = [group for system, group in self._summaries if system == MODEL]
        self.groups = [group for group in keys if group is not None]

    def summary(self, group: Any = None, system: str = MODEL) -> Summary:
        """Returns the summary of the rows of a system, or of one of its groups."""
        return self._summaries[system, group]

    def improvement(self, group: Any = None, system: str = MODEL) -> Cell:
        """Returns the median improvement over the mixture."""
        role = _role_of(system)
        found = self._improvements.get((system, group))
        if found is None:
            return Cell(None, "signed_db", n=0, role=role)
        return Cell(
            found.median_db, "signed_db", n=found.num_rows, interval=found.interval, role=role
        )

    def not_above(self, rival: str) -> list[Any]:
        """Returns the groups in which the model's improvement is not above that of another system.

        Groups in which either has none are not among them.
        """
        found = []
        for group in self.groups:
            own = self.improvement(group).value
            other = self.improvement(group, rival).value
            if isinstance(own, float) and isinstance(other, float) and own <= other:
                found.append(group)
        return found

    def has_metric(self, metric: str) -> bool:
        """Returns whether the model has a finite value of a metric where sources sound together."""
        return metric in self._summaries[MODEL, None].together

    def sounding_groups(self) -> list[Any]:
        """Returns the groups in which anything sounds together with another source."""
        metrics = {group: self._summaries[MODEL, group].together.keys() for group in self.groups}
        # Leakage is of sources that do not sound, so it alone tells of none that does.
        return [group for group in self.groups if metrics[group] - {"leakage"}]

    def num_left_out(self) -> int:
        """Returns the number of active rows that the improvement leaves out."""
        return self._improvements[MODEL, None].num_left_out

    def num_tracks(self) -> int:
        """Returns the number of tracks behind the improvement."""
        return self._improvements[MODEL, None].num_tracks

    def median(
        self, metric: str, group: Any = None, system: str = MODEL, every: bool = False
    ) -> Cell:
        """Returns the median of segments.

        Args:
            metric: the column of the scores.
            group: the source, polyphony or track, None for all rows.
            system: the model, or what it is set beside, the majority too.
            every: whether segments of a source that sounds alone count too.
        """
        role = _role_of(system)
        # Not every system has rows of every group.
        summary = self._summaries.get((system, group))
        if summary is None:
            return Cell(None, n=0, role=role)
        aggregates = summary.metrics if every else summary.together
        if metric not in aggregates:
            return Cell(None, n=0, role=role)
        return median_cell(aggregates[metric], role, kind_of(metric))

    def printed_median(self, metric: str, system: str, group: Any) -> float | None:
        """Returns the median that a figure marks: that which the tables print."""
        if metric == "snri":
            cell = self.improvement(group, system)
        else:
            cell = self.median(metric, group, system)
        return cell.value if isinstance(cell.value, float) else None

    def systems_with(self, metric: str) -> list[str]:
        """Returns the model, and every other system that has something to say in a metric.

        Beside shares of bins that is the majority.
        """
        hidden: set[str] = set()
        # Of oracles and of what needs no network the SDR says enough; more columns would make the
        # table too wide to read.
        if metric != "sdr":
            hidden.update((*ROWS, *ORACLES))
        shown = [MODEL]
        for name in self.systems:
            has_values = metric in self._summaries[name, None].together
            is_shown = name not in hidden and says_something(metric, name)
            if name != MODEL and is_shown and has_values:
                shown.append(name)
        if metric == "bins" and self.has_metric(metric):
            shown.append(MAJORITY)
        return shown


def _role_of(system: str) -> Role:
    if system == MODEL:
        return "key"
    return "base"


def aggregate_cell(aggregate: Aggregate, name: str, role: Role, kind: Kind) -> Cell:
    """Returns one of the four aggregates of a metric, with its interval where it has one."""
    intervals = aggregate.intervals or {}
    return Cell(getattr(aggregate, name), kind, interval=intervals.get(name), role=role)


def median_cell(aggregate: Aggregate, role: Role, kind: Kind) -> Cell:
    """Returns the median of segments with its interval and the number of segments."""
    cell = aggregate_cell(aggregate, "median_of_segments", role, kind)
    return replace(cell, n=aggregate.num_values)
