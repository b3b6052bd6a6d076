"""What systems answered, put together: against scikit-learn, and as if tracks were drawn anew."""

import numpy as np
import pytest
from sklearn import metrics

from evaluation.tasks.tagging.answers import Answers, always
from evaluation.tasks.tagging.resampling import macro_intervals
from evaluation.tasks.tagging.scores import MACRO, iter_rows, score_system
from trainer.tasks.tagging.listening import HeardTrack

SOURCES = ("vn", "vc", "fl")


def make_answers(seed, num_tracks=8, num_columns=60):
    rng = np.random.default_rng(seed)
    tracks = []
    for number in range(num_tracks):
        truth = rng.random((3, num_columns)) < rng.random((3, 1))
        truth[2] &= number > 2
        activity = np.clip(0.4 * rng.random(truth.shape) + 0.25 * truth, 0, 1)
        labels = tuple(name for name, row in zip(SOURCES, truth, strict=True) if row.any())
        tracks.append(HeardTrack(f"track {number}", labels, activity.astype(np.float32), truth))
    return Answers("model", tracks, {"vn": 0.3, "vc": 0.4, "fl": 0.35})


def test_macro_means_are_those_of_scikit_learn():
    answers = make_answers(0)
    found = score_system(answers).macro
    truth = answers.truth.T
    heard = answers.heard.T
    options = {"average": "macro", "zero_division": 0}
    assert found["f1"] == pytest.approx(metrics.f1_score(truth, heard, **options), abs=1e-12)
    area = metrics.roc_auc_score(truth, answers.activity.T, average="macro")
    assert found["roc_auc"] == pytest.approx(area, abs=1e-12)
    precision = metrics.average_precision_score(truth, answers.activity.T, average="macro")
    assert found["average_precision"] == pytest.approx(precision, abs=1e-12)


def test_intervals_are_those_of_resamples_put_together():
    """A few of them, each as if its tracks were another corpus."""
    answers = make_answers(1)
    intervals = macro_intervals(answers, MACRO)
    rng = np.random.default_rng(5)
    macros = []
    for _ in range(300):
        chosen = rng.integers(0, len(answers.tracks), len(answers.tracks))
        again = Answers("model", [answers.tracks[i] for i in chosen], answers.thresholds)
        macros.append(score_system(again, with_intervals=False).macro)
    for name in MACRO:
        low, high = np.quantile([macro[name] for macro in macros], [0.025, 0.975])
        width = high - low
        assert intervals[name].low == pytest.approx(low, abs=0.2 * width + 1e-3)
        assert intervals[name].high == pytest.approx(high, abs=0.2 * width + 1e-3)


def test_few_tracks_have_no_interval():
    assert macro_intervals(make_answers(2, num_tracks=5), MACRO) == {}


def test_pieces_are_told_apart():
    answers = make_answers(3)
    pieces = score_system(answers).pieces
    wrong = answers.labels != answers.heard_labels
    assert pieces.errors == wrong.sum() / len(answers.tracks)
    expected = metrics.f1_score(answers.labels.ravel(), answers.heard_labels.ravel())
    assert pieces.decisions.f1 == pytest.approx(expected, abs=1e-12)
    silent = always("never", answers, dict.fromkeys(SOURCES, 0.0), 0.5)
    assert not silent.heard_labels.any()
    assert {row.f1 for row in iter_rows(silent)} == {0.0}
