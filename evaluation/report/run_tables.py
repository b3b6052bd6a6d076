"""Makes the tables of a report on one run: every number is an aggregate of rows of scores.csv."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from configs import instruments
from data_prep.runtime.quantities import pluralized
from evaluation.document.parts import Cell, Column, Kind, Line, Role, Table
from evaluation.report.digest import Digest, aggregate_cell
from evaluation.report.metric_names import AGGREGATE_NAMES, METRIC_NAMES, V3, kind_of
from evaluation.scores.aggregates import AGGREGATES, Aggregate
from evaluation.scores.table import MODEL, STATUSES


def headline_table(digest: Digest) -> Table:
    """Makes the table of how far the model lies above the mixture, source by source.

    Where there are shares of bins, they stand in it with what the majority reaches.
    """
    improved = (MODEL, *digest.compared)
    levelled = (MODEL, "mixture")
    in_bins = digest.systems_with("bins") if digest.has_metric("bins") else []
    columns = [Column("Segments")]
    columns += [Column(system, "Improvement") for system in improved]
    columns += [Column(system, "SNR") for system in levelled]
    columns += [Column(system, METRIC_NAMES["bins"]) for system in in_bins]

    def cells(source: str | None) -> list[Cell]:
        improvements = [digest.improvement(source, system) for system in improved]
        levels = [digest.median("snr", source, system) for system in levelled]
        # All are over the segments that the first column counts.
        num_segments = improvements[0].n
        bare = [replace(cell, n=None) for cell in improvements + levels]
        # But for those of which every bin is silent.
        shares = [digest.median("bins", source, system) for system in in_bins]
        bare += [replace(cell, n=None) if cell.n == num_segments else cell for cell in shares]
        return [Cell(num_segments, "count"), *bare]

    return _by_source("above", columns, digest, cells)


def metric_table(key: str, titles: Mapping[str, str], digest: Digest) -> Table | None:
    """Makes the table of medians of metrics by source; None where the rows have none of them.

    Args:
        key: names the table in the page.
        titles: the metrics, each with the head of its columns.
        digest: of the rows by source.
    """
    systems = digest.systems
    if not any(digest.summary(None, system).together.keys() & titles for system in systems):
        return None
    # A column for every metric and system that there is.
    shown = [(metric, system) for metric in titles for system in digest.systems_with(metric)]
    columns = [Column("Segments")]
    columns += [Column(system, titles[metric]) for metric, system in shown]

    def cells(source: str | None) -> list[Cell]:
        medians = [digest.median(metric, source, system) for metric, system in shown]
        return with_common_n(medians)

    return _by_source(key, columns, digest, cells)


def polyphony_table(digest: Digest) -> Table:
    """Makes the table of what becomes of the scores when more sources sound at once.

    Args:
        digest: of the rows by polyphony.
    """
    columns = [Column("Segments"), Column("Improvement")]
    columns += [Column(system, "SNR") for system in (MODEL, "mixture")]
    columns += [Column(title) for title in V3.values()]
    columns.append(Column("Leakage"))

    def cells(polyphony: int) -> list[Cell]:
        improvement = digest.improvement(polyphony)
        levels = [
            digest.median("snr", polyphony, system, every=True) for system in (MODEL, "mixture")
        ]
        medians = [_plain(digest.median(metric, polyphony, every=True)) for metric in V3]
        # Leakage is of other segments, of the sources that do not sound: its n is its own.
        leakage = _plain(digest.median("leakage", polyphony, every=True))
        return [*with_common_n([improvement, *levels, *medians]), leakage]

    # Where nothing sounds, and where museval scores nothing, there are no metrics.
    polyphonies = [group for group in digest.groups if group and digest.summary(group).metrics]
    lines = [Line(pluralized(group, "source"), cells(group)) for group in polyphonies]
    return Table("polyphony", "Sounding at once", columns, [lines])


def aggregate_table(digest: Digest) -> Table:
    """Makes the table of the four aggregates of every metric and system that has finite values."""
    columns = [Column(title) for title in ("Segments", "Tracks", *AGGREGATE_NAMES.values())]
    bodies = []
    for metric, title in METRIC_NAMES.items():
        body = []
        for system in digest.systems_with(metric):
            aggregate = digest.summary(None, system).together.get(metric)
            # The model is in every metric's list of systems, with values or without.
            if aggregate:
                role: Role = "" if system == MODEL else "base"
                body.append(Line(title, _four_ways(aggregate, role, kind_of(metric)), system))
        if body:
            bodies.append(body)
    return Table("aggregates", "Metric", columns, bodies)


def _four_ways(aggregate: Aggregate, role: Role, kind: Kind) -> list[Cell]:
    return [
        Cell(aggregate.num_values, "count"),
        Cell(aggregate.num_tracks, "count"),
        *(aggregate_cell(aggregate, name, role, kind) for name in AGGREGATES),
    ]


def status_table(digest: Digest) -> Table:
    """Makes the table of what was scored, what was not, and what leaks where nothing sounds."""
    statuses = [status.replace("_", " ") for status in STATUSES]
    columns = [Column(title) for title in ("Segments", *statuses, "Leakage")]

    def cells(source: str | None) -> list[Cell]:
        summary = digest.summary(source)
        counts = [
            Cell(round(share * summary.num_rows), "count", share=share)
            for share in summary.shares.values()
        ]
        leakage = _plain(digest.median("leakage", source, every=True))
        return [Cell(summary.num_rows, "count"), *counts, leakage]

    return _by_source("statuses", columns, digest, cells, with_silent=True)


def status_words(shares: Mapping[str, float]) -> str:
    """Returns the share of each status that there is, in words."""
    present = {status: share for status, share in shares.items() if share}
    return ", ".join(f"{status.replace('_', ' ')} {share:.1%}" for status, share in present.items())


def track_table(digest: Digest) -> Table:
    """Makes a table with a line per track, best improvement first, those without one last.

    Args:
        digest: of the rows by track.
    """
    columns = [Column(title) for title in ("Segments", "Improvement", "SNR", *V3.values())]
    improvement_column = 1

    def cells(track: str) -> list[Cell]:
        medians = [_plain(digest.median(metric, track)) for metric in ("snr", *V3)]
        return with_common_n([digest.improvement(track), *medians])

    def improvement_of(line: Line) -> float:
        value = line.cells[improvement_column].value
        if isinstance(value, float):
            return value
        return -math.inf

    lines = [Line(track, cells(track)) for track in digest.groups]
    lines.sort(key=improvement_of, reverse=True)
    return Table("tracks", "Track", columns, [lines])


def _plain(cell: Cell) -> Cell:
    """Returns a number as it stands beside the one to look at."""
    return replace(cell, role="")


def with_common_n(cells: Sequence[Cell]) -> list[Cell]:
    """Puts the number of segments before the cells, and takes it from each that has the same.

    Left are the numbers of cells that are made of fewer segments.
    """
    common = max(cell.n or 0 for cell in cells)
    others = [replace(cell, n=None) if cell.n == common else cell for cell in cells]
    return [Cell(common, "count"), *others]


def _by_source(
    key: str,
    columns: Sequence[Column],
    digest: Digest,
    cells: Callable[[str | None], list[Cell]],
    with_silent: bool = False,
) -> Table:
    """Makes a table with a line per source and a total.

    Args:
        key: names the table in the page.
        columns: of the table.
        digest: of the rows by source.
        cells: makes those of a source; of None, those of all sources.
        with_silent: whether sources with nothing to score have a line, too.
    """
    sources = digest.groups if with_silent else digest.sounding_groups()
    lines = [source_line(source, cells(source)) for source in sources]
    total = [Line("All sources", cells(None))]
    return Table(key, "Source", columns, [lines, total], has_total=True)


def source_line(source: str, cells: Sequence[Cell]) -> Line:
    """Makes a line that begins with the name of an instrument.

    Its label stands beside it where that is another word.
    """
    name = instruments.name_of(source)
    if name == source:
        return Line(name, cells)
    return Line(name, cells, label=source)
