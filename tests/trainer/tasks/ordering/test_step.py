"""The step of ordering: encoders of every kind, heads, losses, and which weights learn."""

from itertools import combinations, permutations

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, log_softmax, logsumexp

import configs
from trainer.inference.separator import Separator
from trainer.networks import make_network
from trainer.tasks.ordering import step
from trainer.tasks.ordering.heads import Chain, Pairs, Sorter

PLAIN = [
    "task.kind=ordering",
    *(f"augmentation.{each}=1" for each in ("min_gain", "max_gain")),
    *(f"augmentation.{each}=0" for each in ("remix", "silence")),
    "augmentation.flip_polarity=false",
]
RATE = ["audio.sample_rate=8000"]
ENCODERS = {
    "dense": ("ordering_dense", ["model.width=20"]),
    "waveform": ("ordering_waveform", ["model.width=8"]),
    "mel": ("smoke_ordering", ["model.width=4", "model.num_bands=16"]),
    "wave_unet": ("smoke", [*PLAIN, "model.num_levels=3", "model.num_filters=4"]),
    "tagger": (
        "smoke_tagger",
        [*PLAIN, "model.hop_frames=64", "model.window_frames=256", "model.depth=1"],
    ),
    "tcn": ("smoke_mask", [*PLAIN, "model.window_frames=128", "model.depth=2", "model.width=8"]),
    "unet": (
        "smoke_mask",
        [*PLAIN, "model.window_frames=128", "model.body=unet", "model.depth=2", "model.width=4"],
    ),
    "blstm": (
        "smoke_mask",
        [
            *PLAIN,
            *("model.body=blstm", "model.context_columns=2", "model.depth=1", "model.width=8"),
            "model.window_frames=128",
        ],
    ),
}


def config_of(name, *overrides):
    experiment, settings = ENCODERS[name]
    return configs.load(experiment, [*RATE, *settings, *overrides])


def make_batch(config, size=4):
    shapes = step.batch_shapes(config, size)
    rng = np.random.default_rng(7)
    clips = rng.normal(scale=0.1, size=shapes["clips"]).astype(np.float32)
    places = np.stack([rng.permutation(shapes["places"][1]) for _ in range(size)])
    return {"clips": tf.constant(clips), "places": tf.constant(places.astype(np.float32))}


# They are heard like the others, and take seconds each.
SLOW = ("tagger", "unet", "blstm")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in ENCODERS],
)
def test_every_encoder_learns_with_all_weights_by_which_it_hears_and_no_other(name):
    config = config_of(name)
    networks = step.make_networks(config)
    (objective,) = step.make_objectives(config, networks)
    with tf.GradientTape() as tape:
        loss = objective.loss(make_batch(config), 0)
    known = {id(weight) for weight in objective.weights}
    encoder = networks[step.ENCODER]
    others = [weight for weight in encoder.trainable_variables if id(weight) not in known]
    values = [weight.value for weight in (*objective.weights, *others)]
    gradients = tape.gradient(loss, values)
    num_known = len(objective.weights)
    assert all(gradient is not None for gradient in gradients[:num_known])
    assert all(gradient is None for gradient in gradients[num_known:])
    assert encoder.clip_flops(step.clip_frames(config)) > 0


@pytest.mark.parametrize("name", ["wave_unet", "mel"])
def test_clips_are_heard_one_by_one(name):
    config = config_of(name)
    networks = step.make_networks(config)
    batch = make_batch(config)
    clips = batch["clips"].numpy()
    features = networks[step.ENCODER].hear_clips(clips.reshape(-1, *clips.shape[2:]))
    clips[1, 2] = 0.3
    changed = networks[step.ENCODER].hear_clips(clips.reshape(-1, *clips.shape[2:]))
    moved = np.abs(changed.numpy() - features.numpy()).reshape(len(features), -1).max(axis=1)
    assert np.flatnonzero(moved > 1e-5).tolist() == [5]


def test_the_encoder_is_that_of_a_separation_under_the_same_paths():
    config = config_of("wave_unet")
    separating = configs.override(config, ["task.kind=separation"])
    encoder, separator = make_network(config), make_network(separating)
    assert [each.path for each in encoder.variables] == [each.path for each in separator.variables]
    mixture = tf.random.stateless_normal((2, config.model.window().mixture_frames, 1), [0, 1])
    labels = {"labels": np.ones((2, len(config.data.sources)), np.float32)}
    expected = separator.encode(mixture, labels).bottleneck
    found = encoder.hear_clips(mixture)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_losses_are_those_of_their_probabilities():
    config = config_of("mel", "task.head=sorter")
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(5, 3, 3)).astype(np.float32)
    places = np.stack([rng.permutation(3) for _ in range(5)]).astype(np.float32)
    logs = log_softmax(scores, axis=2)
    expected = -np.take_along_axis(logs, places.astype(int)[:, :, None], 2)[..., 0].mean(axis=1)
    np.testing.assert_allclose(Sorter(config).costs(logs, places), expected, rtol=1e-5)
    decisions = scores - scores.transpose(0, 2, 1)
    right = [
        np.mean([-np.log(expit(d[i, j])) for i in range(3) for j in range(3) if p[i] < p[j]])
        for d, p in zip(decisions, places, strict=True)
    ]
    np.testing.assert_allclose(Pairs(config).costs(decisions, places), right, rtol=1e-5)


@pytest.mark.parametrize("num_clips", [2, 3, 5, 7])
def test_a_chain_holds_the_true_order_against_others(num_clips):
    config = config_of("mel", "task.head=chain", f"task.num_clips={num_clips}")
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(5, num_clips, num_clips)).astype(np.float32)
    places = np.stack([rng.permutation(num_clips) for _ in range(5)]).astype(np.float32)
    found = Chain(config).costs(scores, places)
    for own, place, cost in zip(scores, places.astype(int), np.asarray(found), strict=True):
        clips = np.argsort(place)
        orders = [clips[list(order)] for order in permutations(range(num_clips))]
        if num_clips > 5:
            # Two clips changed places, or the order begins elsewhere.
            swaps = combinations(range(num_clips), 2)
            orders = [clips, *(np.roll(clips, i) for i in range(1, num_clips))]
            for i, j in swaps:
                swapped = clips.copy()
                swapped[[i, j]] = clips[[j, i]]
                orders.append(swapped)
        sums = [own[order[:-1], order[1:]].sum() for order in orders]
        right = own[clips[:-1], clips[1:]].sum()
        assert cost == pytest.approx(logsumexp(sums) - right, rel=1e-5)


@pytest.mark.parametrize("head", ["chain", "pairs"])
def test_a_clip_of_one_column_has_a_beginning_and_an_end(head):
    config = config_of("dense", f"task.head={head}")
    networks = step.make_networks(config)
    clips = make_batch(config)["clips"].numpy()
    decisions = step.decide(networks[step.ENCODER], networks[step.SORTER], clips).numpy()
    # Which of two comes first is not the same in both orders.
    assert np.abs(decisions - decisions.transpose(0, 2, 1)).max() > 1e-3


def test_pairs_have_no_opinion_of_what_stands_first():
    config = config_of("mel", "task.head=pairs")
    networks = step.make_networks(config)
    clips = make_batch(config)["clips"].numpy()
    encoder, head = networks[step.ENCODER], networks[step.SORTER]
    decisions = step.decide(encoder, head, clips).numpy()
    np.testing.assert_allclose(decisions, -decisions.transpose(0, 2, 1), atol=1e-6)
    turned = step.decide(encoder, head, clips[:, ::-1]).numpy()
    np.testing.assert_allclose(turned, decisions[:, ::-1, ::-1], atol=1e-5)


def test_the_contrastive_rival_knows_its_own_second_clip():
    config = config_of("mel", "task.head=contrastive")
    networks = step.make_networks(config)
    (objective,) = step.make_objectives(config, networks)
    assert objective.name == "contrast"
    loss = float(objective.loss(make_batch(config, 8), 0))
    assert loss == pytest.approx(np.log(8), rel=0.3)
    config = configs.override(config, ["train.batch_size=8", "train.accumulate=2"])
    with pytest.raises(ValueError, match=r"train\.accumulate is 2; expected 1"):
        step.make_networks(config)


@pytest.mark.parametrize(
    ("experiment", "override", "sentence"),
    [
        ("smoke", "task.clip_secs=0.05", "1,779 frames .* model.num_levels=5 reads so few"),
        ("smoke", "model.num_levels=12", r"at least 5\.201, the 114,675 frames"),
        ("smoke_ordering", "data.excerpt_secs=0.5", "at least 0.71, the longest puzzle"),
        ("smoke_ordering", "augmentation.remix=0.5", "separation or tagging"),
        ("smoke_ordering", "task.features=2", r"at least 3, as task\.head=chain"),
        ("smoke_ordering", "model.num_bands=8,model.depth=8", "halve the bands"),
    ],
)
def test_what_cannot_be_ordered_is_said(experiment, override, sentence):
    settings = PLAIN if experiment == "smoke" else []
    with pytest.raises(ValueError, match=sentence):
        configs.load(experiment, [*settings, *override.split(",")])


def test_a_separator_that_learnt_to_order_separates_nothing():
    config = config_of("wave_unet")
    with pytest.raises(ValueError, match=r"learnt task\.kind=ordering and separates nothing"):
        Separator(config, make_network(config))
