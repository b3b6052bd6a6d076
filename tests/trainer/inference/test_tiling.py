"""Full-length estimates: every frame once, and the patch length changes nothing but rounding."""

from functools import cache

import numpy as np
import pytest

import configs
from tests.support.estimates import estimates_of
from trainer.inference import tiling
from trainer.inference.tiling import make_block_estimator
from trainer.networks import make_network

SMALL = ["model.num_levels=4", "model.num_filters=4", "data.sources=fl,vc,vn"]
VALID = [*SMALL, "model.estimate_frames=37"]
SAME = [*SMALL, "model.padding=same", "model.estimate_frames=64"]


@cache
def estimator_of(config):
    """An estimator, which compiles the network once for each size of a patch."""
    return make_block_estimator(make_network(config))


def estimate(config, mixture, longest, monkeypatch):
    monkeypatch.setattr(tiling, "_LONG_WINDOW_FRAMES", longest)
    # In blocks that have nothing to do with the windows.
    blocks = np.split(mixture[None], range(23, len(mixture), 23), axis=1)
    estimates = estimator_of(config)(blocks, {"labels": np.array([1, 0, 1], np.float32)})
    return np.concatenate(list(estimates), axis=2)[0]


@pytest.mark.parametrize("overrides", [VALID, SAME, [*VALID, "audio.channels=2"]])
@pytest.mark.parametrize("num_frames", [1, 15, 16, 17, 1000])
def test_the_length_of_the_patch_changes_nothing(overrides, num_frames, monkeypatch):
    config = configs.load("smoke", overrides)
    rng = np.random.default_rng(0)
    mixture = rng.standard_normal((num_frames, config.audio.channels)).astype(np.float32)
    short = estimate(config, mixture, 40, monkeypatch)
    long = estimate(config, mixture, 2**17, monkeypatch)
    assert short.shape == (3, num_frames, config.audio.channels)
    np.testing.assert_allclose(short, long, atol=1e-6)
    assert np.abs(long).max() > 1e-3


def test_the_estimate_is_that_of_the_network_on_the_whole_track(monkeypatch):
    config = configs.load("smoke", VALID)
    network, geometry = make_network(config), config.model.window()
    mixture = np.random.default_rng(0).standard_normal((500, 1)).astype(np.float32)
    whole = geometry.resized(500)
    padded = np.pad(
        mixture, ((whole.context_frames, whole.mixture_frames - whole.context_frames - 500), (0, 0))
    )
    labels = np.array([1, 0, 1], np.float32)
    expected = np.asarray(estimates_of(network, padded[None], labels[None]))[0, :, :500]
    np.testing.assert_allclose(estimate(config, mixture, 40, monkeypatch), expected, atol=1e-6)
