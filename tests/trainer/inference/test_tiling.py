"""Full-length estimates: every frame once, and the patch length changes nothing but rounding."""

from functools import cache

import numpy as np
import pytest

import configs
from tests.support.estimates import estimates_of
from trainer.inference import memory, tiling
from trainer.inference.memory import MEMORY_MB, frames_in
from trainer.inference.tiling import long_window, make_block_estimator
from trainer.networks import make_network

SMALL = ["model.num_levels=4", "model.num_filters=4", "data.sources=fl,vc,vn"]
VALID = [*SMALL, "model.estimate_frames=37"]
SAME = [*SMALL, "model.padding=same", "model.estimate_frames=64"]


@cache
def estimator_of(config, longest):
    """An estimator, which compiles the network once for each size of a patch."""
    return make_block_estimator(make_network(config), longest)


def estimate(config, mixture, longest):
    # In blocks that have nothing to do with the windows.
    blocks = np.split(mixture[None], range(23, len(mixture), 23), axis=1)
    estimates = estimator_of(config, longest)(blocks, {"labels": np.array([1, 0, 1], np.float32)})
    return np.concatenate(list(estimates), axis=2)[0]


@pytest.mark.parametrize("overrides", [VALID, SAME, [*VALID, "audio.channels=2"]])
@pytest.mark.parametrize("num_frames", [1, 15, 16, 17, 1000])
def test_the_length_of_the_patch_changes_nothing(overrides, num_frames):
    config = configs.load("smoke", overrides)
    rng = np.random.default_rng(0)
    mixture = rng.standard_normal((num_frames, config.audio.channels)).astype(np.float32)
    short = estimate(config, mixture, 40)
    long = estimate(config, mixture, 2**17)
    assert short.shape == (3, num_frames, config.audio.channels)
    np.testing.assert_allclose(short, long, atol=1e-6)
    assert np.abs(long).max() > 1e-3


def test_the_estimate_is_that_of_the_network_on_the_whole_track():
    config = configs.load("smoke", VALID)
    network, geometry = make_network(config), config.model.window()
    mixture = np.random.default_rng(0).standard_normal((500, 1)).astype(np.float32)
    whole = geometry.resized(500)
    padded = np.pad(
        mixture, ((whole.context_frames, whole.mixture_frames - whole.context_frames - 500), (0, 0))
    )
    labels = np.array([1, 0, 1], np.float32)
    expected = np.asarray(estimates_of(network, padded[None], labels[None]))[0, :, :500]
    np.testing.assert_allclose(estimate(config, mixture, 40), expected, atol=1e-6)


@pytest.mark.parametrize(("num_left", "hops"), [(32, [64, 32]), (33, [64])])
def test_little_that_is_left_at_the_end_has_a_window_of_half_the_length(
    monkeypatch, num_left, hops
):
    compiled = []

    def estimate_window(network, window, *inputs):
        compiled.append(window.hop_frames)
        return unpatched(network, window, *inputs)

    unpatched = tiling.compute_window
    monkeypatch.setattr(tiling, "compute_window", estimate_window)
    config = configs.load("smoke", VALID)
    estimates = make_block_estimator(make_network(config), 64)(
        [np.ones((1, 128 + num_left, 1), np.float32)], {"labels": np.ones(3, np.float32)}
    )
    assert [block.shape[2] for block in estimates] == [64, 64, num_left]
    assert compiled == hops


@pytest.mark.parametrize("name", ["smoke", "urmp_labels", "musdb", "musdb_hq"])
def test_a_window_takes_the_memory_that_it_may_and_no_more_than_is_of_use(name):
    network = make_network(configs.load(name))
    window = long_window(network, frames_in(MEMORY_MB, network))
    num_bytes = window.mixture_frames * network.frame_bytes()
    # The published network has much context, that of the smoke run little.
    if name == "smoke":
        assert num_bytes < 0.2 * 1e6 * MEMORY_MB
    else:
        assert 0.9 < num_bytes / (1e6 * MEMORY_MB) <= 1
    # What is computed twice.
    assert 1 - window.hop_frames / window.mixture_frames < 0.15
    assert long_window(network, frames_in(0, network)).hop_frames == network.window().stride_frames


def test_where_there_is_too_little_memory_windows_are_shorter_and_it_is_said(monkeypatch, capsys):
    network = make_network(configs.load("smoke", VALID))
    expected = frames_in(20, network)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(memory, "available_memory", lambda: 20_000_000)
    assert frames_in(1000, network) == expected
    assert capsys.readouterr().err.startswith(
        "warning: there are 20 MB of memory left and not 1,000, so that windows are shorter:"
    )


@pytest.mark.parametrize(
    "experiment", ["smoke", pytest.param("smoke_band_split", marks=pytest.mark.slow)]
)
def test_what_is_worth_compiling_is_the_same(experiment, monkeypatch):
    """As the windows of a network are whose arithmetic takes longer than XLA."""
    overrides = {
        "smoke": VALID,
        "smoke_band_split": [
            *("data.sources=fl,vc,vn", "model.window_frames=64", "model.hop_frames=16"),
            *("model.estimate_frames=512", "model.num_bands=6", "model.width=8", "model.depth=1"),
            *("model.num_heads=2", "model.head_size=4"),
        ],
    }
    config = configs.load(experiment, overrides[experiment])
    mixture = np.random.default_rng(1).standard_normal((1, 1200, 1)).astype(np.float32)
    conditions = {"labels": np.array([1, 0, 1], np.float32)}

    def estimate_with(network):
        blocks = make_block_estimator(network, 2**17)([mixture], conditions)
        return np.concatenate(list(blocks), axis=2)

    network = make_network(config)
    expected = estimate_with(network)
    monkeypatch.setattr(tiling, "_WORTH_COMPILING", network.forward_flops() - 1)
    found = estimate_with(network)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    # XLA computes in another order: it is another rounding, which shows that it did.
    assert (found != expected).any()
