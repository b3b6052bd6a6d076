"""Aggregates the rows of scores.csv to a few numbers: medians and means.

A source that sounds alone has nothing to be separated from: the mixture, or any mask of it, is that
source, and scores the rounding of its arithmetic (about 300 dB). Such a row says little about
separation, and a few of them ruin every mean of the mixture. So each metric is aggregated twice,
over all rows and over the rows ``together``, those but of a lone source: the second is what may
stand beside the mixture or beside published figures (museval scores no segment in which a source is
silent), and ``by="polyphony"`` shows the lone ones apart. Leakage is that of sources that do not
sound, so none of it is left out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.scores import bootstrap
from evaluation.scores.bootstrap import Interval
from evaluation.scores.table import MAJORITY, METRICS, MODEL, SHARES, STATUSES, Row

By = Literal["source", "polyphony", "track"]
# Track, start in seconds, source: rows of several systems are paired by it.
SegmentKey = tuple[str, float, str]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Aggregate:
    """Holds four aggregates of the finite values of a metric, in its unit.

    Those in dB differ by more than half a dB: always name the one.
    """

    median_of_track_medians: float
    median_of_segments: float
    mean_of_track_medians: float
    mean_of_segments: float
    num_values: int
    num_tracks: int
    # By the name of each of the four; None: not asked for, or for the reason that
    # bootstrap.why_none gives.
    intervals: Mapping[str, Interval] | None = None


AGGREGATES = tuple(field.name for field in fields(Aggregate))[:4]


@dataclass(frozen=True)
class Summary:
    """Sums up rows of one system: all of them, or those of one source, polyphony or track."""

    system: str
    # None: all sources, pooled; the median of a track is then that of all its rows.
    source: str | None
    num_rows: int
    # Status -> its share of the rows; every status is there.
    shares: dict[str, float]
    # Over all rows; a metric without a finite value is not there.
    metrics: dict[str, Aggregate]
    # Over the rows but of a lone source.
    together: dict[str, Aggregate]
    polyphony: int | None = None
    track: str | None = None


def segment_key(row: Row) -> SegmentKey:
    """Returns what rows of several systems are paired by."""
    return row.track, row.start_secs, row.source


def alone(row: Row) -> bool:
    """Says whether a row is that of a source that sounds alone, found by the estimate or not."""
    return row.polyphony == 1 and row.status != "absent"


def majority_rows(rows: Iterable[Row]) -> list[Row]:
    """Returns what the majority reaches in ``bins``, as rows of a system, from the model's rows.

    No answer without a look at the bins reaches more, so this stands beside every share of bins.
    """
    return [
        Row(
            MAJORITY,
            row.track,
            row.start_secs,
            row.source,
            row.status,
            row.polyphony,
            bins=row.bins_majority,
        )
        for row in rows
        if row.system == MODEL and row.bins_majority is not None
    ]


def summarise(rows: Sequence[Row], by: By = "source", resamples: int = 0) -> list[Summary]:
    """Sums up rows by system; within one first all rows, then each source, polyphony or track.

    Args:
        rows: of any number of systems, which come in order of appearance.
        by: sources and tracks come in order of appearance, polyphonies from low to high.
        resamples: of the bootstrap, 0 for no intervals; ``bootstrap.RESAMPLES`` takes milliseconds
            for each metric of each summary.
    """
    # System -> None for all of its rows, and each source, polyphony or track.
    groups: dict[str, dict[Any, list[Row]]] = {}
    for row in rows:
        group = groups.setdefault(row.system, {None: []})
        group[None].append(row)
        group.setdefault(getattr(row, by), []).append(row)
    summaries = []
    for system, group in groups.items():
        for key in ordered(group, by):
            named = {"system": system, "source": None, by: key}
            summaries.append(Summary(**named, **_contents(group[key], resamples)))
    return summaries


def ordered(keys: Iterable[Any], by: By) -> list[Any]:
    """Returns None first, then keys as they come or, where they are numbers, from low to high."""
    if by == "polyphony":
        return sorted(keys, key=lambda key: -1 if key is None else key)
    return list(keys)


def _contents(rows: Sequence[Row], resamples: int) -> dict[str, Any]:
    """Returns the fields of a ``Summary`` that follow from its rows."""
    counts = Counter(row.status for row in rows)
    tracks = np.array([row.track for row in rows])
    accompanied = np.array([not alone(row) for row in rows])
    metrics: dict[str, Aggregate] = {}
    together: dict[str, Aggregate] = {}
    for metric in (*METRICS, *SHARES):
        # A blank becomes nan.
        values = np.array([getattr(row, metric) for row in rows], dtype=np.float64)
        finite = np.isfinite(values)
        for aggregates, chosen in ((metrics, finite), (together, finite & accompanied)):
            if chosen.any():
                aggregates[metric] = aggregate(values[chosen], tracks[chosen], resamples)
    shares = {status: counts[status] / len(rows) for status in STATUSES}
    return {"num_rows": len(rows), "shares": shares, "metrics": metrics, "together": together}


def aggregate(values: Floats, tracks: NDArray[np.str_], resamples: int = 0) -> Aggregate:
    """Aggregates one or more finite values, each of the track beside it, in four ways."""
    names, medians = _track_medians(values, tracks)
    by_track = bootstrap.intervals(medians, names, resamples)
    by_segment = bootstrap.intervals(values, tracks, resamples)
    intervals = None
    if by_track and by_segment:
        intervals = {
            "median_of_track_medians": by_track.median,
            "median_of_segments": by_segment.median,
            "mean_of_track_medians": by_track.mean,
            "mean_of_segments": by_segment.mean,
        }
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
    """Returns the names of the tracks and the median of each, all found in one sort."""
    names, codes, counts = np.unique(tracks, return_inverse=True, return_counts=True)
    # Track after track, each from low to high.
    ordered = values[np.lexsort((values, codes))]
    starts = np.cumsum(counts) - counts
    # The two values in the middle of each, or twice the one.
    lower = ordered[starts + (counts - 1) // 2]
    upper = ordered[starts + counts // 2]
    medians: Floats = (lower + upper) / 2
    return names, medians
