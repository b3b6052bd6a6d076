"""Figures against scikit-learn, intervals against resamples that are put together one by one."""

import numpy as np
import pytest
from sklearn import metrics

from evaluation.classes.measures import (
    Resampled,
    balanced_accuracy,
    confusion,
    precision_recall_f1,
)

NUM_RESAMPLES = 300
RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.integers(0, 3, 60)
SAID = np.where(RANDOM.random(60) < 0.7, TRUTH, RANDOM.integers(0, 3, 60))
OTHERS = np.where(RANDOM.random(60) < 0.5, TRUTH, RANDOM.integers(0, 3, 60))
GROUPS = np.sort(RANDOM.integers(0, 8, 60))


@pytest.mark.filterwarnings("ignore:y_pred contains classes")
@pytest.mark.parametrize("truth", [TRUTH, np.full(60, 2), TRUTH.clip(1)])
def test_figures_of_classes_are_those_of_scikit_learn(truth):
    expected = metrics.balanced_accuracy_score(truth, SAID)
    assert balanced_accuracy(truth, SAID) == pytest.approx(expected, abs=1e-12)
    counts = confusion(truth, SAID, 3)
    assert (counts == metrics.confusion_matrix(truth, SAID, labels=[0, 1, 2])).all()
    of_sklearn = metrics.precision_recall_fscore_support(
        truth, SAID, labels=[0, 1, 2], zero_division=0
    )
    np.testing.assert_allclose(precision_recall_f1(counts), np.stack(of_sklearn[:3], 1), atol=1e-12)


def resamples(groups):
    """Yields the files of each resample, those of a group as often as it is drawn."""
    names = np.unique(groups)
    drawn = np.random.default_rng(0).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=NUM_RESAMPLES
    )
    for counts in drawn:
        yield np.concatenate(
            [
                np.tile(np.flatnonzero(groups == name), count)
                for name, count in zip(names, counts, strict=True)
            ]
        )


def bounds(replicates):
    return np.quantile(replicates, [0.025, 0.975])


@pytest.mark.parametrize(
    # Of the second one class 2 is of group 0 alone, which many resamples lack.
    "truth",
    [TRUTH, np.where(GROUPS == 0, 2, TRUTH.clip(0, 1))],
)
def test_intervals_are_those_of_groups_drawn_again(truth):
    resampled = Resampled(GROUPS, NUM_RESAMPLES)
    found = resampled.balanced_accuracy(truth, SAID)
    against = resampled.balanced_accuracy(truth, SAID, OTHERS)
    accuracies = []
    differences = []
    for files in resamples(GROUPS):
        right = balanced_accuracy(truth[files], SAID[files])
        accuracies.append(right)
        differences.append(right - balanced_accuracy(truth[files], OTHERS[files]))
    low, high = bounds(accuracies)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=1e-12)
    low, high = bounds(differences)
    assert (against.interval.low, against.interval.high) == pytest.approx((low, high), abs=1e-12)
    expected = balanced_accuracy(truth, SAID) - balanced_accuracy(truth, OTHERS)
    assert against.value == pytest.approx(expected, abs=1e-12)


def test_figures_of_numbers_are_those_of_scikit_learn():
    truth = 1e4 + RANDOM.standard_normal(60)
    said = truth + 0.5 * RANDOM.standard_normal(60)
    resampled = Resampled(GROUPS, NUM_RESAMPLES)
    share = resampled.r_squared(truth, said)
    error = resampled.mean_error(truth, said)
    assert share.value == pytest.approx(metrics.r2_score(truth, said), abs=1e-9)
    assert error.value == pytest.approx(metrics.mean_absolute_error(truth, said), abs=1e-12)
    shares = []
    errors = []
    for files in resamples(GROUPS):
        about = truth[files] - truth[files].mean()
        missed = truth[files] - said[files]
        shares.append(1 - (missed**2).sum() / (about**2).sum())
        errors.append(np.abs(missed).mean())
    low, high = bounds(shares)
    assert (share.interval.low, share.interval.high) == pytest.approx((low, high), abs=1e-9)
    low, high = bounds(errors)
    assert (error.interval.low, error.interval.high) == pytest.approx((low, high), abs=1e-12)


def test_fewer_than_six_groups_have_no_interval():
    five = Resampled(GROUPS.clip(0, 4))
    assert five.balanced_accuracy(TRUTH, SAID).interval is None
    assert Resampled(GROUPS.clip(0, 5)).balanced_accuracy(TRUTH, SAID).interval is not None
