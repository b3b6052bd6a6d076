"""Keeps from which probability on an instrument counts as heard, and in a piece.

Each validation chooses a threshold for every instrument, the one with the highest F1 over the
columns of the validation tracks, and the share of the columns from which on an instrument is in a
piece, with the highest F1 over all pairs of a track and an instrument. They stand in
``WORKDIR/metrics.jsonl`` beside what that validation found; a checkpoint goes by the last
validation before it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.loop.metrics import read_metrics
from trainer.loop.protocol import Figure
from trainer.tasks.tagging.measures import best_threshold, count
from trainer.tasks.tagging.pieces import SHARE, piece_labels

# Where no validation has chosen another one.
UNCHOSEN = 0.5
_PREFIX = "threshold/"
_OF_PIECE = "piece/"
_SHARE = "share"
# Of the columns, that are tried.
_SHARES = tuple(round(0.05 * i, 2) for i in range(1, 13))


def choose(
    probabilities: NDArray[np.float32], truth: NDArray[np.bool_], sources: Sequence[str]
) -> dict[str, float]:
    """Returns the threshold of every instrument that sounds somewhere.

    Args:
        probabilities: (K, N), of the columns of all tracks.
        truth: (K, N).
        sources: the names of the K.
    """
    chosen = {}
    for name, values, true in zip(sources, probabilities, truth, strict=True):
        threshold = best_threshold(values.astype(np.float64), true)
        if threshold is not None:
            chosen[name] = threshold
    return chosen


def choose_share(
    activities: Sequence[NDArray[np.float32]],
    labels: Sequence[Sequence[str]],
    thresholds: Mapping[str, float],
) -> float:
    """Returns the share of the columns from which on an instrument is in a piece.

    Of several that are as good it is the one in their middle.

    Args:
        activities: of each track the probabilities (K, J).
        labels: of each track the instruments that play in it.
        thresholds: of all K instruments.
    """
    truth = np.array([[name in of_track for name in thresholds] for of_track in labels])
    found = []
    for share in _SHARES:
        heard = [set(piece_labels(activity, thresholds, share)) for activity in activities]
        said = np.array([[name in of_track for name in thresholds] for of_track in heard])
        found.append(count(said, truth).f1)
    best = [share for share, f1 in zip(_SHARES, found, strict=True) if f1 == max(found)]
    return best[len(best) // 2]


def as_figures(thresholds: Mapping[str, float], share: float) -> list[Figure]:
    """Returns what was chosen as figures of a validation, by which it is kept."""
    chosen = {f"{_PREFIX}{name}": value for name, value in thresholds.items()}
    chosen[f"{_OF_PIECE}{_SHARE}"] = share
    return [Figure(name, value, is_choice=True) for name, value in chosen.items()]


def thresholds_of(
    workdir: str, step: int, sources: Sequence[str], weights: str = "average"
) -> dict[str, float]:
    """Returns the threshold of every instrument for a checkpoint of a run.

    One that never sounded in a validation, and all where there was none, have ``UNCHOSEN``.

    Args:
        workdir: folder of the run.
        step: of the checkpoint.
        sources: names of the instruments.
        weights: average or raw.
    """
    chosen = _last(workdir, step, weights, _PREFIX)
    return {name: chosen.get(name, UNCHOSEN) for name in sources}


def share_of(workdir: str, step: int, weights: str = "average") -> float:
    """Returns from which share of the columns on an instrument is in a piece, for a checkpoint.

    Where no validation has chosen one, it is ``SHARE``.

    Args:
        workdir: folder of the run.
        step: of the checkpoint.
        weights: average or raw.
    """
    return _last(workdir, step, weights, _OF_PIECE).get(_SHARE, SHARE)


def _last(workdir: str, step: int, weights: str, prefix: str) -> dict[str, float]:
    """Returns what the last validation up to a step has chosen, by the names behind a prefix."""
    prefixes = [prefix]
    if weights == "raw":
        # They stand beside the average where that is what counts.
        prefixes.insert(0, f"raw_{prefix}")
    chosen: dict[str, float] = {}
    for line in read_metrics(workdir):
        if line["kind"] == "valid" and line["step"] <= step:
            found = [_named(line, each) for each in prefixes]
            chosen = next((each for each in found if each), chosen)
    return chosen


def _named(line: Mapping[str, float], prefix: str) -> dict[str, float]:
    """Returns the figures of a line whose names begin so, without that."""
    return {
        name.removeprefix(prefix): float(value)
        for name, value in line.items()
        if name.startswith(prefix)
    }
