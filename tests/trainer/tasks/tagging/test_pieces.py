"""Which instruments a piece has, against a count of columns and a quantile of NumPy's."""

import json

import numpy as np
import pytest

from trainer.tasks.tagging.pieces import (
    SHARE,
    heard_columns,
    piece_labels,
    piece_probabilities,
)
from trainer.tasks.tagging.thresholds import as_figures, choose_share, share_of

NAMES = ("a", "b", "c", "d", "e")


def activity_of(num_columns, seed=0):
    values = np.random.default_rng(seed).random((len(NAMES), num_columns))
    # With ties, and 0 and 1 among them.
    return np.round(values, 1).astype(np.float32)


@pytest.mark.parametrize("num_columns", [1, 2, 9, 10, 11, 30, 43, 1000])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 1.0])
def test_a_piece_has_what_is_heard_in_a_share_of_its_columns(num_columns, share):
    activity = activity_of(num_columns)
    for threshold in (0.0, 0.1, 0.5, 0.9, 1.0):
        # As 32 bits hold it, so that ties are ties.
        thresholds = dict.fromkeys(NAMES, float(np.float32(threshold)))
        counts = [
            sum(value >= thresholds[name] for value in row.tolist())
            for name, row in zip(NAMES, activity, strict=True)
        ]
        # Whole numbers: share is a multiple of a tenth.
        expected = [
            name
            for name, count in zip(NAMES, counts, strict=True)
            if 10 * count >= round(10 * share) * num_columns and count
        ]
        assert piece_labels(activity, thresholds, share) == expected
        assert heard_columns(activity, thresholds).sum(axis=1).tolist() == counts


@pytest.mark.parametrize("num_columns", [1, 9, 10, 11, 30, 43, 997])
def test_its_probability_is_a_quantile(num_columns):
    activity = activity_of(num_columns, seed=1)
    expected = -np.quantile(-activity, 0.1, axis=1, method="inverted_cdf")
    np.testing.assert_array_equal(piece_probabilities(activity), expected)


def test_a_share_that_is_a_whole_number_of_columns_is_that_many():
    # As floats, 0.07 times 100 is more than 7.
    activity = np.zeros((1, 100), np.float32)
    activity[0, :7] = 0.75
    assert piece_labels(activity, {"a": 0.5}, share=0.07) == ["a"]
    activity[0, 6] = 0
    assert piece_labels(activity, {"a": 0.5}, share=0.07) == []


def test_thresholds_are_of_all_instruments():
    with pytest.raises(ValueError, match="zip"):
        piece_labels(activity_of(5), {"a": 0.5})


def test_without_columns_nothing_is_heard():
    assert piece_labels(np.zeros((5, 0), np.float32), dict.fromkeys(NAMES, 0.5)) == []


def test_the_share_of_a_piece_is_the_one_that_is_right_most_often(tmp_path):
    """In the middle of those that are; a run has kept it."""
    thresholds = {"a": 0.5, "b": 0.5}
    # Of 20 columns a is heard in 8, where it plays, and b in 3, where it does not.
    activity = np.zeros((2, 20), np.float32)
    activity[0, :8] = 0.9
    activity[1, :3] = 0.9
    chosen = choose_share([activity, activity], [("a",), ("a",)], thresholds)
    # From 0.2 (4 of 20) to 0.4 (8 of 20) all is right.
    assert chosen == 0.3
    assert piece_labels(activity, thresholds, chosen) == ["a"]
    assert share_of(str(tmp_path), 5) == SHARE
    lines = [
        {"step": 4, "kind": "valid", **{each.name: each.value for each in as_figures({}, 0.3)}},
        {"step": 8, "kind": "valid", "piece/share": 0.5, "raw_piece/share": 0.2},
    ]
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (tmp_path / "metrics.jsonl").write_text(text)
    assert [share_of(str(tmp_path), step) for step in (3, 4, 7, 8)] == [SHARE, 0.3, 0.3, 0.5]
    assert share_of(str(tmp_path), 8, "raw") == 0.2
