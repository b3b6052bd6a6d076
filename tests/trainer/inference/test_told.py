"""What a separator is told of a piece: notes where they sound, whatever way it hears the piece."""

import numpy as np
import pytest

import configs
from data_prep.audio.annotations import Note
from trainer.inference.average import average_of
from trainer.inference.separator import Separator
from trainer.inference.told import NOTHING, Told, rows_of
from trainer.networks import make_network

pytestmark = pytest.mark.slow

SMALL = [
    "audio.sample_rate=1000",
    "model.num_levels=5",
    "model.num_filters=2",
    "model.estimate_frames=101",
    "model.gate_timing=true",
    "model.gate_release_secs=0.01",
    "data.sources=fl,vn",
]
TOLD = Told(np.array([[300, 400, 6900, 1]]))
# The gate opens 50 ms before a note, over one stride.
CLOSED = np.r_[0:218, 442:700]


def make_separator(*overrides):
    config = configs.load("smoke", [*SMALL, *overrides])
    return Separator(config, make_network(config))


@pytest.fixture(scope="module")
def mixture():
    return np.random.default_rng(0).standard_normal((700, 1)).astype(np.float32)


def test_all_passes_over_a_piece_are_told_its_notes_where_they_sound(mixture):
    separator = make_separator()
    mean = average_of([separator], num_passes=4).told(TOLD)
    estimates = mean.estimate(mixture, ("fl", "vn"))
    np.testing.assert_array_equal(estimates[0], 0)
    np.testing.assert_array_equal(estimates[1, CLOSED], 0)
    # Open to its end: a pass that hears the piece later must not be told an earlier note.
    open_throughout = make_separator("model.gate_timing=false")
    expected = average_of([open_throughout], num_passes=4).estimate(mixture, ("fl", "vn"))
    np.testing.assert_allclose(estimates[1, 282:378], expected[1, 282:378], atol=1e-6)


def test_a_rate_and_channels_of_its_own_change_nothing_about_when_notes_sound():
    separator = make_separator().told(TOLD)
    mixture = np.random.default_rng(1).standard_normal((1400, 2)).astype(np.float32)
    estimates = separator.separate(mixture, 2000, ("fl", "vn"))
    assert estimates.shape == (2, 1400, 2)
    level = np.abs(estimates[1])
    assert level[2 * CLOSED[60:180]].max() < 1e-3 * level[620:780].max()


def test_being_told_leaves_the_separator_that_is_told_nothing_as_it_was(mixture):
    separator = make_separator("augmentation.note_dropout=0.1")
    told = separator.told(TOLD)
    assert np.abs(separator.estimate(mixture, ("vn",))[1, CLOSED]).max() > 0
    assert np.abs(told.estimate(mixture, ("vn",))[1, CLOSED]).max() == 0
    assert separator.identity() == separator.told(NOTHING).identity()
    assert separator.identity() != told.identity() != separator.told(TOLD.later(1)).identity()


def test_what_a_network_must_be_told_is_asked_for(mixture):
    with pytest.raises(
        ValueError, match="told the notes of a piece and never learns to do without"
    ):
        make_separator().estimate(mixture, ("vn",))
    separator = make_separator("model.gate_timing=false", "model.context_size=3")
    with pytest.raises(ValueError, match="told a vector for each instrument and never learns"):
        separator.estimate(mixture, ("vn",))
    with pytest.raises(ValueError, match="vectors of 3 numbers for 2 slots; got 4 for 2"):
        separator.told(Told(context=np.ones((2, 4), np.float32))).estimate(mixture, ("vn",))


def test_notes_of_instruments_are_rows_of_slots():
    notes = [Note(5, 9, 6950, "vn"), Note(2, 3, 6000, "fl")]
    np.testing.assert_array_equal(rows_of(notes, ("fl", "vn")), [[5, 9, 6950, 1], [2, 3, 6000, 0]])
    assert rows_of([], ("fl",)).shape == (0, 4)
    with pytest.raises(ValueError, match="xx"):
        rows_of([Note(5, 9, 6950, "xx")], ("fl", "vn"))
