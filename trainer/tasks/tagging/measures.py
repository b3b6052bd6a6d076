"""Measures how right answers are: probabilities of columns, or of pieces, against the truth.

Each takes the probabilities and the truth of one instrument, (N,) both. The sums are those of
scikit-learn, which they are tested against; where a measure does not exist they say None.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Truth = NDArray[np.bool_]


class Decisions(NamedTuple):
    """Counts what was said of how many columns."""

    hits: int
    false_alarms: int
    misses: int
    rejections: int

    @property
    def precision(self) -> float:
        """Returns the share of what was heard that is there; 0 where nothing was heard."""
        return _share(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> float:
        """Returns the share of what is there that was heard; 0 where nothing is there."""
        return _share(self.hits, self.hits + self.misses)

    @property
    def f1(self) -> float:
        """Returns the harmonic mean of both; 0 where nothing is there and nothing was heard."""
        return _share(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)

    @property
    def balanced_accuracy(self) -> float | None:
        """Returns the mean of the shares of what is there, and is not, that are right.

        None where one of the two never occurs.
        """
        positives = self.hits + self.misses
        negatives = self.rejections + self.false_alarms
        if not positives or not negatives:
            return None
        return (self.hits / positives + self.rejections / negatives) / 2


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def count(heard: Truth, truth: Truth) -> Decisions:
    """Counts decisions, (N,), against the truth, (N,)."""
    return Decisions(
        hits=int(np.sum(heard & truth)),
        false_alarms=int(np.sum(heard & ~truth)),
        misses=int(np.sum(~heard & truth)),
        rejections=int(np.sum(~heard & ~truth)),
    )


def roc_auc(probabilities: Floats, truth: Truth) -> float | None:
    """Returns the probability that of two columns the one in which it sounds has the higher one.

    Equal ones count a half. None where it always or never sounds.
    """
    if truth.all() or not truth.any():
        return None
    curve = _curve(probabilities, truth)
    negatives = curve.heard - curve.hits
    hits = np.concatenate([[0.0], curve.hits]) / curve.hits[-1]
    alarms = np.concatenate([[0.0], negatives]) / negatives[-1]
    return float(np.trapezoid(hits, alarms))


def average_precision(probabilities: Floats, truth: Truth) -> float | None:
    """Returns the mean precision over the recalls, as steps; None where it never sounds."""
    if not truth.any():
        return None
    curve = _curve(probabilities, truth)
    precision = curve.hits / curve.heard
    gained = np.diff(curve.hits, prepend=0.0) / curve.hits[-1]
    return float(np.sum(gained * precision))


def best_threshold(probabilities: Floats, truth: Truth) -> float | None:
    """Returns the threshold at or above which to say yes for the highest F1.

    It lies in the middle between two probabilities that occur; of several thresholds that are as
    good it is the highest one. None where it never sounds.
    """
    if not truth.any():
        return None
    curve = _curve(probabilities, truth)
    f1 = 2 * curve.hits / (curve.heard + curve.hits[-1])
    best = int(np.argmax(f1))
    lower = curve.values[best + 1] if best + 1 < len(curve.values) else 0.0
    return float((curve.values[best] + lower) / 2)


class _Curve(NamedTuple):
    """Holds what is heard at each threshold that makes a difference, from the highest on."""

    values: Floats
    # How many columns are at or above the value, and in how many of them it sounds.
    heard: Floats
    hits: Floats


def _curve(probabilities: Floats, truth: Truth) -> _Curve:
    order = np.argsort(-probabilities, kind="stable")
    values = probabilities[order]
    hits = np.cumsum(truth[order], dtype=np.float64)
    # The last of those that are equal.
    last = np.flatnonzero(np.append(np.diff(values) != 0, True))
    return _Curve(values[last], last + 1.0, hits[last])
