"""Measures of answers against scikit-learn, with ties and where there is one class alone."""

import warnings

import numpy as np
import pytest
from sklearn import metrics

from trainer.tasks.tagging.measures import average_precision, best_threshold, count, roc_auc
from trainer.tasks.tagging.pieces import piece_labels, piece_probabilities


def draw(seed, num=400, share=0.3, levels=None):
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


def test_a_piece_has_what_is_heard_in_a_tenth_of_its_columns():
    activity = np.zeros((3, 40), np.float32)
    activity[0, :4] = 0.9
    activity[1, :3] = 0.9
    activity[2] = 0.4
    thresholds = {"vn": 0.5, "vc": 0.5, "fl": 0.4}
    assert piece_labels(activity, thresholds) == ("vn", "fl")
    np.testing.assert_allclose(piece_probabilities(activity), [0.9, 0, 0.4], rtol=1e-6)
    # Of a few columns one is enough.
    assert piece_labels(activity[:, :2], thresholds) == ("vn", "vc", "fl")


def test_a_probability_says_the_same_as_the_share():
    rng = np.random.default_rng(0)
    for num_columns in (1, 7, 10, 11, 99):
        activity = rng.random((5, num_columns)).astype(np.float32)
        shares = (activity >= 0.7).mean(axis=1)
        expected = shares >= np.ceil(0.1 * num_columns) / num_columns
        np.testing.assert_array_equal(piece_probabilities(activity) >= 0.7, expected)
