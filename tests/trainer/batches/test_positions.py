"""Where in the records examples lie: every patch as likely, or every instrument."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from trainer.batches.positions import Positions

NUM_POSITIONS = np.array([300, 5, 40, 1, 700])
# Slots: nearly everywhere, in two short records, nowhere, in one record of a patch, in the longest.
STORED = np.array(
    [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [1, 0, 0, 1, 0],
        [1, 0, 0, 0, 1],
    ]
)
NUM_DRAWS = 40_000


def draw(is_balanced, seeds=((1, 2), (3, 4)), stored=STORED):
    positions = Positions(tf.constant(NUM_POSITIONS), tf.constant(stored), is_balanced)
    records, firsts = positions.draw(NUM_DRAWS, *tf.constant(seeds, tf.int32))
    return np.asarray(records), np.asarray(firsts)


def patches_of(records, firsts):
    """How often each patch was drawn, record after record."""
    assert (firsts >= 0).all()
    assert (firsts < NUM_POSITIONS[records]).all()
    starts = np.cumsum(NUM_POSITIONS) - NUM_POSITIONS
    return np.bincount(starts[records] + firsts, minlength=NUM_POSITIONS.sum())


@pytest.mark.parametrize("is_balanced", [False, True])
def test_patches_are_as_likely_as_they_should_be(is_balanced):
    shares = np.zeros(len(NUM_POSITIONS))
    if is_balanced:
        # A quarter of the examples for each of the four slots that some record stores.
        for slot in (0, 1, 3, 4):
            storing = STORED[:, slot] * NUM_POSITIONS
            shares += storing / storing.sum() / 4
    else:
        shares = NUM_POSITIONS / NUM_POSITIONS.sum()
    expected = np.repeat(shares / NUM_POSITIONS, NUM_POSITIONS) * NUM_DRAWS
    found = patches_of(*draw(is_balanced))
    assert scipy.stats.chisquare(found, expected).pvalue > 0.001
    # The same test tells the two laws apart.
    other = patches_of(*draw(not is_balanced))
    assert scipy.stats.chisquare(other, expected).pvalue < 1e-9


def test_each_law_has_a_seed_of_its_own():
    for is_balanced, own in ((False, 0), (True, 1)):
        seeds = [(1, 2), (3, 4)]
        before = draw(is_balanced, seeds)
        seeds[1 - own] = (5, 6)
        np.testing.assert_array_equal(draw(is_balanced, seeds), before)
        seeds[own] = (5, 6)
        assert (np.asarray(draw(is_balanced, seeds)) != before).any()
