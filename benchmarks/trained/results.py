"""Holds what systems reached, a row each of a long benchmark."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.scores.aggregates import segment_key
from evaluation.scores.improvement import improvements_by_segment
from evaluation.scores.table import Row

# Stands for every track, and for every source.
ALL = "all"


@dataclass(frozen=True)
class Result:
    """Holds what a system reached on a track, or on all of them together."""

    split: str
    system: str
    seed: int
    # Or ALL, the segments of which count alike.
    track: str
    source: str
    # Over the mixture, the median over segments, in dB; None where none counts.
    improvement: float | None
    num_segments: int
    # Share of bins on the right side of the ideal binary mask, the mean over segments.
    bins: float | None
    # Of the training, on this machine; 0 of what is not trained.
    secs: float


def results_of(
    rows: Sequence[Row], system: str, name: str, split: str, seed: int, secs: float
) -> list[Result]:
    """Returns what a system reached by track and source.

    Args:
        rows: of an evaluation.
        system: as the rows call it.
        name: as the table calls it.
        split: of the tracks.
        seed: of the training.
        secs: that it took.
    """
    improvements = improvements_by_segment(rows, system)
    groups: dict[tuple[str, str], list[tuple[float | None, Row]]] = {}
    for row in rows:
        if row.system != system or row.snr is None:
            continue
        improvement = improvements[segment_key(row)]
        for track in (row.track, ALL):
            for source in (row.source, ALL):
                groups.setdefault((track, source), []).append((improvement, row))
    results = []
    for (track, source), members in groups.items():
        values = [improvement for improvement, _ in members if improvement is not None]
        result = Result(
            split=split,
            system=name,
            seed=seed,
            track=track,
            source=source,
            improvement=_summary(np.median, values),
            num_segments=len(values),
            bins=_summary(np.mean, [row.bins for _, row in members]),
            secs=secs,
        )
        results.append(result)
    return results


def _summary(of: Callable[[list[float]], float], values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return float(of(known))


def majority(results: Sequence[Result]) -> float:
    """Returns the share of bins in which a constant answer is right, the better one of each source.

    Silence answers that nothing is the source's, so that it is right in all other bins.
    """
    shares = [
        max(result.bins, 1 - result.bins)
        for result in results
        if result.system == "silence"
        and result.track == ALL
        and result.source != ALL
        and result.bins is not None
    ]
    return float(np.mean(shares))
