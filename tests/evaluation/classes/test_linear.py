"""What is learnt and held out, against pipelines of scikit-learn that are put together here."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from evaluation.classes.folds import number_folds
from evaluation.classes.held_out import LAYERS, MAJORITY, MEAN, MFCC, Examples, figures, hold_out
from evaluation.classes.linear import Learner
from evaluation.classes.measures import balanced_accuracy

RANDOM = np.random.default_rng(0)
PENALTIES = (1e3, 10.0, 0.3)
NUM_FILES = 36
CLASSES = np.sort(RANDOM.integers(0, 3, NUM_FILES))
GROUPS = np.arange(NUM_FILES) % 5
CENTRES = RANDOM.standard_normal((3, 12))
FEATURES = 3.0 + 5 * (CENTRES[CLASSES] + 1.2 * RANDOM.standard_normal((NUM_FILES, 12)))
NUMBERS = 2.0 + FEATURES @ RANDOM.standard_normal(12) + 3 * RANDOM.standard_normal(NUM_FILES)


CLASS_LEARNER = Learner("class", 3, PENALTIES)
NUMBER_LEARNER = Learner("number", penalties=PENALTIES)


def logistic(penalty):
    options = {"class_weight": "balanced", "max_iter": 2000, "tol": 1e-8}
    regression = LogisticRegression(C=1 / penalty, **options)
    return make_pipeline(StandardScaler(), regression)


def ridge(penalty):
    return make_pipeline(StandardScaler(), Ridge(alpha=penalty))


@pytest.mark.parametrize("present", [(0, 1, 2), (0, 2)])
def test_probabilities_are_those_of_logistic_regression(present):
    chosen = np.isin(CLASSES, present)
    model = CLASS_LEARNER.fit(FEATURES[chosen], CLASSES[chosen], 3.0)
    pipeline = logistic(3.0).fit(FEATURES[chosen], CLASSES[chosen])
    found = model.probabilities(FEATURES)
    np.testing.assert_allclose(
        found[:, list(present)], pipeline.predict_proba(FEATURES), atol=1e-12
    )
    assert (np.delete(found, present, axis=1) == 0).all()


def test_more_features_than_files_make_no_other_classifier():
    others = np.random.default_rng(1).standard_normal((NUM_FILES, 200))
    wide = np.concatenate([FEATURES, others], axis=1)
    learnt = np.arange(NUM_FILES) % 3 > 0
    model = CLASS_LEARNER.fit(wide[learnt], CLASSES[learnt], 10.0)
    regression = LogisticRegression(C=0.1, class_weight="balanced", max_iter=5000, tol=1e-10)
    pipeline = make_pipeline(StandardScaler(), regression).fit(wide[learnt], CLASSES[learnt])
    # Those that were not learnt from are far from sure.
    assert model.probabilities(wide[~learnt]).max(axis=1).min() < 0.8
    np.testing.assert_allclose(model.probabilities(wide), pipeline.predict_proba(wide), atol=1e-6)


def test_one_class_alone_is_certain():
    found = CLASS_LEARNER.fit(FEATURES[:4], np.full(4, 1), 1.0).probabilities(FEATURES)
    assert (found == [0, 1, 0]).all()


def test_numbers_are_those_of_ridge_regression():
    model = NUMBER_LEARNER.fit(FEATURES, NUMBERS, 3.0)
    expected = ridge(3.0).fit(FEATURES, NUMBERS).predict(FEATURES)
    np.testing.assert_allclose(model.numbers(FEATURES), expected, atol=1e-9)


def best_logistic(features, classes, groups, penalties=PENALTIES):
    """Chooses the penalty whose held-out probabilities have the least cross-entropy."""
    losses = []
    for penalty in penalties:
        probabilities = cross_val_predict(
            logistic(penalty),
            features,
            classes,
            groups=groups,
            cv=LeaveOneGroupOut(),
            method="predict_proba",
        )
        weights = compute_sample_weight("balanced", classes)
        losses.append(log_loss(classes, probabilities, sample_weight=weights))
    return penalties[int(np.argmin(losses))]


def test_the_penalty_is_chosen_where_whole_groups_are_held_out():
    chosen = CLASS_LEARNER.fit_best(FEATURES, CLASSES, GROUPS).penalty
    assert chosen == best_logistic(FEATURES, CLASSES, GROUPS)
    errors = [
        np.sum(
            (
                cross_val_predict(
                    ridge(each), FEATURES, NUMBERS, groups=GROUPS, cv=LeaveOneGroupOut()
                )
                - NUMBERS
            )
            ** 2
        )
        for each in PENALTIES
    ]
    of_numbers = NUMBER_LEARNER.fit_best(FEATURES, NUMBERS, GROUPS).penalty
    assert of_numbers == PENALTIES[int(np.argmin(errors))]
    # They differ, and neither is the one that is taken where nothing can be held out.
    assert (chosen, of_numbers) == (10.0, 0.3)


def test_what_is_said_of_files_held_out_is_learnt_from_the_others_alone():
    groups = np.arange(NUM_FILES) % 3
    mfcc = FEATURES[:, :4] + 3 * RANDOM.standard_normal((NUM_FILES, 4))
    examples = Examples(FEATURES, mfcc, CLASSES, groups)
    penalties = (1e3, 1.0)
    learner = Learner("class", 3, penalties)
    held_out = hold_out(learner, examples, groups, 10)
    for name, features in {LAYERS: FEATURES, MFCC: mfcc}.items():
        expected = np.zeros(NUM_FILES, int)
        for rest, out in LeaveOneGroupOut().split(features, CLASSES, groups):
            penalty = best_logistic(features[rest], CLASSES[rest], groups[rest], penalties)
            pipeline = logistic(penalty).fit(features[rest], CLASSES[rest])
            expected[out] = pipeline.predict(features[out])
        assert (held_out.said[name] == expected).all(), name
    for fold in range(3):
        out = groups == fold
        most = np.bincount(CLASSES[~out]).argmax()
        assert (held_out.said[MAJORITY][out] == most).all()
    found = figures(learner, examples, held_out)
    right = balanced_accuracy(CLASSES, held_out.said[LAYERS])
    assert found[LAYERS]["balanced accuracy"].value == right
    assert found[LAYERS]["balanced accuracy"].interval is None
    assert held_out.num_unknown == 0


def test_the_rival_of_numbers_is_the_mean_of_what_was_learnt_from():
    examples = Examples(FEATURES, FEATURES[:, :4], NUMBERS, GROUPS)
    held_out = hold_out(Learner("number", penalties=[1.0]), examples, GROUPS, 10)
    for fold in np.unique(GROUPS):
        out = fold == GROUPS
        assert held_out.said[MEAN][out] == pytest.approx(NUMBERS[~out].mean())
    found = figures(NUMBER_LEARNER, examples, held_out)
    assert found[MEAN]["R2"].value < 0 < found[LAYERS]["R2"].value


def test_files_of_a_class_that_nothing_is_left_of_are_counted():
    # All of class 2 is of group 2.
    groups = np.where(CLASSES == 2, 2, np.arange(NUM_FILES) % 2)
    examples = Examples(FEATURES, FEATURES, CLASSES, groups)
    assert hold_out(Learner("class", 3, [1.0]), examples, groups, 10).num_unknown == sum(
        CLASSES == 2
    )


@pytest.mark.parametrize("kind", ["class", "number"])
def test_no_group_is_in_two_folds_and_folds_are_even(kind):
    groups = RANDOM.integers(0, 40, 400)
    targets = RANDOM.integers(0, 4, 400)
    folds = number_folds(kind, targets, groups, 10)
    assert all(len(set(folds[groups == group])) == 1 for group in set(groups))
    counts = np.bincount(folds)
    assert len(counts) == 10
    assert counts.max() <= 1.5 * counts.min()


def test_as_few_groups_as_folds_are_folds_and_more_are_spread_as_scikit_learn_does():
    assert (number_folds("class", CLASSES, GROUPS, 5) == GROUPS).all()
    groups = np.arange(NUM_FILES) // 2
    folds = number_folds("class", CLASSES, groups, 4)
    parts = StratifiedGroupKFold(4).split(FEATURES, CLASSES, groups)
    assert all((folds[out] == number).all() for number, (_, out) in enumerate(parts))


def test_classes_of_fewer_files_than_folds_are_spread_without_a_warning():
    classes = np.arange(24) % 12
    folds = number_folds("class", classes, np.arange(24), 10)
    assert sorted(set(folds)) == [0, 1]
    assert all(set(folds[classes == each]) == {0, 1} for each in range(12))
