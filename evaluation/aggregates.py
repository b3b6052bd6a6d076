"""What the rows of scores.csv say in a few numbers: medians, means and the improvement over the mixture."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.scores import METRICS, STATUSES, Row


@dataclass(frozen=True)
class Aggregate:
    """One metric over its finite values, in dB. The four ways differ by more than half a dB: always name the one."""

    median_of_track_medians: float
    median_of_segments: float
    mean_of_track_medians: float
    mean_of_segments: float
    num_values: int


@dataclass(frozen=True)
class Summary:
    """One source under one system, or all its sources together."""

    system: str
    source: str | None  # None: all sources, pooled; the median of a track is then that of all its rows
    num_rows: int
    shares: dict[str, float]  # status -> its share of the rows; every status is there
    metrics: dict[str, Aggregate]  # a metric without a finite value is not there


@dataclass(frozen=True)
class Improvement:
    """The median of SNR(estimate) - SNR(mixture) in dB, row by row."""

    source: str | None  # None: all sources, pooled
    median_db: float | None  # None where no row counts
    num_rows: int  # that count
    num_left_out: int  # active, but the mixture is the source itself


def summarise(rows: Sequence[Row]) -> list[Summary]:
    """By system in order of appearance; within it first all sources, then each in order of appearance."""
    groups: dict[str, dict[str | None, list[Row]]] = {}
    for row in rows:
        group = groups.setdefault(row.system, {None: []})
        group[None].append(row)
        group.setdefault(row.source, []).append(row)
    return [_summary(system, source, rows) for system, group in groups.items() for source, rows in group.items()]


def _summary(system: str, source: str | None, rows: Sequence[Row]) -> Summary:
    counts = Counter(row.status for row in rows)
    shares = {status: counts[status] / len(rows) for status in STATUSES}
    aggregates = {metric: _aggregate(metric, rows) for metric in METRICS}
    metrics = {metric: aggregate for metric, aggregate in aggregates.items() if aggregate is not None}
    return Summary(system, source, len(rows), shares, metrics)


def _aggregate(metric: str, rows: Sequence[Row]) -> Aggregate | None:
    by_track: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        value = getattr(row, metric)
        if value is not None and np.isfinite(value):
            by_track[row.track].append(value)
    if not by_track:
        return None
    segments = [value for values in by_track.values() for value in values]
    medians = [np.median(values) for values in by_track.values()]
    return Aggregate(
        median_of_track_medians=float(np.median(medians)),
        median_of_segments=float(np.median(segments)),
        mean_of_track_medians=float(np.mean(medians)),
        mean_of_segments=float(np.mean(segments)),
        num_values=len(segments),
    )


def improvement(rows: Sequence[Row], system: str = "model") -> list[Improvement]:
    """How far a system is above the mixture: first over all sources, then for each in order of appearance.

    Counted are the rows in which a source is active with another one (``scored``, or ``silent_estimate`` at 0 dB),
    each paired with the row of the mixture as the estimate of the same segment and source. Rows with a single active
    source are left out and counted, also where their estimate is silent: the mixture is the source itself there, and
    nothing can be better. The figure is quoted for segments of one second.

    Raises:
        ValueError: a row of the system has no row of the mixture beside it.
    """
    baselines = {(row.track, row.start_secs, row.source): row.snr for row in rows if row.system == "mixture"}
    gains: dict[str | None, list[float | None]] = {None: []}  # None where the mixture is the source itself
    for row in rows:
        if row.system != system:
            continue
        gains.setdefault(row.source, [])
        if row.snr is None:
            continue
        baseline = baselines.get((row.track, row.start_secs, row.source))
        if baseline is None:
            place = f"track {row.track}, {row.start_secs} s, {row.source}"
            raise ValueError(f"{place}: expected a row of the mixture with an SNR beside that of the {system}.")
        counts = row.polyphony > 1 and np.isfinite(baseline)
        for source in (None, row.source):
            gains[source].append(row.snr - baseline if counts else None)
    return [_improvement(source, values) for source, values in gains.items()]


def _improvement(source: str | None, gains: Sequence[float | None]) -> Improvement:
    counted = [gain for gain in gains if gain is not None]
    median = float(np.median(counted)) if counted else None
    return Improvement(source, median, len(counted), len(gains) - len(counted))
