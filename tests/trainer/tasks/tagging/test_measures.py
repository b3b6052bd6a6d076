"""Measures of answers against scikit-learn, with ties and where there is one class alone."""

import warnings

import numpy as np
import pytest
from sklearn import metrics

from trainer.tasks.tagging.measures import average_precision, best_threshold, count, roc_auc


def draw(seed, num=120, share=0.3, levels=None):
    """Probabilities that know something of the truth; of few levels there are ties."""
    rng = np.random.default_rng(seed)
    truth = rng.random(num) < share
    values = np.clip(0.5 * rng.random(num) + 0.3 * truth, 0, 1)
    if levels:
        values = np.round(values * levels) / levels
    return values, truth


CASES = [
    (seed, levels, share) for seed in range(3) for levels in (None, 5, 1) for share in (0.3, 0.9)
]


@pytest.mark.parametrize(("seed", "levels", "share"), CASES)
def test_areas_are_those_of_scikit_learn(seed, levels, share):
    values, truth = draw(seed, levels=levels, share=share)
    assert roc_auc(values, truth) == pytest.approx(metrics.roc_auc_score(truth, values), abs=1e-12)
    expected = metrics.average_precision_score(truth, values)
    assert average_precision(values, truth) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("seed", "levels", "share"), CASES)
def test_decisions_are_counted_as_scikit_learn_does(seed, levels, share):
    values, truth = draw(seed, levels=levels, share=share)
    for threshold in (0.0, 0.2, 0.5, 0.7, 2.0):
        heard = values >= threshold
        found = count(heard, truth)
        options = {"average": "binary", "zero_division": 0}
        expected = metrics.precision_recall_fscore_support(truth, heard, **options)[:3]
        np.testing.assert_allclose((found.precision, found.recall, found.f1), expected, atol=1e-12)
        balanced = metrics.balanced_accuracy_score(truth, heard)
        assert found.balanced_accuracy == pytest.approx(balanced, abs=1e-12)
        assert sum(found) == len(truth)


def test_of_one_class_there_is_no_area():
    values = np.linspace(0, 1, 9)
    nothing = np.zeros(9, bool)
    assert roc_auc(values, nothing) is None
    assert roc_auc(values, ~nothing) is None
    assert average_precision(values, nothing) is None
    # Every answer is right.
    assert average_precision(values, ~nothing) == metrics.average_precision_score(~nothing, values)
    assert best_threshold(values, nothing) is None
    for truth in (nothing, ~nothing):
        found = count(values > 0.5, truth)
        assert found.balanced_accuracy is None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert found.f1 == metrics.f1_score(truth, values > 0.5, zero_division=0)


@pytest.mark.parametrize(("seed", "levels", "share"), CASES)
def test_no_other_threshold_has_a_higher_f1(seed, levels, share):
    values, truth = draw(seed, levels=levels, share=share)
    chosen = best_threshold(values, truth)
    best = metrics.f1_score(truth, values >= chosen)
    others = [metrics.f1_score(truth, values >= value) for value in np.unique(values)]
    assert best == pytest.approx(max(others), abs=1e-12)
    # It lies between values that occur, or where all are heard below the lowest one.
    assert chosen not in values or chosen == 0
