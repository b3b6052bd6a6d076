"""Tells how far the macro means of a system would move with other tracks, by the bootstrap.

Columns of a track are not independent, tracks are: so whole tracks are drawn again, with all their
columns (evaluation.scores.bootstrap). Areas under curves need the order of all columns of a
resample; it is found from counts in ``_BINS`` bins of equal share, which moves an area by less than
1e-3. Axes: K instruments, T tracks, R resamples, Q bins.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.scores.bootstrap import COVERAGE, RESAMPLES, Interval, why_none
from evaluation.tasks.tagging.answers import Answers

_BINS = 512
_SEED = 0

Floats = NDArray[np.float64]


def macro_intervals(answers: Answers, measures: Sequence[str]) -> dict[str, Interval]:
    """Returns the interval of the macro mean of each measure; empty where tracks are too few.

    An instrument that sounds in none of the tracks of a resample counts in none of its means.
    """
    num_tracks = len(answers.tracks)
    if why_none(num_tracks):
        return {}
    equal = np.full(num_tracks, 1 / num_tracks)
    drawn = np.random.default_rng(_SEED).multinomial(num_tracks, equal, size=RESAMPLES)
    # measure -> (K, R)
    of_sources = [_measures(answers, slot, drawn) for slot in range(len(answers.thresholds))]
    found = {}
    for name in measures:
        values = np.stack([measured[name] for measured in of_sources])
        is_known = ~np.isnan(values)
        # A resample in which nothing sounds has no mean.
        counts = is_known.sum(axis=0)
        means = np.where(is_known, values, 0).sum(axis=0)[counts > 0] / counts[counts > 0]
        if len(means):
            low, high = np.quantile(means, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
            found[name] = Interval(float(low), float(high))
    return found


def _measures(answers: Answers, slot: int, drawn: NDArray[np.int64]) -> dict[str, Floats]:
    """Returns the measures of an instrument in every resample, (R,) each; NaN where none exists."""
    threshold = list(answers.thresholds.values())[slot]
    # (T, 3): hits, false alarms, misses; (T, Q): columns with and without it, lowest bin first.
    counts = []
    edges = _edges(answers.activity[slot])
    histograms: list[tuple[Floats, Floats]] = []
    for track in answers.tracks:
        values = track.activity[slot]
        truth = track.truth[slot]
        heard = values >= threshold
        counts.append([np.sum(heard & truth), np.sum(heard & ~truth), np.sum(~heard & truth)])
        bins = np.searchsorted(edges, values, side="right")
        sizes = len(edges) + 1
        with_it = np.bincount(bins[truth], minlength=sizes).astype(np.float64)
        without = np.bincount(bins[~truth], minlength=sizes).astype(np.float64)
        histograms.append((with_it, without))
    hits, alarms, misses = (drawn @ np.array(counts, np.float64)).T
    # (R, Q)
    positives = drawn @ np.stack([with_it for with_it, _ in histograms])
    negatives = drawn @ np.stack([without for _, without in histograms])
    num_negatives = negatives.sum(axis=1)
    support = hits + misses
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = hits / support
        specificity = 1 - alarms / num_negatives
        sounds = np.where(support > 0, 1.0, np.nan)
        heard = hits + alarms
        return {
            "precision": sounds * np.where(heard > 0, hits / np.maximum(heard, 1), 0.0),
            "recall": recall,
            "f1": sounds * 2 * hits / np.maximum(heard + support, 1),
            "balanced_accuracy": (recall + specificity) / 2,
            "roc_auc": _areas(positives, negatives),
            "average_precision": _precisions(positives, negatives),
        }


def _edges(values: NDArray[np.float32]) -> Floats:
    """Returns the values between bins of equal share, each once."""
    return np.unique(np.quantile(values, np.arange(1, _BINS) / _BINS))


def _areas(positives: Floats, negatives: Floats) -> Floats:
    """Returns the areas under the curves of hits over false alarms, (R, Q) twice -> (R,)."""
    # Columns without it in lower bins count whole, those of the same bin a half.
    below = np.cumsum(negatives, axis=1) - negatives / 2
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    areas: Floats = (positives * below).sum(axis=1) / np.where(pairs > 0, pairs, np.nan)
    return areas


def _precisions(positives: Floats, negatives: Floats) -> Floats:
    """Returns the average precisions, (R, Q) twice -> (R,)."""
    # From the highest bin on.
    hits = np.cumsum(positives[:, ::-1], axis=1)
    heard = hits + np.cumsum(negatives[:, ::-1], axis=1)
    total = positives.sum(axis=1)
    precision = hits / np.maximum(heard, 1)
    gained = positives[:, ::-1] / np.where(total > 0, total, np.nan)[:, None]
    precisions: Floats = (precision * gained).sum(axis=1)
    return precisions
