"""Tests the network that attends to bands of a spectrum."""

import re
from dataclasses import fields
from functools import cache
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

import configs
from configs import BandSplitSettings
from tests.support.estimates import estimates_of
from trainer.exports.window import WindowModule
from trainer.inference.in_graph import estimate_in_graph
from trainer.inference.tiling import make_block_estimator
from trainer.networks import make_network
from trainer.networks.band_split.bands import listed_bands, mel_bands
from trainer.networks.band_split.centred import CentredTransform
from trainer.tasks.separation.step import loss_of_batch

SMALL = [
    "model.kind=band_split",
    "model.window_frames=64",
    "model.hop_frames=24",
    "model.estimate_frames=240",
    "model.band_bins=5,8,20",
    "model.width=8",
    "model.depth=1",
    "model.num_heads=2",
    "model.head_size=4",
    "data.sources=fl,vc,vn",
]
LABELS = np.array([1, 0, 1], np.float32)


def config_of(*overrides):
    return configs.load("smoke", [*SMALL, *overrides])


@cache
def network_of(*overrides):
    return make_network(config_of(*overrides))


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_centred_columns_are_those_of_scipy_and_turn_back_exactly_at_both_ends():
    transform = CentredTransform(64, 24)
    chunks = noise(2, 240)
    columns = transform.columns(chunks)
    options = {"nperseg": 64, "noverlap": 40, "boundary": "even", "padded": False}
    _, _, expected = scipy.signal.stft(chunks, **options)
    found = np.asarray(columns[0]) + 1j * np.asarray(columns[1])
    # Theirs are divided by the sum of the window.
    np.testing.assert_allclose(found.swapaxes(1, 2), expected * 32, atol=1e-5)
    np.testing.assert_allclose(transform.frames(columns, 240), chunks, atol=2e-6)


def test_the_gradient_of_columns_says_what_a_change_of_them_changes():
    transform = CentredTransform(64, 24)
    spectrum = [tf.constant(noise(2, 11, 33)), tf.constant(noise(2, 11, 33)[::-1])]
    slopes = noise(2, 240)
    with tf.GradientTape() as tape:
        tape.watch(spectrum)
        total = tf.reduce_sum(slopes * transform.frames(spectrum, 240))
    gradients = tape.gradient(total, spectrum)
    rng = np.random.default_rng(1)
    changes = [rng.standard_normal((2, 11, 33)).astype(np.float32) for _ in spectrum]
    # The transform is linear.
    changed = np.sum(slopes * transform.frames(changes, 240))
    predicted = sum(np.sum(g * c) for g, c in zip(gradients, changes, strict=True))
    assert predicted == pytest.approx(changed, rel=1e-4)


def test_mel_bands_are_as_many_bins_as_those_of_published_files():
    bands = mel_bands(60, 1025, 44100)
    assert sum(map(len, bands)) == 1979
    counts = np.bincount(np.concatenate(bands))
    assert (counts.min(), counts.max(), len(counts)) == (1, 2, 1025)


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(["model.mask_depth=1"], marks=pytest.mark.slow),
        pytest.param(
            ["model.mask_depth=3", "model.time_depth=2", "audio.channels=2", "model.residual=vc"],
            marks=pytest.mark.slow,
        ),
        ["model.bands=mel", "model.num_bands=4", "model.linear_depth=1", "model.mask_depth=1"],
    ],
)
def test_parameters_follow_a_formula(overrides):
    network = network_of(*overrides)
    film = 2 * 3 * network.settings.width
    expected = num_parameters(network.settings, network.split.bands, 3, network.num_channels)
    assert network.count_params() == expected + film


def test_published_sizes_are_those_that_facts_say():
    # A file repeats the 32 rates of its rotations for each axis.
    bs = configs.load("musdb_bs_roformer").model
    bands = listed_bands(bs.band_bins)
    assert num_parameters(bs, bands, num_sources=1, num_channels=2) == 159_758_092 - 64
    mel = configs.load("musdb_mel_roformer").model
    bands = mel_bands(mel.num_bands, mel.highest_bins, 44100)
    assert num_parameters(mel, bands, num_sources=1, num_channels=2) == 228_202_852 - 64


def num_parameters(model, bands, num_sources, num_channels):
    width = model.width
    heads = model.num_heads * model.head_size
    feed_forward = width + 2 * 4 * width**2 + 5 * width
    attention = width + 4 * width * heads + (width + 1) * model.num_heads + feed_forward
    linear = width + 4 * width * heads + model.num_heads + feed_forward
    block = (model.time_depth + model.frequency_depth) * attention + model.linear_depth * linear
    norms = width
    if model.bands == "mel":
        norms = model.depth * width * (2 + (model.linear_depth > 0))
    sizes = [2 * num_channels * len(band) for band in bands]
    split = sum(size + (size + 1) * width for size in sizes)
    widths = [width] + [model.mask_wider * width] * model.hidden_layers
    hidden = sum((first + 1) * second for first, second in pairwise(widths))
    num_masked = num_sources - (model.residual is not None)
    masks = num_masked * sum(hidden + (widths[-1] + 1) * 2 * size for size in sizes)
    return model.depth * block + norms + split + masks


def test_labels_of_one_example_move_no_other_and_silence_slots():
    network = network_of()
    mixtures = noise(2, 240, 1)
    both = np.stack([LABELS, 1 - LABELS])
    estimates = np.asarray(estimates_of(network, mixtures, both))
    alone = np.asarray(estimates_of(network, mixtures[:1], both[:1]))
    np.testing.assert_allclose(estimates[:1], alone, atol=1e-6)
    assert np.abs(estimates[0, [0, 2]]).max() > 1e-3
    assert not estimates[0, 1].any()
    # Labels enter the features, too.
    other = np.asarray(estimates_of(network, mixtures[:1], np.array([[1, 1, 1]], np.float32)))
    assert np.abs(other[0, 0] - alone[0, 0]).max() > 1e-4


def test_the_residual_is_what_the_others_leave_of_the_mixture():
    network = make_network(config_of("model.residual=vc", "model.gate_heads=false"))
    mixtures = noise(1, 240, 1)
    estimates = np.asarray(estimates_of(network, mixtures, LABELS[None]))
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures, atol=1e-5)
    assert len(network.heads) == 2
    # Where no other source has a mask, it is the mixture, in its own place.
    for head in network.heads:
        head.set_weights([np.zeros_like(weight) for weight in head.get_weights()])
    estimates = np.asarray(estimates_of(network, mixtures, LABELS[None]))
    np.testing.assert_allclose(estimates[:, 1], mixtures, atol=1e-5)
    assert not estimates[:, [0, 2]].any()


def test_silence_has_finite_gradients():
    network = network_of()
    batch = {
        "mixture": np.zeros((1, 240, 1), np.float32),
        "sources": np.zeros((1, 3, 240, 1), np.float32),
        "labels": LABELS[None],
    }
    with tf.GradientTape() as tape:
        loss = loss_of_batch(network, batch, config_of())
    for gradient in tape.gradient(loss, network.trainable_weights):
        assert np.isfinite(gradient).all()


@pytest.mark.slow
def test_bfloat16_is_near_float32():
    mixtures = noise(1, 240, 1)
    exact = np.asarray(estimates_of(network_of(), mixtures, LABELS[None]))
    rough = network_of("train.compute_dtype=bfloat16")
    found = np.asarray(estimates_of(rough, mixtures, LABELS[None]))
    assert found.dtype == np.float32
    error = np.square(found - exact).sum() / np.square(exact).sum()
    assert -70 < 10 * np.log10(error) < -30
    assert {variable.dtype for variable in rough.variables} == {"float32"}


def test_the_page_has_every_option_with_its_default_and_the_counts_of_experiments():
    defaults = {
        f"model.{field.name}": str(field.default).lower() for field in fields(BandSplitSettings)
    }
    defaults["model.band_bins"] = f"{len(BandSplitSettings().band_bins)} numbers"
    page = (Path(__file__).parents[3] / "docs" / "band-split.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `(model\.\w+)` \| (.*?) \|", page, re.MULTILINE)) == defaults
    counts = re.findall(r"^\| `(\w+)` \| .* \| ([\d,]+) \|$", page, re.MULTILINE)
    assert len(counts) == 3
    for name, count in counts:
        config = configs.load(name)
        model = config.model
        bands = listed_bands(model.band_bins)
        if model.bands == "mel":
            bands = mel_bands(model.num_bands, model.highest_bins, config.audio.sample_rate)
        num_sources = len(config.data.sources)
        total = num_parameters(model, bands, num_sources, config.audio.channels)
        if model.conditioning == "film":
            total += 2 * num_sources * model.width
        assert int(count.replace(",", "")) == total


def test_a_file_of_one_window_of_windows_that_overlap_is_refused():
    with pytest.raises(ValueError, match="windows of this network overlap, 2 over each frame"):
        WindowModule(config_of(), network_of())


@pytest.mark.slow
@pytest.mark.parametrize("overlap", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_chunks_of_a_full_length_estimate_fade(overlap):
    network = network_of(f"model.overlap={overlap}")
    window = network.window()
    mixture = noise(700, 1)
    estimator = make_block_estimator(network, 2**17)
    blocks = np.split(mixture[None], range(23, len(mixture), 23), axis=1)
    estimates = np.concatenate(list(estimator(blocks, {"labels": LABELS})), axis=2)[0]
    hop = window.hop_frames
    assert hop == 240 // overlap
    padded = np.pad(mixture, ((0, 1000), (0, 0)))
    fade = np.ones(240)
    if overlap > 1:
        fade = np.sin(np.pi * (np.arange(240) + 0.5) / 240) ** 2
    sums = np.zeros((3, 1700, 1))
    weights = np.zeros((1700, 1))
    starts = range(0, 700, hop)
    chunks = np.stack([padded[start : start + 240] for start in starts])
    of_chunks = np.asarray(estimates_of(network, chunks, np.tile(LABELS, (len(chunks), 1))))
    for start, estimate in zip(starts, of_chunks, strict=True):
        sums[:, start : start + 240] += estimate * fade[:, None]
        weights[start : start + 240, 0] += fade
    np.testing.assert_allclose(estimates, (sums / np.maximum(weights, 1e-9))[:, :700], atol=1e-5)
    in_graph = estimate_in_graph(network, window, tf.constant(mixture), {"labels": LABELS})
    np.testing.assert_allclose(in_graph, estimates, atol=1e-5)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ["model.band_bins=2,3"],
            "the sum of model.band_bins is 5; expected bins that add up to 33",
        ),
        (["model.hop_frames=40"], "model.hop_frames is 40; expected at most half"),
        (["model.estimate_frames=20"], "model.estimate_frames is 20; expected at least"),
        (["model.residual=xx"], "model.residual is 'xx'; expected one of fl, vc, vn"),
        (["model.head_size=3"], "model.head_size is 3; expected even"),
        (["model.band_bins=2,x"], "model.band_bins is 'x'; expected a whole number"),
    ],
)
def test_what_makes_no_network_is_refused(overrides, sentence):
    with pytest.raises(ValueError, match=sentence):
        config_of(*overrides)


@pytest.mark.slow
def test_weights_follow_the_seed_alone():
    first = network_of()
    keras.utils.set_random_seed(7)
    second = make_network(config_of())
    for one, other in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(one, other)
