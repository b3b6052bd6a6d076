"""Computes how far systems are above the mixture, paired segment by segment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.scores import bootstrap
from evaluation.scores.aggregates import By, SegmentKey, ordered, segment_key
from evaluation.scores.bootstrap import Interval
from evaluation.scores.table import MODEL, Row, row_improvements


@dataclass(frozen=True)
class Improvement:
    """Holds the median of SNR(estimate) - SNR(mixture) in dB, row by row."""

    # None: all sources, pooled.
    source: str | None
    # None where no row counts.
    median_db: float | None
    # That count.
    num_rows: int
    # Active, but the mixture is the source itself.
    num_left_out: int
    # Of the rows that count.
    num_tracks: int = 0
    # None: not asked for, or for the reason that bootstrap.why_none gives.
    interval: Interval | None = None
    polyphony: int | None = None
    track: str | None = None


def improvements_by_segment(
    rows: Sequence[Row], system: str = MODEL
) -> dict[SegmentKey, float | None]:
    """Computes SNR(estimate) - SNR(mixture) in dB of every row of a system that has an SNR.

    Returns:
        In the order of the rows; None where the mixture is the source itself, as
        ``data_prep.audio.activity.improvement_over_mixture`` says.

    Raises:
        ValueError: a row of the system has no row of the mixture beside it.
    """
    baselines = {segment_key(row): row for row in rows if row.system == "mixture"}
    own = []
    paired = []
    for row in rows:
        if row.system != system or row.snr is None:
            continue
        baseline = baselines.get(segment_key(row))
        if baseline is None or baseline.snr is None:
            raise ValueError(
                f"track {row.track}, {row.start_secs} s, {row.source}: expected a row of the "
                f"mixture with an SNR beside that of the {system}."
            )
        own.append(row)
        paired.append(baseline)
    improvements = row_improvements(own, paired, "snr")
    return {segment_key(row): value for row, value in zip(own, improvements, strict=True)}


def improvement(
    rows: Sequence[Row], system: str = MODEL, by: By = "source", resamples: int = 0
) -> list[Improvement]:
    """Computes how far a system is above the mixture.

    Counted are the rows in which a source is active with another one (``scored``, or
    ``silent_estimate`` at 0 dB), each paired with the row of the mixture as the estimate of the
    same segment and source. Rows with a single active source are left out and counted, also where
    their estimate is silent: the mixture is the source itself there, and nothing can be better. The
    figure is quoted for segments of one second.

    Returns:
        First over all rows, then for each source, polyphony or track.

    Raises:
        ValueError: a row of the system has no row of the mixture beside it.
    """
    by_segment = improvements_by_segment(rows, system)
    groups: dict[Any, list[SegmentKey]] = {None: []}
    for row in rows:
        if row.system != system:
            continue
        group = groups.setdefault(getattr(row, by), [])
        key = segment_key(row)
        if key in by_segment:
            group.append(key)
            groups[None].append(key)
    found = []
    for name in ordered(groups, by):
        named = {"source": None, by: name}
        found.append(Improvement(**named, **_improvement(groups[name], by_segment, resamples)))
    return found


def _improvement(
    keys: Sequence[SegmentKey], by_segment: Mapping[SegmentKey, float | None], resamples: int
) -> dict[str, Any]:
    """Returns the fields of an ``Improvement`` that follow from its segments."""
    tracks = []
    values = []
    for key in keys:
        value = by_segment[key]
        if value is not None:
            tracks.append(key[0])
            values.append(value)
    contents: dict[str, Any] = {
        "num_rows": len(values),
        "num_left_out": len(keys) - len(values),
        "median_db": None,
    }
    if not values:
        return contents
    contents["median_db"] = float(np.median(values))
    contents["num_tracks"] = len(set(tracks))
    if np.isfinite(values).all():
        bounds = bootstrap.intervals(np.array(values), np.array(tracks), resamples)
        contents["interval"] = bounds.median if bounds else None
    return contents
