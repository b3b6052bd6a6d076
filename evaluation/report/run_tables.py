"""The tables of a report on one run: every number is an aggregate of the rows of scores.csv."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from configs import instruments
from evaluation.document.parts import Cell, Column, Line, Role, Table, count
from evaluation.estimates import oracles
from evaluation.scores import bootstrap
from evaluation.scores.aggregates import AGGREGATES, Aggregate, By, Summary, summarise
from evaluation.scores.improvement import Improvement, improvement
from evaluation.scores.table import BASELINES, STATUSES, Row

MODEL = "model"
V3 = {"sdr": "SDR", "sir": "SIR", "sar": "SAR", "si_sdr": "SI-SDR"}
V4 = {
    "snr": "SDR",
    "isr": "ISR",
    "sir_v4": "SIR",
    "sar_v4": "SAR",
}  # of version 4, where the SDR is the SNR
AGGREGATE_NAMES = {
    "median_of_track_medians": "Median of track medians",
    "median_of_segments": "Median of segments",
    "mean_of_track_medians": "Mean of track medians",
    "mean_of_segments": "Mean of segments",
}
METRIC_NAMES = (
    {"snri": "SNR improvement"}
    | V3
    | {"snr": "SNR", "isr": "ISR", "sir_v4": "SIR v4", "sar_v4": "SAR v4"}
)
NOT_OF_MIXTURE = {
    "sar",
    "sar_v4",
    "snri",
}  # it is a sum of the sources, without artefacts, and 0 dB above itself

_VERSION_3 = {"sir_v4": "sir", "sar_v4": "sar"}

Groups = dict[Any, Summary]  # by source, polyphony or track; None: all rows


def is_again(rows: Sequence[Row], metric: str) -> bool:
    """Whether a metric is another one again: with one channel, SIR and SAR of version 4 are those of version 3."""
    same = _VERSION_3.get(metric)
    return same is not None and all(getattr(row, metric) == getattr(row, same) for row in rows)


class Digest:
    """The aggregates of a table of rows, those of the model with intervals."""

    def __init__(self, rows: Sequence[Row], by: By = "source") -> None:
        present = dict.fromkeys(row.system for row in rows)
        self.systems = [
            name for name in dict.fromkeys((MODEL, *BASELINES, *present)) if name in present
        ]
        # What the improvement of the model is set beside: doing nothing, and what knows the sources.
        self.compared = [name for name in ("silence", *oracles.ORACLES) if name in present]
        self._summaries: dict[tuple[str, Any], Summary] = {}
        self._improvements: dict[tuple[str, Any], Improvement] = {}
        for system in self.systems:
            own = [row for row in rows if row.system == system]
            resamples = (
                bootstrap.RESAMPLES if system == MODEL and by != "track" else 0
            )  # one track has no interval
            self._summaries |= {
                (system, getattr(each, by)): each for each in summarise(own, by, resamples)
            }
            if system in (MODEL, *self.compared):
                beside = (
                    own
                    if system == "mixture"
                    else own + [row for row in rows if row.system == "mixture"]
                )
                found = improvement(beside, system, by, resamples)
                self._improvements |= {(system, getattr(each, by)): each for each in found}
        self.groups = [
            group for system, group in self._summaries if system == MODEL and group is not None
        ]

    def summary(self, group: Any = None, system: str = MODEL) -> Summary:
        """The rows of a system, or of one of its groups."""
        return self._summaries[system, group]

    def improvement(self, group: Any = None, system: str = MODEL) -> Cell:
        """The median improvement over the mixture."""
        found = self._improvements.get((system, group))
        role: Role = "key" if system == MODEL else "base"
        if not found:
            return Cell(None, "gain", 0, role=role)
        return Cell(found.median_db, "gain", found.num_rows, interval=found.interval, role=role)

    def has(self, metric: str) -> bool:
        """Whether the model has a finite value of a metric where sources sound together."""
        return metric in self._summaries[MODEL, None].together

    def sounding(self) -> list[Any]:
        """Those groups of which anything sounds together with another source."""
        return [
            group
            for group in self.groups
            if self._summaries[MODEL, group].together.keys() - {"leakage"}
        ]

    def num_left_out(self) -> int:
        """Active rows that the improvement leaves out."""
        return self._improvements[MODEL, None].num_left_out

    def num_tracks(self) -> int:
        """Tracks behind the improvement."""
        return self._improvements[MODEL, None].num_tracks

    def median(
        self, metric: str, group: Any = None, system: str = MODEL, every: bool = False
    ) -> Cell:
        """The median of segments: over those but of a lone source, or over every one."""
        summary = self._summaries.get((system, group))
        found = (summary.metrics if every else summary.together).get(metric) if summary else None
        role: Role = "key" if system == MODEL else "base"
        if not found:
            return Cell(None, n=0, role=role)
        interval = found.intervals["median_of_segments"] if found.intervals else None
        return Cell(found.median_of_segments, n=found.num_values, interval=interval, role=role)

    def shown(self, metric: str, system: str, group: Any) -> float | None:
        """The median that a figure marks, as the tables print it."""
        cell = (
            self.improvement(group, system)
            if metric == "snri"
            else self.median(metric, group, system)
        )
        return cell.value if isinstance(cell.value, float) else None

    def systems_with(self, metric: str) -> list[str]:
        """The model, and every other system that has something to say in the metric; of the oracles the SDR alone."""
        hidden = set(oracles.ORACLES) if metric != "sdr" else set()
        hidden |= {"mixture"} if metric in NOT_OF_MIXTURE else set()
        shown = [name for name in self.systems if name not in hidden]
        return [
            name
            for name in shown
            if name == MODEL or metric in self._summaries[name, None].together
        ]


def headline_table(digest: Digest) -> Table:
    """How far above the mixture."""
    columns = [Column("Segments")] + [
        Column(system, "Improvement") for system in (MODEL, *digest.compared)
    ]
    columns += [Column(system, "SNR") for system in (MODEL, "mixture")]

    def cells(source: str | None) -> list[Cell]:
        gains = [digest.improvement(source, system) for system in (MODEL, *digest.compared)]
        bare = [
            Cell(cell.value, cell.kind, interval=cell.interval, role=cell.role) for cell in gains
        ]
        levels = [digest.median("snr", source, system) for system in (MODEL, "mixture")]
        return [
            Cell(gains[0].n, "count"),
            *bare,
            *(Cell(c.value, interval=c.interval, role=c.role) for c in levels),
        ]

    return _by_source("above", columns, digest, cells)


def metric_table(key: str, titles: Mapping[str, str], digest: Digest) -> Table | None:
    """Medians of metrics by source; None where the rows have none of them."""
    columns = [Column("Segments")]
    columns += [
        Column(system, title)
        for metric, title in titles.items()
        for system in digest.systems_with(metric)
    ]
    if not any(digest.summary(None, system).together.keys() & titles for system in digest.systems):
        return None

    def cells(source: str | None) -> list[Cell]:
        return counted(
            [digest.median(m, source, system) for m in titles for system in digest.systems_with(m)]
        )

    return _by_source(key, columns, digest, cells)


def polyphony_table(digest: Digest) -> Table:
    """What becomes of the scores when more sources sound at once; ``digest`` is by polyphony."""
    columns = [
        *map(Column, ("Segments", "Improvement")),
        *(Column(system, "SNR") for system in (MODEL, "mixture")),
    ]
    columns += [*map(Column, V3.values()), Column("Leakage")]

    def cells(polyphony: int) -> list[Cell]:
        levels = [
            digest.median("snr", polyphony, system, every=True) for system in (MODEL, "mixture")
        ]
        *medians, leakage = (
            digest.median(metric, polyphony, every=True) for metric in (*V3, "leakage")
        )
        return [
            *counted([digest.improvement(polyphony), *levels, *_plain(medians)]),
            *_plain([leakage]),
        ]

    lines = [Line(count(group, "source"), cells(group)) for group in digest.groups if group]
    return Table("polyphony", "Sounding at once", columns, [lines])


def aggregate_table(digest: Digest) -> Table:
    """Per metric, every system that has finite values."""
    columns = [Column("Segments"), Column("Tracks"), *map(Column, AGGREGATE_NAMES.values())]
    bodies = []
    for metric, title in METRIC_NAMES.items():
        found = {
            system: digest.summary(None, system).together.get(metric)
            for system in digest.systems_with(metric)
        }
        body = [
            Line(title, _four(each, "" if system == MODEL else "base"), system)
            for system, each in found.items()
            if each
        ]
        bodies += [body] if body else []
    return Table("aggregates", "Metric", columns, bodies)


def _four(found: Aggregate, role: Role) -> list[Cell]:
    intervals = found.intervals or {}
    four = [
        Cell(getattr(found, name), interval=intervals.get(name), role=role) for name in AGGREGATES
    ]
    return [Cell(found.num_values, "count"), Cell(found.num_tracks, "count"), *four]


def status_table(digest: Digest) -> Table:
    """What was scored, what was not, and what sources leak that do not sound."""
    columns = [
        Column("Segments"),
        *(Column(status.replace("_", " ")) for status in STATUSES),
        Column("Leakage"),
    ]

    def cells(source: str | None) -> list[Cell]:
        summary = digest.summary(source)
        counts = [
            Cell(round(share * summary.num_rows), "count", share=share)
            for share in summary.shares.values()
        ]
        return [
            Cell(summary.num_rows, "count"),
            *counts,
            *_plain([digest.median("leakage", source, every=True)]),
        ]

    return _by_source("statuses", columns, digest, cells, all_sources=True)


def status_words(shares: Mapping[str, float]) -> str:
    """The share of each status that there is, in words."""
    return ", ".join(
        f"{status.replace('_', ' ')} {share:.1%}" for status, share in shares.items() if share
    )


def track_table(digest: Digest) -> Table:
    """A line per track, best improvement first, those without one last; ``digest`` is by track."""
    columns = [Column("Segments"), Column("Improvement"), Column("SNR"), *map(Column, V3.values())]

    def cells(track: str) -> list[Cell]:
        medians = [digest.median(metric, track) for metric in ("snr", *V3)]
        return counted([digest.improvement(track), *_plain(medians)])

    def gain(line: Line) -> float:
        value = line.cells[1].value
        return value if isinstance(value, float) else -math.inf

    lines = [Line(track, cells(track)) for track in digest.groups]
    return Table("tracks", "Track", columns, [sorted(lines, key=gain, reverse=True)])


def _plain(cells: Sequence[Cell]) -> list[Cell]:
    """Beside the figure that stands out."""
    return [Cell(cell.value, cell.kind, cell.n, interval=cell.interval) for cell in cells]


def counted(cells: Sequence[Cell]) -> list[Cell]:
    """How many segments there are, once; below a number only where it is made of fewer."""
    common = max(cell.n or 0 for cell in cells)
    return [
        Cell(common, "count"),
        *(replace(cell, n=None) if cell.n == common else cell for cell in cells),
    ]


def _by_source(
    key: str,
    columns: Sequence[Column],
    digest: Digest,
    cells: Callable[[str | None], list[Cell]],
    all_sources: bool = False,
) -> Table:
    """A line per source, those with nothing to score only if asked for, then one for all of them."""
    sources = digest.groups if all_sources else digest.sounding()
    lines = [source_line(source, cells(source)) for source in sources]
    return Table(
        key, "Source", columns, [lines, [Line("All sources", cells(None))]], has_total=True
    )


def source_line(source: str, cells: Sequence[Cell]) -> Line:
    """A line that begins with the name of an instrument, and its label where that is another word."""
    name = instruments.name_of(source)
    return Line(name, cells, source if source != name else "")
