"""Keeps from which probability on an instrument counts as heard.

Each validation chooses a threshold for every instrument, the one with the highest F1 over the
columns of the validation tracks. It stands in ``WORKDIR/metrics.jsonl`` beside what that validation
found; a checkpoint goes by the last validation before it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.loop.metrics import read_metrics
from trainer.loop.protocol import Figure
from trainer.tasks.tagging.measures import best_threshold

# Where no validation has chosen another one.
UNCHOSEN = 0.5
_PREFIX = "threshold/"


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


def as_figures(thresholds: Mapping[str, float]) -> list[Figure]:
    """Returns thresholds as figures of a validation, by which they are kept."""
    return [Figure(f"{_PREFIX}{name}", value, is_choice=True) for name, value in thresholds.items()]


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
    prefixes = [_PREFIX]
    if weights == "raw":
        # They stand beside the average where that is what counts.
        prefixes.insert(0, f"raw_{_PREFIX}")
    chosen: dict[str, float] = {}
    for line in read_metrics(workdir):
        if line["kind"] == "valid" and line["step"] <= step:
            found = [_named(line, prefix) for prefix in prefixes]
            chosen = next((each for each in found if each), chosen)
    return {name: chosen.get(name, UNCHOSEN) for name in sources}


def _named(line: Mapping[str, float], prefix: str) -> dict[str, float]:
    """Returns the figures of a line whose names begin so, without that."""
    return {
        name.removeprefix(prefix): float(value)
        for name, value in line.items()
        if name.startswith(prefix)
    }
