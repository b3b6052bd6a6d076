"""Orders of decisions, and how right they are, beside what every order would give."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from scipy.special import log_expit, log_softmax

from trainer.tasks.ordering.answers import (
    MEASURES,
    chance,
    places_by_chain,
    places_by_pairs,
    places_by_sorter,
    rightness,
)


@pytest.mark.parametrize("num_clips", [2, 3, 5])
def test_a_sorter_is_believed_as_a_whole(num_clips):
    decisions = log_softmax(np.random.default_rng(0).normal(size=(20, num_clips, num_clips)), 2)
    found = places_by_sorter(decisions)
    for own, places in zip(decisions, found, strict=True):
        sums = {p: own[np.arange(num_clips), p].sum() for p in permutations(range(num_clips))}
        assert tuple(places) == max(sums, key=sums.get)


def test_pairs_that_agree_are_their_order():
    rng = np.random.default_rng(1)
    for _ in range(20):
        true = rng.permutation(6)
        decisions = 3.0 * np.sign(true[None, :] - true[:, None]) + 0.1 * rng.normal(size=(6, 6))
        assert places_by_pairs(decisions[None])[0].tolist() == true.tolist()


def test_pairs_of_two_are_the_likelier_order():
    scores = np.random.default_rng(2).normal(size=50)
    decisions = np.zeros((50, 2, 2))
    decisions[:, 0, 1], decisions[:, 1, 0] = scores, -scores
    found = places_by_pairs(decisions)
    expected = (log_expit(scores) < log_expit(-scores)).astype(int)
    assert found[:, 0].tolist() == expected.tolist()


@pytest.mark.parametrize("num_clips", [2, 3, 5])
def test_a_chain_has_the_highest_sum_over_neighbours(num_clips):
    decisions = np.random.default_rng(4).normal(size=(20, num_clips, num_clips))
    for own, places in zip(decisions, places_by_chain(decisions), strict=True):
        sums = {
            order: sum(own[i, j] for i, j in pairwise(order))
            for order in permutations(range(num_clips))
        }
        assert tuple(np.argsort(places)) == max(sums, key=sums.get)


def test_a_long_chain_that_is_clear_is_found():
    rng = np.random.default_rng(5)
    order = rng.permutation(20)
    decisions = 0.1 * rng.normal(size=(1, 20, 20))
    decisions[0, order[:-1], order[1:]] += 1
    assert np.argsort(places_by_chain(decisions)[0]).tolist() == order.tolist()


@pytest.mark.parametrize("num_clips", [2, 3, 4, 5])
def test_chance_is_the_mean_over_all_orders(num_clips):
    orders = np.array(list(permutations(range(num_clips))))
    true = np.tile(np.arange(num_clips), (len(orders), 1))
    measured = rightness(orders, true)
    for name in MEASURES:
        mean = getattr(measured, name).mean()
        assert mean == pytest.approx(chance(num_clips)[name], abs=1e-12)


def test_an_order_and_its_reverse():
    true = np.array([[2, 0, 1], [0, 1, 2]])
    found = np.array([[2, 0, 1], [2, 1, 0]])
    measured = rightness(found, true)
    assert measured.exact.tolist() == [1, 0]
    assert measured.exact_or_reversed.tolist() == [1, 1]
    assert measured.position.tolist() == [1, 1 / 3]
    assert measured.tau.tolist() == [1, -1]
