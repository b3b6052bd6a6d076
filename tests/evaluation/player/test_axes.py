"""Axes of a map: the principal ones, as another implementation finds them."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from evaluation.player.axes import (
    axes_of_prior,
    axes_of_sounds,
    map_limits,
    principal_axes,
)


@pytest.fixture
def latents():
    rng = np.random.default_rng(1)
    mixed = rng.standard_normal((60, 5)) @ rng.standard_normal((5, 5)) + rng.standard_normal(5)
    return mixed.astype(np.float32)


def test_principal_axes_are_those_of_scikit_learn(latents):
    axes = principal_axes(latents)
    other = PCA().fit(latents)
    agreement = np.abs(np.sum(axes.directions * other.components_, axis=1))
    np.testing.assert_allclose(agreement, 1, atol=1e-5)
    # scikit-learn estimates the variance with N - 1.
    np.testing.assert_allclose(axes.spreads**2, other.explained_variance_ * 59 / 60, rtol=1e-4)
    np.testing.assert_allclose(axes.coordinates(latents).std(axis=0), axes.spreads, rtol=1e-4)


def test_numbers_are_found_again_from_their_coordinates(latents):
    axes = axes_of_sounds(latents)
    back = axes.middle + axes.coordinates(latents) @ axes.directions
    np.testing.assert_allclose(back, latents, atol=1e-5)


def test_signs_do_not_depend_on_those_that_come_out(latents):
    axes = principal_axes(latents)
    largest = np.abs(axes.directions).argmax(axis=1)
    assert (axes.directions[np.arange(5), largest] > 0).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_sounds_have_as_many_axes(latents, count):
    axes = principal_axes(latents[:count])
    np.testing.assert_allclose(axes.directions @ axes.directions.T, np.eye(5), atol=1e-5)
    assert (axes.spreads > 0).all()
    assert np.isfinite(map_limits(axes, latents[:count])).all()


@pytest.mark.parametrize("count", [1, 2])
def test_up_to_two_numbers_are_axes_as_they_are(latents, count):
    axes = axes_of_sounds(latents[:, :count])
    np.testing.assert_array_equal(axes.coordinates(latents[:, :count]), latents[:, :count])
    assert map_limits(axes, latents[:, :count]).shape == (count, 2)


def test_a_map_shows_all_its_sounds(latents):
    latents[0] += 100
    axes = axes_of_sounds(latents)
    places = axes.coordinates(latents)[:, :2]
    least, greatest = map_limits(axes, latents).T
    assert (places > least).all()
    assert (places < greatest).all()


def test_a_map_without_sounds_shows_all_of_an_even_prior():
    axes = axes_of_prior(100, "uniform")
    limits = map_limits(axes, np.zeros((0, 100), np.float32))
    np.testing.assert_allclose(limits, [[-1, 1], [-1, 1]], rtol=1e-6)
    np.testing.assert_array_equal(axes.directions, np.eye(100))


def test_a_network_of_very_many_numbers_has_not_as_many_sliders():
    rng = np.random.default_rng(0)
    axes = axes_of_sounds(rng.standard_normal((10, 1000)).astype(np.float32))
    assert axes.directions.shape == (128, 1000)
