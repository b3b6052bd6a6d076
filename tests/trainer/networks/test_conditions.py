"""Conditions of a track are cut to its windows, inside the track and across both of its ends."""

import numpy as np
import pytest

from trainer.networks.conditions import (
    by_column,
    by_position,
    cut_conditions,
    require_taken,
    whole,
)


def test_a_whole_condition_is_the_same_in_every_window():
    labels = np.array([1, 0, 1], np.float32)
    assert whole(labels, -100, 5) is labels
    np.testing.assert_array_equal(cut_conditions({"labels": labels}, 7, 5)["labels"], labels)


@pytest.mark.parametrize(
    ("first_frame", "num_frames", "expected"),
    [
        (0, 40, [1, 2, 3, 4]),
        (10, 25, [2, 3, 4]),
        # The column nearest to the first frame begins.
        (14, 20, [2, 3]),
        (15, 20, [3, 4]),
        # Zeros stand in for what lies before and behind the track.
        (-20, 40, [0, 0, 1, 2]),
        (30, 40, [4, 5, 0, 0]),
        (-100, 30, [0, 0, 0]),
        (100, 30, [0, 0, 0]),
        (-10, 80, [0, 1, 2, 3, 4, 5, 0, 0]),
    ],
)
def test_a_condition_by_column_is_cut_to_the_columns_of_a_window(first_frame, num_frames, expected):
    # Five columns of two slots, ten frames apart.
    columns = np.outer(np.arange(1, 6), [1, 10])
    cut = by_column(10)(columns, first_frame, num_frames)
    np.testing.assert_array_equal(cut, np.outer(expected, [1, 10]))


def test_notes_that_reach_into_a_window_are_counted_from_its_first_frame():
    # Onset, offset (the first frame that no longer sounds), pitch in cents, slot.
    notes = np.array(
        [
            [0, 10, 6000, 0],
            [5, 11, 6100, 1],
            [12, 14, 6200, 0],
            [18, 40, 6300, 2],
            [20, 30, 6400, 0],
        ],
        np.int32,
    )
    before = notes.copy()
    cut = by_position(2)(notes, 10, 10)
    expected = [[-5, 1, 6100, 1], [2, 4, 6200, 0], [8, 30, 6300, 2]]
    np.testing.assert_array_equal(cut, expected)
    np.testing.assert_array_equal(notes, before)
    assert by_position(2)(notes, -50, 50).shape == (0, 4)


def test_an_event_of_one_position_lies_in_one_window_alone():
    onsets = np.array([[-1, 7], [0, 8], [9, 9], [10, 10]], np.int32)
    np.testing.assert_array_equal(by_position(1)(onsets, 0, 10), [[0, 8], [9, 9]])
    np.testing.assert_array_equal(by_position(1)(onsets, 10, 10), [[0, 10]])


def test_a_condition_without_a_rule_is_refused():
    with pytest.raises(ValueError, match=r"weather has no rule .* the conditions are labels"):
        cut_conditions({"weather": np.zeros(3)}, 0, 10)


def test_other_conditions_than_those_that_are_taken_are_refused():
    require_taken({"labels": 0}, ("labels",))
    require_taken({}, ())
    with pytest.raises(ValueError, match="are labels, notes; this network takes labels"):
        require_taken(["labels", "notes"], ("labels",))
    with pytest.raises(ValueError, match="are none; this network takes labels"):
        require_taken({}, ("labels",))
    with pytest.raises(ValueError, match="are labels; this network takes none"):
        require_taken({"labels": 0}, ())
