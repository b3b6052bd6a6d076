"""The step of generation: what each method moves, and what it is shown."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import configs
from trainer.tasks.generation import step

SMALL = [
    "model.num_frames=2048",
    "model.num_levels=2",
    "model.filters=2",
    "model.latents=3",
    "model.units=6,4",
]
METHODS = {
    "autoencoder": ["task.method=autoencoder"],
    "variational": ["model.body=convolutions", "model.hears=waveform"],
    "adversarial": [
        "task.method=adversarial",
        "model.body=convolutions",
        "task.critic_updates=2",
    ],
    "encoder": ["task.method=encoder", "train.begin_from=elsewhere"],
}


def config_of(name):
    return configs.load("one_shots", [*SMALL, *METHODS[name]])


def batch_of(config, size=4):
    rng = np.random.default_rng(1)
    return {
        name: tf.constant(0.3 * rng.normal(size=shape).astype(np.float32))
        for name, shape in step.batch_shapes(config, size).items()
    }


@pytest.mark.parametrize("name", METHODS)
def test_each_objective_moves_its_weights_and_no_other(name):
    config = config_of(name)
    networks = step.make_networks(config)
    objectives = step.make_objectives(config, networks)
    every = [weight for network in networks.values() for weight in network.trainable_variables]
    batch = batch_of(config)
    moved = set()
    for objective in objectives:
        with tf.GradientTape() as tape:
            loss = objective.loss(batch, 0)
        gradients = tape.gradient(loss, [weight.value for weight in objective.weights])
        # The bias of a score cancels in the difference of two.
        still = [
            weight.path
            for weight, gradient in zip(objective.weights, gradients, strict=True)
            if gradient is None
        ]
        assert still in ([], ["critic/score/bias"])
        moved |= {weight.path for weight in objective.weights}
    kept = {weight.path for weight in every} - moved
    assert all("/decoder/" in path for path in kept)
    assert bool(kept) == (name == "encoder")
    assert step.example_flops(config, networks) > 0


def test_numbers_vary_by_the_noise_of_the_batch_and_the_ramp_weighs_their_divergence():
    config = configs.override(config_of("variational"), ["task.kl=100"])
    networks = step.make_networks(config)
    (objective,) = step.make_objectives(config, networks)
    batch = batch_of(config)
    batch["ramp"] = tf.zeros(4)
    without = float(objective.loss(batch, 0))
    batch["ramp"] = tf.ones(4)
    with_divergence = float(objective.loss(batch, 0))
    means, logarithms = networks[step.GENERATOR].distribution(batch["sounds"])
    divergence = 0.5 * np.sum(means**2 + np.exp(logarithms) - 1 - logarithms, axis=1).mean()
    assert with_divergence - without == pytest.approx(100 * divergence, rel=1e-3)
    batch["noise"] += 1
    assert float(objective.loss(batch, 0)) != pytest.approx(with_divergence, rel=1e-4)


def test_the_critic_hears_the_sounds_of_its_update_alone():
    config = config_of("adversarial")
    networks = step.make_networks(config)
    critic, generator = step.make_objectives(config, networks)
    assert [critic.updates_per_step, generator.updates_per_step] == [2, 1]
    assert critic.optimizer.beta_1 == 0.5
    batch = batch_of(config)
    batch["shifts"] = tf.zeros_like(batch["shifts"])
    losses = [float(critic.loss(batch, update)) for update in (0, 1)]
    changed = batch["sounds"].numpy()
    changed[:, 1] = 0.9
    batch["sounds"] = tf.constant(changed)
    assert float(critic.loss(batch, 0)) == losses[0]
    assert float(critic.loss(batch, 1)) != pytest.approx(losses[1], rel=1e-4)


def test_the_critic_is_told_apart_from_its_mean():
    """The loss by hand: what is made less what is real, and ten times the squared slope."""
    config = config_of("adversarial")
    networks = step.make_networks(config)
    critic, _ = step.make_objectives(config, networks)
    batch = batch_of(config)
    batch["shifts"] = tf.zeros_like(batch["shifts"])
    judge = networks[step.CRITIC]
    real = batch["sounds"][:, 0]
    made = networks[step.GENERATOR].decode(batch["latents"][:, 0], {})["sounds"]
    share = batch["between"][:, 0].numpy()[:, None, None]
    between = (1 - share) * real + share * made
    with tf.GradientTape() as tape:
        tape.watch(between)
        total = tf.reduce_sum(judge(between))
    slopes = tape.gradient(total, between).numpy().reshape(4, -1)
    penalty = np.mean((np.linalg.norm(slopes, axis=1) - 1) ** 2)
    expected = float(tf.reduce_mean(judge(made)) - tf.reduce_mean(judge(real))) + 10 * penalty
    assert float(critic.loss(batch, 0)) == pytest.approx(expected, rel=1e-4)


# Each starts a process in which JAX compiles.
@pytest.mark.slow
@pytest.mark.parametrize("name", ["variational", "adversarial"])
def test_both_backends_compute_the_same(name, tmp_path):
    config = config_of(name)
    batch = batch_of(config)
    batch["shifts"] = tf.ones(step.batch_shapes(config, 4).get("shifts", (1,)))
    (tmp_path / "config.json").write_text(configs.to_json(config))
    networks = step.make_networks(config)
    given = {name: array.numpy() for name, array in batch.items()}
    rng = np.random.default_rng(2)
    for network in networks.values():
        for weight in network.weights:
            # Where a leaky ReLU is given exactly 0, as without biases, backends differ in its slope.
            weight.assign_add(0.05 * rng.normal(size=weight.shape))
        given |= {weight.path: weight.numpy() for weight in network.weights}
    np.savez(tmp_path / "in.npz", **given)
    paths = [str(tmp_path / file) for file in ("config.json", "in.npz", "out.npz")]
    words = [sys.executable, "-m", "tests.trainer.tasks.generation.on_jax", *paths]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs = np.load(tmp_path / "out.npz")
    for objective in step.make_objectives(config, networks):
        with tf.GradientTape() as tape:
            loss = objective.loss(batch, 0)
        gradients = tape.gradient(loss, [weight.value for weight in objective.weights])
        assert float(theirs[f"loss/{objective.name}"]) == pytest.approx(float(loss), rel=1e-4)
        for weight, gradient in zip(objective.weights, gradients, strict=True):
            # A bias that cancels has none.
            expected = np.zeros(weight.shape) if gradient is None else gradient.numpy()
            found = theirs[f"{objective.name}/{weight.path}"]
            scale = max(np.abs(expected).max(), 1e-3)
            np.testing.assert_allclose(found, expected, atol=1e-3 * scale, err_msg=weight.path)
