"""Makes the tables of a comparison of runs."""

from collections.abc import Callable, Sequence
from typing import Any

import configs
from configs.reading import parse_object
from data_prep.runtime.quantities import pluralized
from evaluation.document.parts import Cell, Column, Line, Role, Table
from evaluation.report.comparison import ComparedRuns
from evaluation.report.digest import aggregate_cell, median_cell
from evaluation.report.metric_names import (
    AGGREGATE_NAMES,
    METRIC_NAMES,
    difference_kind_of,
    kind_of,
    says_something,
)
from evaluation.report.run_tables import source_line, with_common_n
from evaluation.scores.aggregates import AGGREGATES, By, summarise
from evaluation.scores.paired import Comparison, Difference
from evaluation.scores.saved import ScoredRun

# Of differences, which are small.
DECIMALS = 2


def difference_table(compared: ComparedRuns, comparisons: Sequence[Comparison]) -> Table:
    """Makes the table of each run minus the reference over all sources, metric by metric.

    Args:
        compared: the runs.
        comparisons: of these runs, one for each metric; the first alone is tested.
    """
    columns = [Column(title) for title in ("Difference", "Tracks", "Higher in", "p", "Holm")]
    bodies = []
    for comparison in comparisons:
        is_tested = comparison is comparisons[0]
        body = []
        for difference in comparison.differences:
            if difference.source is None:
                cells = _difference_cells(difference, comparison.metric, is_tested)
                run = compared.short_name_of[difference.run]
                body.append(Line(METRIC_NAMES[comparison.metric], cells, run))
        bodies.append(body)
    return Table("differences", "Metric", columns, bodies)


def _difference_cells(difference: Difference, metric: str, is_tested: bool) -> list[Cell]:
    role: Role = "key" if is_tested else ""
    median = Cell(
        difference.median,
        difference_kind_of(metric),
        interval=difference.interval,
        role=role,
        decimals=DECIMALS,
    )
    p_values = [Cell(None, "p"), Cell(None, "p")]
    if is_tested:
        p_values = [Cell(difference.p_value, "p"), Cell(difference.p_holm, "p")]
    num_tracks = Cell(difference.num_tracks, "count")
    num_higher = Cell(difference.num_higher, "count")
    return [median, num_tracks, num_higher, *p_values]


def source_table(compared: ComparedRuns, main: Comparison) -> Table:
    """Makes the table of each run minus the reference, source by source."""
    cells = {
        (difference.source, compared.short_name_of[difference.run]): _source_cell(
            difference, main.metric
        )
        for difference in main.differences
    }
    _, *others = compared.runs
    lines = []
    for source in compared.sources:
        if any((source, name) in cells for name in others):
            row = [cells.get((source, name), Cell(None)) for name in others]
            lines.append(source_line(source, row))
    return Table("by-source", "Source", [Column(name) for name in others], [lines])


def _source_cell(difference: Difference, metric: str) -> Cell:
    if difference.median is None:
        return Cell(None)
    return Cell(
        difference.median,
        difference_kind_of(metric),
        n=difference.num_tracks,
        interval=difference.interval,
        decimals=DECIMALS,
    )


def score_table(compared: ComparedRuns) -> Table:
    """Makes the table of medians of every metric, of runs and what the reference has beside."""
    metrics = compared.metrics
    of_runs: list[Line] = []
    of_others: list[Line] = []
    for name, summary in compared.summaries.items():
        role = compared.role(name)
        cells = []
        for metric in metrics:
            is_shown = name in compared.runs or says_something(metric, name)
            cell = Cell(None, role=role)
            if metric in summary.together and is_shown:
                cell = median_cell(summary.together[metric], role, kind_of(metric))
            cells.append(cell)
        line = Line(name, with_common_n(cells))
        if name in compared.runs:
            of_runs.append(line)
        else:
            of_others.append(line)
    columns = [Column("Segments"), *(Column(METRIC_NAMES[metric]) for metric in metrics)]
    return Table("scores", "Run", columns, [body for body in (of_runs, of_others) if body])


def aggregate_table(compared: ComparedRuns, metric: str) -> Table:
    """Makes the table of a metric summed up in four ways."""
    columns = [Column(title) for title in ("Segments", *AGGREGATE_NAMES.values())]
    lines = []
    for name, summary in compared.summaries.items():
        aggregate = summary.together.get(metric)
        if aggregate:
            role = compared.role(name)
            four_ways = [
                aggregate_cell(aggregate, key, role, kind_of(metric)) for key in AGGREGATES
            ]
            lines.append(Line(name, [Cell(aggregate.num_values, "count"), *four_ways]))
    return Table("aggregates", "Run", columns, [lines])


def polyphony_table(compared: ComparedRuns, metric: str) -> Table:
    """Makes the table of medians of a metric by how many sources sound at once."""
    return _by_group(
        compared,
        metric,
        by="polyphony",
        names="Sounding at once",
        name_of=lambda number: pluralized(number, "source"),
    )


def track_table(compared: ComparedRuns, metric: str) -> Table:
    """Makes the table of medians of a metric, track by track."""
    return _by_group(compared, metric, by="track", names="Track", name_of=str)


def _by_group(
    compared: ComparedRuns, metric: str, by: By, names: str, name_of: Callable[[Any], str]
) -> Table:
    """Makes a table with a line per group of rows and a column per run, and of the majority."""
    shown = compared.beside_runs(metric)
    cells: dict[Any, dict[str, Cell]] = {}
    for name in shown:
        role = compared.role(name)
        for summary in summarise(compared.systems[name], by):
            group = getattr(summary, by)
            # None is the summary of all rows, which other tables have.
            if group is not None and metric in summary.together:
                # Without resamples there is no interval.
                cell = median_cell(summary.together[metric], role, kind_of(metric))
                cells.setdefault(group, {})[name] = cell
    lines = [
        Line(name_of(group), [by_run.get(name, Cell(None)) for name in shown])
        for group, by_run in cells.items()
    ]
    return Table(by, names, [Column(name) for name in shown], [lines])


def config_table(compared: ComparedRuns) -> Table | None:
    """Makes the table of fields in which configs differ.

    Returns:
        None where no field differs, or where a run came without its config.
    """
    found = {name: _config_of(run) for name, run in compared.runs.items()}
    known = {name: config for name, config in found.items() if config is not None}
    if len(known) < len(found):
        return None
    reference = known[compared.reference]
    fields: dict[str, dict[str, Any]] = {}
    for name, config in known.items():
        for key, (ours, theirs) in configs.differences(reference, config).items():
            # A run that differs in no such field has the value of the reference.
            fields.setdefault(key, dict.fromkeys(known, ours))[name] = theirs
    if not fields:
        return None
    lines = []
    for key, by_run in fields.items():
        lines.append(Line(key, [Cell(str(value), "text") for value in by_run.values()]))
    columns = [Column(name, is_text=True) for name in known]
    return Table("configs", "Field", columns, [lines])


def _config_of(run: ScoredRun) -> configs.Config | None:
    """Returns the config of a run; None where it came without one.

    Files that some other system wrote have none: their scores say how they were scored alone.
    """
    if "config_json" not in run.about:
        return None
    try:
        values = parse_object(run.about["config_json"], "the text")
        if values.keys() == {"evaluation"}:
            return None
        return configs.from_values(values)
    except ValueError as error:
        raise ValueError(f"the config in the scores.json of {run.name}: {error}") from error
