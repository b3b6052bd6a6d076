"""The tables of a comparison of runs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import configs
from evaluation.document.parts import Cell, Column, Line, Table, count
from evaluation.report.comparison import ComparedRuns
from evaluation.report.run_tables import (
    AGGREGATE_NAMES,
    METRIC_NAMES,
    NOT_OF_MIXTURE,
    counted,
    source_line,
)
from evaluation.scores.aggregates import AGGREGATES, By, summarise
from evaluation.scores.bootstrap import Interval
from evaluation.scores.paired import Comparison, Difference

DECIMALS = 2  # of differences, which are small


def difference_table(sides: ComparedRuns, comparisons: Sequence[Comparison]) -> Table:
    """Each run minus the reference over all sources, metric by metric; the first comparison alone is tested."""
    columns = [Column(title) for title in ("Difference", "Tracks", "Higher in", "p", "Holm")]
    bodies = []
    for comparison in comparisons:
        overall = [each for each in comparison.differences if each.source is None]
        tested = comparison is comparisons[0]
        bodies.append([_difference(sides, comparison.metric, each, tested) for each in overall])
    return Table("differences", "Metric", columns, bodies)


def _difference(sides: ComparedRuns, metric: str, each: Difference, tested: bool) -> Line:
    cells = [
        Cell(
            each.median_db,
            "gain",
            interval=each.interval,
            role="key" if tested else "",
            decimals=DECIMALS,
        ),
        Cell(each.num_tracks, "count"),
        Cell(each.num_higher, "count"),
        Cell(each.p_value if tested else None, "p"),
        Cell(each.p_holm if tested else None, "p"),
    ]
    return Line(METRIC_NAMES[metric], cells, sides.names[each.run])


def source_table(sides: ComparedRuns, main: Comparison) -> Table:
    """Each run minus the reference, source by source."""
    found = {(each.source, sides.names[each.run]): each for each in main.differences}
    sources = [
        source for source in sides.sources if any((source, name) in found for name in sides.runs)
    ]
    others = list(sides.runs)[1:]
    lines = [
        source_line(source, [_of_source(found.get((source, name))) for name in others])
        for source in sources
    ]
    return Table("by-source", "Source", [Column(name) for name in others], [lines])


def _of_source(each: Difference | None) -> Cell:
    if each is None or each.median_db is None:
        return Cell(None)
    return Cell(each.median_db, "gain", each.num_tracks, interval=each.interval, decimals=DECIMALS)


def score_table(sides: ComparedRuns) -> Table:
    """The median of segments of every metric, of the runs and of what the reference was set beside."""
    metrics = sides.metrics
    bodies: list[list[Line]] = [[], []]
    for name, summary in sides.summaries.items():
        hidden = NOT_OF_MIXTURE if name == "mixture" else ()
        cells = []
        for metric in metrics:
            found = summary.together.get(metric) if metric not in hidden else None
            value, n = (found.median_of_segments, found.num_values) if found else (None, None)
            cells.append(
                Cell(
                    value,
                    n=n,
                    interval=_of_median(found.intervals if found else None),
                    role=sides.role(name),
                )
            )
        bodies[name not in sides.runs].append(Line(name, counted(cells)))
    columns = [Column("Segments"), *(Column(METRIC_NAMES[metric]) for metric in metrics)]
    return Table("scores", "Run", columns, [body for body in bodies if body])


def _of_median(intervals: Mapping[str, Interval] | None) -> Interval | None:
    return intervals["median_of_segments"] if intervals else None


def aggregate_table(sides: ComparedRuns, metric: str) -> Table:
    """A metric summed up in four ways."""
    columns = [Column("Segments"), *map(Column, AGGREGATE_NAMES.values())]
    lines = []
    for name, summary in sides.summaries.items():
        found = summary.together.get(metric)
        if found:
            intervals = found.intervals or {}
            four = [
                Cell(getattr(found, key), interval=intervals.get(key), role=sides.role(name))
                for key in AGGREGATES
            ]
            lines.append(Line(name, [Cell(found.num_values, "count"), *four]))
    return Table("aggregates", "Run", columns, [lines])


def polyphony_table(sides: ComparedRuns, metric: str) -> Table:
    """The median of a metric in every run, by how many sources sound at once."""
    return _grouped(
        sides, metric, "polyphony", "Sounding at once", lambda number: count(number, "source")
    )


def track_table(sides: ComparedRuns, metric: str) -> Table:
    """The median of a metric in every run, track by track."""
    return _grouped(sides, metric, "track", "Track", str)


def _grouped(
    sides: ComparedRuns, metric: str, by: By, names: str, name_of: Callable[[Any], str]
) -> Table:
    found: dict[Any, dict[str, Cell]] = {}
    for name in sides.runs:
        for each in summarise(sides.systems[name], by):
            group, aggregate = getattr(each, by), each.together.get(metric)
            if group is not None and aggregate:
                cell = Cell(aggregate.median_of_segments, n=aggregate.num_values)
                found.setdefault(group, {})[name] = cell
    lines = [
        Line(name_of(group), [cells.get(name, Cell(None)) for name in sides.runs])
        for group, cells in found.items()
    ]
    return Table(by, names, [Column(name) for name in sides.runs], [lines])


def config_table(sides: ComparedRuns) -> Table | None:
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
    lines = [
        Line(key, [Cell(str(each), "text") for each in by_run.values()])
        for key, by_run in values.items()
    ]
    columns = [Column(name, is_text=True) for name in found]
    return Table("configs", "Field", columns, [lines]) if lines else None
