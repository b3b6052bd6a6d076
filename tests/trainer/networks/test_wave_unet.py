"""The network against the published parameter counts and a plain NumPy pass; what labels may do."""

from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf

import configs
from configs.networks import CONDITIONED_AT
from tests.support import plain_wave_unet
from tests.support.estimates import estimates_of
from trainer.networks import make_network
from trainer.networks.conditioning import UNKNOWN
from trainer.tasks.separation.step import loss_of_batch

DIFFERENCE = ["model.output=difference"]
GRID = [
    (kind, place) for kind, places in CONDITIONED_AT.items() for place in places if kind != "none"
]
UNLABELLED = ["model.conditioning=none", "model.conditioned_at=none", "model.gate_heads=false"]
SMALL = [
    "model.num_levels=3",
    "model.num_filters=4",
    "model.estimate_frames=101",
    "data.sources=cl,fl,vc,vn",
]


COUNTS = {
    "published_579521": 10_263_288,
    "published_687286": 15_654_648,
    "published_808202": 10_263_288,
    "published_839001": 10_263_288,
    "published_989518": 10_263_288,
    "urmp": 10_263_314,
    "musdb": 10_263_080,
    "wave_unet_m1": 10_263_028,
    "wave_unet_m2": 10_263_002,
    "wave_unet_m3": 10_263_002,
    "wave_unet_m4": 10_263_390,
    "wave_unet_m5": 10_265_550,
    "wave_unet_m6": 10_263_498,
}


@cache
def count_parameters(config):
    return make_network(config).count_params()


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_parameter_counts_of_the_publications(name):
    config = configs.load(name)
    # Experiments that differ in their training alone have one network, which is made once.
    train = configs.Train(compute_dtype=config.train.compute_dtype)
    sections = {"audio": config.audio, "data": config.data, "model": config.model, "train": train}
    assert count_parameters(configs.Config("any", **sections)) == COUNTS[name]


def test_the_published_runs_differ_as_they_were_published():
    runs = {
        number: configs.load(f"published_{number}")
        for number in (579521, 687286, 808202, 839001, 989518)
    }
    assert {(run.train.steps, run.train.batch_size) for run in runs.values()} == {(200_000, 64)}
    assert [run.train.learning_rate for run in runs.values()] == [1e-5, 1e-5, 1e-4, 1e-5, 1e-5]
    assert [run.train.schedule for run in runs.values()] == ["exponential", *["constant"] * 4]
    assert [run.train.compute_dtype for run in runs.values()] == [
        *["float32"] * 3,
        "bfloat16",
        "float32",
    ]
    assert [(run.task.mse, run.task.sse) for run in runs.values()] == [
        (1, 0),
        (0, 1),
        (1, 0),
        (0, 1),
        (1, 0),
    ]
    assert [run.model.conditioning for run in runs.values()] == [
        "none",
        "outer",
        "none",
        "none",
        "none",
    ]
    assert not any(run.model.gate_heads for run in runs.values())


def random_batch(config, seed=0, batch=3):
    rng = np.random.default_rng(seed)
    geometry, slots, channels = (
        config.model.window(),
        len(config.data.sources),
        config.audio.channels,
    )
    mixture = rng.standard_normal((batch, geometry.mixture_frames, channels)).astype(np.float32)
    sources = rng.standard_normal((batch, slots, geometry.estimate_frames, channels)).astype(
        np.float32
    )
    labels = rng.integers(0, 2, (batch, slots)).astype(np.float32)
    labels[0] = 1
    labels[2] = -1  # unknown
    return {"mixture": mixture, "sources": sources, "labels": labels}


@cache
def first_and_shaken_network(config):
    """A network whose biases are not zero, so that a missing one shows, after its first weights.

    Made once for all tests, which leave it as it is.
    """
    network = make_network(config)
    first = network.get_weights()
    rng = np.random.default_rng(1)
    network.set_weights([w + 0.05 * rng.standard_normal(w.shape).astype(np.float32) for w in first])
    return first, network


def shaken_network(config):
    return first_and_shaken_network(config)[1]


def weights_by_layer(network):
    layers = {
        layer.name: [np.asarray(w, np.float64) for w in layer.get_weights()]
        for layer in network.layers
    }
    return {name: weights for name, weights in layers.items() if weights}


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["model.gate_heads=false"],
        UNLABELLED,
        *[[f"model.conditioning={kind}", f"model.conditioned_at={place}"] for kind, place in GRID],
        ["model.upsampling=learned"],
        ["model.upsampling=learned", "model.padding=same", "model.estimate_frames=64"],
        ["model.head_activation=linear"],
        [*DIFFERENCE, "model.residual=fl"],
        [*DIFFERENCE, "model.residual=vn", *UNLABELLED, "audio.channels=2"],
        ["model.down_kernel=5", "model.up_kernel=3", "model.estimate_frames=99"],
        ["model.padding=same", "model.estimate_frames=64"],
        ["model.padding=same", "model.estimate_frames=64", "audio.channels=2"],
    ],
)
def test_forward_pass_is_the_plain_one(overrides):
    config = configs.load("smoke", SMALL + overrides)
    network, batch = shaken_network(config), random_batch(config)
    estimates = np.asarray(estimates_of(network, batch["mixture"], batch["labels"]))
    weights = weights_by_layer(network)
    for mixture, labels, estimate in zip(batch["mixture"], batch["labels"], estimates, strict=True):
        truth = plain_wave_unet.forward(weights, mixture, labels, config.model, config.data.sources)
        assert estimate.shape == truth.shape
        assert np.max(np.abs(estimate - truth)) < 1e-5


def loss_and_gradients(config, network, batch):
    with tf.GradientTape() as tape:
        loss = loss_of_batch(network, batch, config)
    return float(loss), [
        gradient.numpy() for gradient in tape.gradient(loss, network.trainable_variables)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["cpu", "tpu"])
@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["model.num_levels=1", "model.estimate_frames=101"],
        ["model.num_levels=2", "model.estimate_frames=101", "audio.channels=2"],
        [
            "model.num_levels=5",
            "model.estimate_frames=421",
            "model.conditioning=concat",
            "model.conditioned_at=input",
        ],
        ["model.num_levels=4", "model.estimate_frames=117", *DIFFERENCE, "model.residual=vn"],
        ["model.down_kernel=5", "model.up_kernel=3", "model.estimate_frames=99"],
        ["model.down_kernel=1", "model.up_kernel=3", "model.estimate_frames=99"],
        [
            "model.down_kernel=3",
            "model.up_kernel=1",
            "model.estimate_frames=97",
            "model.upsampling=learned",
        ],
        ["model.padding=same", "model.estimate_frames=64"],
    ],
)
def test_every_form_is_the_plain_network_forward_and_backward(form, overrides):
    plain, other = (
        configs.load("smoke", [*SMALL, *overrides, f"model.computation={f}"])
        for f in ("plain", form)
    )
    first, network = first_and_shaken_network(plain)
    batch = random_batch(plain)
    rewritten = make_network(other)
    assert [v.path for v in rewritten.variables] == [v.path for v in network.variables]
    for ours, theirs in zip(rewritten.get_weights(), first, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    rewritten.set_weights(network.get_weights())
    estimates = [
        np.asarray(estimates_of(net, batch["mixture"], batch["labels"]))
        for net in (network, rewritten)
    ]
    assert np.abs(estimates[0]).max() > 0.1
    np.testing.assert_allclose(estimates[1], estimates[0], atol=2e-6)
    (loss, gradients), (other_loss, other_gradients) = (
        loss_and_gradients(plain, net, batch) for net in (network, rewritten)
    )
    assert other_loss == pytest.approx(loss, rel=1e-6)
    for ours, theirs in zip(other_gradients, gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=5e-6 * np.abs(theirs).max())


def conditioned(kind, place):
    """The small network with labels in one place alone."""
    overrides = [
        f"model.conditioning={kind}",
        f"model.conditioned_at={place}",
        "model.gate_heads=false",
    ]
    return configs.load("smoke", SMALL + overrides)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "place"), GRID)
def test_permuting_the_batch_permutes_the_estimates(kind, place):
    config = conditioned(kind, place)
    network, batch, order = shaken_network(config), random_batch(config), [2, 0, 1]
    straight = np.asarray(estimates_of(network, batch["mixture"], batch["labels"]))
    permuted = np.asarray(estimates_of(network, batch["mixture"][order], batch["labels"][order]))
    np.testing.assert_allclose(permuted, straight[order], atol=1e-6)


@pytest.mark.parametrize(("kind", "place"), GRID)
def test_labels_of_another_example_change_nothing(kind, place):
    config = conditioned(kind, place)
    network, batch = shaken_network(config), random_batch(config)
    before = np.asarray(estimates_of(network, batch["mixture"], batch["labels"]))
    batch["labels"][1] = 1 - batch["labels"][1]
    after = np.asarray(estimates_of(network, batch["mixture"], batch["labels"]))
    np.testing.assert_allclose(after[[0, 2]], before[[0, 2]], atol=1e-6)
    assert np.max(np.abs(after[1] - before[1])) > 1e-3  # and they do change their own


@pytest.mark.parametrize("labels", [np.zeros(4), np.full(4, UNKNOWN)])
def test_empty_and_unknown_labels_leave_film_without_effect(labels):
    config = conditioned("film", "bottleneck")
    network, batch = shaken_network(config), random_batch(config)
    weights = weights_by_layer(network)
    unconditioned = configs.load("smoke", SMALL + UNLABELLED).model
    truth = plain_wave_unet.forward(
        weights, batch["mixture"][0], labels, unconditioned, config.data.sources
    )
    estimate = np.asarray(
        estimates_of(network, batch["mixture"][:1], labels[None].astype(np.float32))
    )[0]
    np.testing.assert_allclose(estimate, truth, atol=1e-5)


def test_a_gated_slot_is_silent_and_the_residual_is_not_gated():
    config = configs.load("smoke", [*SMALL, *DIFFERENCE, "model.residual=vn"])
    network, batch = shaken_network(config), random_batch(config)
    estimates = np.asarray(estimates_of(network, batch["mixture"], np.zeros((3, 4), np.float32)))
    assert not estimates[:, :3].any()
    start = config.model.window().context_frames
    np.testing.assert_array_equal(estimates[:, 3], batch["mixture"][:, start : start + 101])


def test_unknown_labels_leave_every_gate_open_and_empty_ones_close_them():
    config = configs.load("smoke", SMALL)
    network, batch = shaken_network(config), random_batch(config)
    unknown, empty = (
        np.asarray(estimates_of(network, batch["mixture"], np.full((3, 4), v, np.float32)))
        for v in (UNKNOWN, 0)
    )
    assert np.abs(unknown).max(axis=(0, 2, 3)).min() > 1e-3
    assert not empty.any()


def test_the_residual_of_a_bfloat16_network_is_that_of_the_float32_mixture():
    config = configs.load(
        "smoke", [*SMALL, *DIFFERENCE, "model.residual=vn", "train.compute_dtype=bfloat16"]
    )
    network, batch = make_network(config), random_batch(config)
    estimates = np.asarray(estimates_of(network, batch["mixture"], np.ones((3, 4), np.float32)))
    start = config.model.window().context_frames
    np.testing.assert_allclose(
        estimates.sum(axis=1), batch["mixture"][:, start : start + 101], atol=1e-6
    )


@pytest.mark.parametrize("form", ["cpu", "tpu"])
def test_bfloat16_computes_in_bfloat16_and_keeps_the_rest_in_float32(form):
    config = configs.load(
        "smoke", [*SMALL, "train.compute_dtype=bfloat16", f"model.computation={form}"]
    )
    network, batch = make_network(config), random_batch(config)
    assert {variable.dtype for variable in network.variables} == {"float32"}
    estimates = estimates_of(network, batch["mixture"], batch["labels"])
    assert keras.backend.standardize_dtype(estimates.dtype) == "float32"
    exact = estimates_of(
        make_network(configs.load("smoke", SMALL)), batch["mixture"], batch["labels"]
    )
    error = np.max(np.abs(np.asarray(estimates) - np.asarray(exact)))
    assert 1e-6 < error < 0.1  # rounded, but the same network
