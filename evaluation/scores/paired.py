"""Says how runs differ, paired by segment and source, over the tracks that they all have.

For every source the median difference of each track is taken, and for all sources the mean of
these: a median would not see one source of four change. Their median over tracks is the result,
with a bootstrap interval over tracks and, for all sources, the p-value of Wilcoxon's signed-rank
test (Biometrics Bulletin 1, 1945), as it is and corrected for the number of runs.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.scores import bootstrap
from evaluation.scores.aggregates import (
    Aggregate,
    SegmentKey,
    aggregate,
    alone,
    majority_rows,
    segment_key,
)
from evaluation.scores.bootstrap import Interval
from evaluation.scores.comparable import (
    lacking,
    on_common_segments,
    on_common_tracks,
    restrict_to_common,
    rows_of,
    segment_words,
    tracks_of,
)
from evaluation.scores.saved import ScoredRun
from evaluation.scores.significance import holm, signed_rank
from evaluation.scores.table import CONSTANT_GAIN, MAJORITY, MODEL, Row

Values = dict[SegmentKey, float | None]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """Holds a run minus the reference, in the unit of the metric."""

    run: str
    # None: all sources.
    source: str | None
    # Over tracks; None where no segment has a value in both.
    median: float | None
    num_tracks: int
    # Tracks in which the run is above the reference.
    num_higher: int
    interval: Interval | None
    # This and the next: for all sources alone.
    p_value: float | None
    p_holm: float | None
    # Why there is no interval and no p-value.
    why_none: str | None


@dataclass(frozen=True)
class ComparedSummary:
    """Sums up the metric of a run, or of another system of the reference, on common tracks."""

    name: str
    # Over the rows but of a lone source; None where it has no value.
    aggregate: Aggregate | None
    # Status -> its share of all rows.
    shares: dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """Holds everything that is printed; each list begins with the reference."""

    metric: str
    # That all runs have.
    tracks: list[str]
    # Run -> its other tracks.
    left_out: dict[str, list[str]]
    # Run -> its other sources, unless they were not asked for.
    other_sources: dict[str, list[str]]
    # Run -> how many of its rows, on these tracks and sources, are of segments that not all have.
    num_other_rows: dict[str, int]
    # Run -> segments with a value in it or in the reference alone.
    unpaired: dict[str, int]
    # Of the runs.
    summaries: list[ComparedSummary]
    # Runs that were not scored beside it where another one was: older ones, and files.
    without_constant_gain: list[str]
    # Of the other systems of the reference: the mixture, silence, the constant gain, oracles; of
    # bins also the majority.
    beside: list[ComparedSummary]
    differences: list[Difference]


def compare(
    runs: Sequence[ScoredRun], metric: str = "snr", sources: Collection[str] = ()
) -> Comparison:
    """Compares the first of two or more runs with each of the others.

    Args:
        runs: of different names.
        metric: a column of the scores.
        sources: those to compare, empty for all that all runs have.

    Raises:
        ValueError: the runs were not scored alike, or have no track, no source or too few segments
            in common.
    """
    alike = restrict_to_common(runs, metric, sources)
    on_tracks = on_common_tracks(alike)
    compared = on_common_segments(on_tracks)
    values = {run.name: _values(run, metric) for run in compared}
    before = values.pop(compared[0].name)
    differences: list[Difference] = []
    for name, after in values.items():
        differences += _differences(name, _pair(before, after))
    return Comparison(
        metric=metric,
        tracks=tracks_of(on_tracks[0]),
        left_out=_left_out(alike, tracks_of(on_tracks[0])),
        other_sources={} if sources else _other_sources(runs, compared[0]),
        num_other_rows=_num_other_rows(on_tracks, compared),
        unpaired={name: _count_unpaired(before, after) for name, after in values.items()},
        summaries=[_summary(run.name, rows_of(run), metric) for run in compared],
        without_constant_gain=lacking(compared, CONSTANT_GAIN),
        beside=_beside(compared[0], metric),
        differences=_correct(differences),
    )


def _left_out(runs: Sequence[ScoredRun], common: Collection[str]) -> dict[str, list[str]]:
    """Returns the tracks of each run that are not among the common ones, where there are any."""
    others = {run.name: [track for track in tracks_of(run) if track not in common] for run in runs}
    return {name: tracks for name, tracks in others.items() if tracks}


def _other_sources(runs: Sequence[ScoredRun], compared: ScoredRun) -> dict[str, list[str]]:
    """Returns the sources of each run that are not compared, where there are any."""
    common = {row.source for row in rows_of(compared)}
    others = {run.name: {row.source for row in rows_of(run)} - common for run in runs}
    return {name: sorted(sources) for name, sources in others.items() if sources}


def _num_other_rows(runs: Sequence[ScoredRun], compared: Sequence[ScoredRun]) -> dict[str, int]:
    """Returns how many rows of each run are not compared, where there are any."""
    kept = {run.name: len(rows_of(run)) for run in compared}
    others = {run.name: len(rows_of(run)) - kept[run.name] for run in runs}
    return {name: num_rows for name, num_rows in others.items() if num_rows}


def _values(run: ScoredRun, metric: str) -> Values:
    """Returns the metric of every segment; None where it is blank, infinite or of a lone source."""
    rows = rows_of(run)
    values = {segment_key(row): _value(row, metric) for row in rows}
    if len(values) < len(rows):
        counts = Counter(map(segment_key, rows))
        twice = next(key for key, count in counts.items() if count > 1)
        raise ValueError(f"{run.name} has {segment_words(twice)} more than once.")
    if all(value is None for value in values.values()):
        raise ValueError(f"{run.name} has no {metric} where sources sound together.")
    return values


def has(run: ScoredRun, metric: str) -> bool:
    """Says whether a run has values of a metric that can be compared."""
    return any(_value(row, metric) is not None for row in rows_of(run))


def _value(row: Row, metric: str) -> float | None:
    value: float | None = getattr(row, metric)
    if value is None or not np.isfinite(value) or alone(row):
        return None
    return value


def _pair(before: Values, after: Values) -> dict[str, dict[str, float]]:
    """Computes the median difference by source and track."""
    differences: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for key, old in before.items():
        new = after[key]
        if old is not None and new is not None:
            track, _, source = key
            differences[source][track].append(new - old)
    return {
        source: {track: float(np.median(values)) for track, values in by_track.items()}
        for source, by_track in differences.items()
    }


def _count_unpaired(before: Values, after: Values) -> int:
    return sum((value is None) != (before[key] is None) for key, value in after.items())


def _beside(reference: ScoredRun, metric: str) -> list[ComparedSummary]:
    systems = dict.fromkeys(row.system for row in reference.rows if row.system != MODEL)
    beside = [_summary(system, rows_of(reference, system), metric) for system in systems]
    if metric == "bins":
        beside.append(_summary(MAJORITY, majority_rows(reference.rows), metric))
    return beside


def _summary(name: str, rows: Sequence[Row], metric: str) -> ComparedSummary:
    tracks = []
    values = []
    for row in rows:
        value = _value(row, metric)
        if value is not None:
            tracks.append(row.track)
            values.append(value)
    found = None
    if values:
        found = aggregate(np.array(values), np.array(tracks), bootstrap.RESAMPLES)
    counts = Counter(row.status for row in rows)
    shares = {status: count / len(rows) for status, count in counts.items()}
    return ComparedSummary(name=name, aggregate=found, shares=shares)


def _differences(run: str, by_source: Mapping[str, Mapping[str, float]]) -> Iterator[Difference]:
    """Yields the difference for all sources, then for each."""
    by_track: dict[str, list[float]] = defaultdict(list)
    for medians in by_source.values():
        for track, median in medians.items():
            by_track[track].append(median)
    means = np.array([np.mean(medians) for medians in by_track.values()])
    yield _difference(run, None, means)
    for source, medians in by_source.items():
        yield _difference(run, source, np.array(list(medians.values())))


def _difference(run: str, source: str | None, values: Floats) -> Difference:
    """Sums up the differences of tracks, (N,)."""
    bounds = bootstrap.intervals(values, np.arange(len(values)))
    why_none = bootstrap.why_none(len(values))
    has_test = source is None and not why_none
    return Difference(
        run=run,
        source=source,
        median=float(np.median(values)) if len(values) else None,
        num_tracks=len(values),
        num_higher=int((values > 0).sum()),
        interval=bounds.median if bounds else None,
        p_value=signed_rank(values) if has_test else None,
        p_holm=None,
        why_none=why_none,
    )


def _correct(differences: Sequence[Difference]) -> list[Difference]:
    p_values = [difference.p_value for difference in differences]
    corrected = iter(holm([p_value for p_value in p_values if p_value is not None]))
    return [
        difference if p_value is None else replace(difference, p_holm=next(corrected))
        for difference, p_value in zip(differences, p_values, strict=True)
    ]
