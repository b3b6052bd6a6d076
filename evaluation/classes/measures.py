"""Computes what is right of what was said of files, and how far that would move with others.

Axes: F files, G groups, K classes, R resamples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.scores.bootstrap import RESAMPLES, Interval, draw, percentiles, why_none

Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """Holds a figure, and its 95 % bounds where there are groups enough."""

    value: float
    interval: Interval | None


def balanced_accuracy(truth: Numbers, said: Numbers) -> float:
    """Returns the mean over the classes that occur of the share of their files that is right."""
    counts = np.bincount(truth)
    right = np.bincount(truth, truth == said)
    return float(np.mean(right[counts > 0] / counts[counts > 0]))


def confusion(truth: Numbers, said: Numbers, num_classes: int) -> Numbers:
    """Returns how many files of each class were said to be of each, (K, K)."""
    cells = np.bincount(truth * num_classes + said, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def precision_recall_f1(table: Numbers) -> Floats:
    """Returns precision, recall and F1 of each class, (K, 3), of a table (K, K).

    A share of nothing is 0.
    """
    right = np.diag(table).astype(np.float64)
    said = table.sum(axis=0)
    there = table.sum(axis=1)
    shares = [right / np.maximum(said, 1), right / np.maximum(there, 1)]
    # 2 P R / (P + R), of counts.
    shares.append(2 * right / np.maximum(said + there, 1))
    return np.stack(shares, axis=1)


class Resampled:
    """Is the groups of files, drawn again and again.

    Files of a group are not independent, groups are; the same files give the same intervals.
    """

    def __init__(self, groups: Numbers, resamples: int = RESAMPLES) -> None:
        """Draws as many groups as there are, with replacement, so many times."""
        names, self._codes = np.unique(groups, return_inverse=True)
        self._num_groups = len(names)
        self._drawn: Numbers | None = None
        if why_none(self._num_groups) is None:
            self._drawn = draw(self._num_groups, resamples)

    def balanced_accuracy(self, truth: Numbers, *said: Numbers) -> Figure:
        """Returns the balanced accuracy, or how much the first's lies above the second's.

        A class that a resample lacks plays no part in it.
        """
        value = balanced_accuracy(truth, said[0])
        if len(said) > 1:
            value -= balanced_accuracy(truth, said[1])
        if self._drawn is None:
            return Figure(value, None)
        replicates = [self._accuracies(truth, each) for each in said]
        differences = replicates[0] - replicates[1] if len(said) > 1 else replicates[0]
        return Figure(value, percentiles(differences))

    def r_squared(self, truth: Floats, said: Floats) -> Figure:
        """Returns 1 - sum (y - said)^2 / sum (y - mean y)^2 over all files."""
        errors = (truth - said) ** 2
        # Sums of squares about any point lose digits where it is far away.
        centred = truth - truth.mean()
        value = float(1 - errors.sum() / (centred**2).sum())
        if self._drawn is None:
            return Figure(value, None)
        counts = self._summed(np.ones(len(truth)))
        about_mean = self._summed(centred**2) - self._summed(centred) ** 2 / counts
        # A resample of one group, whose numbers may all be one, has no such share.
        usable = about_mean > 1e-12 * (centred**2).sum()
        replicates = 1 - self._summed(errors)[usable] / about_mean[usable]
        return Figure(value, percentiles(replicates))

    def mean_error(self, truth: Floats, *said: Floats) -> Figure:
        """Returns the mean absolute error, or how much the first's lies above the second's."""
        errors = np.abs(truth - said[0])
        if len(said) > 1:
            errors -= np.abs(truth - said[1])
        value = float(errors.mean())
        if self._drawn is None:
            return Figure(value, None)
        return Figure(value, percentiles(self._summed(errors) / self._summed(np.ones_like(errors))))

    def _accuracies(self, truth: Numbers, said: Numbers) -> Floats:
        """Returns the balanced accuracy of each resample, (R,)."""
        recalls = []
        for label in np.unique(truth):
            of_class = truth == label
            count = self._summed(of_class.astype(np.float64))
            right = self._summed((of_class & (said == label)).astype(np.float64))
            recalls.append(np.where(count > 0, right / np.maximum(count, 1), np.nan))
        accuracies: Floats = np.nanmean(recalls, axis=0)
        return accuracies

    def _summed(self, values: Floats) -> Floats:
        """Returns the sum of the values of the files of each resample, (F,) -> (R,)."""
        assert self._drawn is not None
        sums = np.bincount(self._codes, values, minlength=self._num_groups)
        return np.asarray(self._drawn @ sums, np.float64)
