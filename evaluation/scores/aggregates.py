"""What the rows of scores.csv say in a few numbers: medians, means and the improvement over the mixture.

A source that sounds alone has nothing to be separated from: the mixture, or any mask of it, is that source, and scores
the rounding of its arithmetic (about 300 dB). Such a row says little about separation, and a few of them ruin every
mean of the mixture. So each metric is aggregated twice, over all rows and over the rows ``together``, those but of a
lone source: what is set beside the mixture or beside published figures (museval scores no segment in which a source is
silent) is the second, and ``by="polyphony"`` shows the lone ones apart. Leakage is that of sources that do not sound,
so none of it is left out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.scores import bootstrap
from evaluation.scores.bootstrap import Interval
from evaluation.scores.table import METRICS, STATUSES, Row, improvement_over_mixture

By = Literal["source", "polyphony", "track"]
Place = tuple[str, float, str]  # track, start in seconds, source
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Aggregate:
    """One metric over its finite values, in dB. The four ways differ by more than half a dB: always name the one."""

    median_of_track_medians: float
    median_of_segments: float
    mean_of_track_medians: float
    mean_of_segments: float
    num_values: int
    num_tracks: int
    # Of each of the four, by its name; None: not asked for, or for the reason that bootstrap.why_none gives.
    intervals: Mapping[str, Interval] | None = None


AGGREGATES = tuple(field.name for field in fields(Aggregate))[:4]


@dataclass(frozen=True)
class Summary:
    """Rows of one system: all of them together, or those of one source, polyphony or track."""

    system: str
    source: (
        str | None
    )  # None: all sources, pooled; the median of a track is then that of all its rows
    num_rows: int
    shares: dict[str, float]  # status -> its share of the rows; every status is there
    metrics: dict[str, Aggregate]  # over all rows; a metric without a finite value is not there
    together: dict[str, Aggregate]  # over the rows but of a lone source
    polyphony: int | None = None
    track: str | None = None


@dataclass(frozen=True)
class Improvement:
    """The median of SNR(estimate) - SNR(mixture) in dB, row by row."""

    source: str | None  # None: all sources, pooled
    median_db: float | None  # None where no row counts
    num_rows: int  # that count
    num_left_out: int  # active, but the mixture is the source itself
    num_tracks: int = 0  # of the rows that count
    interval: Interval | None = (
        None  # None: not asked for, or for the reason that bootstrap.why_none gives
    )
    polyphony: int | None = None
    track: str | None = None


def place(row: Row) -> Place:
    """What rows of several systems are paired by."""
    return row.track, row.start_secs, row.source


def alone(row: Row) -> bool:
    """Whether the row is that of a source that sounds alone, found by the estimate or not."""
    return row.polyphony == 1 and row.status != "absent"


def summarise(rows: Sequence[Row], by: By = "source", resamples: int = 0) -> list[Summary]:
    """By system in order of appearance; within it first all rows, then each source, polyphony or track.

    Args:
        rows: of any number of systems.
        by: sources and tracks come in order of appearance, polyphonies from low to high.
        resamples: of the bootstrap, 0 for no intervals; ``bootstrap.RESAMPLES`` takes milliseconds for each metric of
            each summary.
    """
    groups: dict[str, dict[Any, list[Row]]] = {}
    for row in rows:
        group = groups.setdefault(row.system, {None: []})
        group[None].append(row)
        group.setdefault(getattr(row, by), []).append(row)
    return [
        Summary(**{"system": system, "source": None, by: key, **_contents(group[key], resamples)})
        for system, group in groups.items()
        for key in _ordered(group, by)
    ]


def _ordered(keys: Iterable[Any], by: By) -> list[Any]:
    """None first, then as they come or, where they are numbers, from low to high."""
    return (
        sorted(keys, key=lambda key: -1 if key is None else key)
        if by == "polyphony"
        else list(keys)
    )


def _contents(rows: Sequence[Row], resamples: int) -> dict[str, Any]:
    counts = Counter(row.status for row in rows)
    tracks, accompanied = (
        np.array([row.track for row in rows]),
        np.array([not alone(row) for row in rows]),
    )
    every: dict[str, Aggregate] = {}
    together: dict[str, Aggregate] = {}
    for metric in METRICS:
        values = np.array(
            [getattr(row, metric) for row in rows], dtype=np.float64
        )  # blank becomes nan
        finite = np.isfinite(values)
        for found, chosen in ((every, finite), (together, finite & accompanied)):
            if chosen.any():
                found[metric] = aggregate(values[chosen], tracks[chosen], resamples)
    shares = {status: counts[status] / len(rows) for status in STATUSES}
    return {"num_rows": len(rows), "shares": shares, "metrics": every, "together": together}


def aggregate(values: Floats, tracks: NDArray[np.str_], resamples: int = 0) -> Aggregate:
    """The four aggregates of one or more finite values, each of the track beside it."""
    names, medians = _track_medians(values, tracks)
    by_track, by_segment = (
        bootstrap.intervals(medians, names, resamples),
        bootstrap.intervals(values, tracks, resamples),
    )
    intervals = None
    if by_track and by_segment:
        intervals = dict(
            zip(AGGREGATES, (by_track[0], by_segment[0], by_track[1], by_segment[1]), strict=True)
        )
    return Aggregate(
        median_of_track_medians=float(np.median(medians)),
        median_of_segments=float(np.median(values)),
        mean_of_track_medians=float(np.mean(medians)),
        mean_of_segments=float(np.mean(values)),
        num_values=len(values),
        num_tracks=len(names),
        intervals=intervals,
    )


def _track_medians(values: Floats, tracks: NDArray[np.str_]) -> tuple[NDArray[np.str_], Floats]:
    names, codes, counts = np.unique(tracks, return_inverse=True, return_counts=True)
    ordered = values[np.lexsort((values, codes))]  # track after track, each from low to high
    starts = np.cumsum(counts) - counts
    medians: Floats = (ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2
    return names, medians


def gains(rows: Sequence[Row], system: str = "model") -> dict[Place, float | None]:
    """SNR(estimate) - SNR(mixture) in dB of every segment and source that the system has an SNR for, in their order.

    None where the mixture is the source itself: see ``evaluation.scores.table.improvement_over_mixture``.

    Raises:
        ValueError: a row of the system has no row of the mixture beside it.
    """
    baselines = {place(row): row for row in rows if row.system == "mixture"}
    found: dict[Place, float | None] = {}
    for row in rows:
        if row.system != system or row.snr is None:
            continue
        baseline = baselines.get(place(row))
        if baseline is None or baseline.snr is None:
            where = f"track {row.track}, {row.start_secs} s, {row.source}"
            raise ValueError(
                f"{where}: expected a row of the mixture with an SNR beside that of the {system}."
            )
        found[place(row)] = improvement_over_mixture(row, baseline, "snr")
    return found


def improvement(
    rows: Sequence[Row], system: str = "model", by: By = "source", resamples: int = 0
) -> list[Improvement]:
    """How far a system is above the mixture: first over all rows, then for each source, polyphony or track.

    Counted are the rows in which a source is active with another one (``scored``, or ``silent_estimate`` at 0 dB),
    each paired with the row of the mixture as the estimate of the same segment and source. Rows with a single active
    source are left out and counted, also where their estimate is silent: the mixture is the source itself there, and
    nothing can be better. The figure is quoted for segments of one second.

    Raises:
        ValueError: a row of the system has no row of the mixture beside it.
    """
    by_place = gains(rows, system)
    groups: dict[Any, list[Place]] = {None: []}
    for row in rows:
        if row.system == system:
            group = groups.setdefault(getattr(row, by), [])
            if place(row) in by_place:
                group.append(place(row))
                groups[None].append(place(row))
    return [
        Improvement(**{"source": None, by: key, **_improvement(groups[key], by_place, resamples)})
        for key in _ordered(groups, by)
    ]


def _improvement(
    places: Sequence[Place], by_place: Mapping[Place, float | None], resamples: int
) -> dict[str, Any]:
    counted = [
        (each[0], improvement_over_mixture)
        for each in places
        if (improvement_over_mixture := by_place[each]) is not None
    ]
    found: dict[str, Any] = {
        "num_rows": len(counted),
        "num_left_out": len(places) - len(counted),
        "median_db": None,
    }
    if counted:
        tracks, values = (
            np.array([track for track, _ in counted]),
            np.array([improvement_over_mixture for _, improvement_over_mixture in counted]),
        )
        bounds = (
            bootstrap.intervals(values, tracks, resamples) if np.isfinite(values).all() else None
        )
        found |= {"median_db": float(np.median(values)), "num_tracks": len(set(tracks))}
        found |= {"interval": bounds[0] if bounds else None}
    return found
