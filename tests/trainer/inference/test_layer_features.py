"""The features of all layers of a tagger, averaged over a file, against one pass over all of it."""

from dataclasses import replace

import numpy as np
import pytest
import soxr

import configs
from tests.evaluation.classes.sounds import SMALL, make_run
from trainer.inference.layer_features import LayerFeatures, TrainedLayerFeatures
from trainer.networks import make_network

RATE = 8000


def features_of(overrides=()):
    config = configs.load("smoke_tagger", [*SMALL, *overrides])
    return LayerFeatures(config, make_network(config))


@pytest.fixture(scope="module")
def layers():
    return features_of()


@pytest.fixture(scope="module")
def sound():
    return 0.1 * np.random.default_rng(0).standard_normal((9000, 1)).astype(np.float32)


@pytest.mark.parametrize("hops", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_they_are_the_means_of_what_each_layer_makes_of_the_whole_waveform(hops, layers, sound):
    if hops > 1:
        layers = features_of([f"model.column_hops={hops}"])
    model = layers.config.model
    window = model.window(len(sound))
    num_answers = -(-len(sound) // model.column_frames)
    padded = np.zeros((1, window.mixture_frames, 1), np.float32)
    padded[0, window.lead_frames : window.lead_frames + len(sound)] = sound
    expected = []
    # The block of the body has three taps: so many columns lie before the first answer.
    for layer, before in zip(layers.tagger.encode(padded, {}), (1, 0), strict=True):
        if layer.shape[1] > num_answers:
            layer = layer[:, before : before + num_answers * hops]
        expected.append(np.asarray(layer)[0].mean(axis=0, dtype=np.float64))
    assert layers.sizes == (8, 8)
    np.testing.assert_allclose(layers.listen([sound], RATE), np.concatenate(expected), atol=1e-5)


def test_blocks_and_windows_of_any_length_change_nothing(layers, sound):
    whole = layers.listen([sound], RATE)
    blocks = np.split(sound, [1, 700, 701, 5000])
    short = LayerFeatures(layers.config, layers.tagger, memory_mb=0.05)
    np.testing.assert_allclose(short.listen(blocks, RATE), whole, atol=1e-5)
    assert np.abs(layers.listen(blocks[:-1], RATE) - whole).max() > 1e-4


def test_a_waveform_may_have_any_rate_and_channels(layers, sound):
    stereo = np.stack([sound[:, 0], -0.5 * sound[:, 0]], axis=1)
    heard = soxr.resample(0.25 * sound, 11025, RATE)
    expected = layers.of_mono([heard[None]])
    np.testing.assert_allclose(layers.listen([stereo], 11025), expected, atol=1e-4)


def test_the_checksum_tells_weights_and_what_changes_what_is_heard(layers):
    config = layers.config
    first = layers.checksum()
    longer = replace(config, train=replace(config.train, steps=7))
    assert LayerFeatures(longer, layers.tagger).checksum() == first
    higher = replace(config, model=replace(config.model, lowest_hz=100.0))
    assert LayerFeatures(higher, layers.tagger).checksum() != first
    before = layers.tagger.get_weights()
    layers.tagger.set_weights([*before[:-1], before[-1] + 1e-6])
    assert layers.checksum() != first
    layers.tagger.set_weights(before)
    assert layers.checksum() == first


@pytest.mark.slow
def test_those_of_a_run_have_the_weights_of_the_checkpoint_that_is_named(tmp_path, sound):
    make_run(tmp_path)
    steps = {name: TrainedLayerFeatures(str(tmp_path), name) for name in ("5", "latest")}
    assert steps["latest"].step == 7
    assert steps["latest"].origin == f"step 7 of {tmp_path}"
    first, last = (each.listen([sound], RATE) for each in steps.values())
    assert np.abs(first - last).max() > 1e-3
