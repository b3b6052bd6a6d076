"""The loss of answering queries, by hand and on another backend."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import configs
from tests.trainer.tasks.query.small import small_config
from trainer.batches.questions import are_audible
from trainer.devices.tensorflow_devices import differentiate
from trainer.tasks.query import step


def batch_of(config, seed=0):
    rng = np.random.default_rng(seed)
    shapes = step.batch_shapes(config, 4)
    batch = {
        name: 0.1 * rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()
    }
    batch["slot"] = np.array([0, 3, 3, 12], np.float32)
    batch["there"] = (rng.uniform(size=(4, 13)) < 0.3).astype(np.float32)
    batch["there"][range(4), [0, 3, 3, 12]] = [1, 1, 1, 0]
    batch["by_audio"] = np.array([1, 0, 1, 0], np.float32)
    # Of the third nothing is heard, and the target of the last one is not there.
    batch["audio"][2] = 0
    batch["target"][3] = 0
    return batch


def test_the_loss_is_what_it_says():
    config = small_config("task.mse=1", "task.presence=0.3", "task.doors=0.2")
    network = step.make_networks(config)[step.ANSWERER]
    batch = batch_of(config)
    found = float(step.loss_of_batch(network, batch, config))
    by_name = np.asarray(network.ask_by_name(batch["slot"].astype(int)))
    by_audio = np.asarray(network.ask_by_audio(batch["audio"])[0])
    # The third asks by a silent recording: its name is taken.
    query = np.stack([by_audio[0], by_name[1], by_name[2], by_name[3]])
    outputs = network(batch["mixture"], {"query": query[:, None]})
    error = np.mean((np.asarray(outputs["estimates"])[:, 0] - batch["target"]) ** 2)
    probability = 1 / (1 + np.exp(-np.asarray(outputs["presence"])[:, 0].mean(axis=1)))
    right = np.array([*probability[:3], 1 - probability[3]])
    # Of softmax(cosine / 0.1), the probability of the own name; nothing is heard of the third.
    likeness = np.exp(by_audio @ np.asarray(network.ask_by_name(np.arange(13))).T / 0.1)
    chosen = likeness[np.arange(4), batch["slot"].astype(int)] / likeness.sum(axis=1)
    # What is said of all names; the own ones are asked for twice.
    every = np.repeat(np.asarray(network.ask_by_name(np.arange(13)))[None], 4, axis=0)
    odds = network.presence(network.encode(batch["mixture"], {}), every)
    said = 1 / (1 + np.exp(-np.asarray(odds).mean(axis=2)))
    of_all = np.where(batch["there"] > 0, said, 1 - said)
    apart = -np.log(chosen) * [1, 1, 0, 1]
    expected = error - 0.3 * (np.log(right).mean() + np.log(of_all).mean()) + 0.2 * apart.mean()
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_source_is_audible_as_an_instrument_is():
    mixture = np.full((120, 1), 0.1, np.float32)
    levels = np.array([0.1, 0.004, 0.0025, 0.0], np.float32)[:, None, None]
    sources = np.ones((4, 100, 1), np.float32) * levels
    # -30 dB of the mixture's 0.1 is 0.0032.
    np.testing.assert_array_equal(are_audible(sources, mixture), [1, 1, 0, 0])
    # 0.0025 is above -60 dBFS, where the mixture is as quiet; half a thousandth is not.
    np.testing.assert_array_equal(are_audible(sources, mixture / 40), [1, 1, 1, 0])
    np.testing.assert_array_equal(are_audible(sources / 5, mixture / 200), [1, 0, 0, 0])


def test_both_doors_and_the_trunk_learn():
    config = small_config()
    network = step.make_networks(config)[step.ANSWERER]
    (objective,) = step.make_objectives(config, {step.ANSWERER: network})
    with tf.GradientTape() as tape:
        loss = objective.loss(batch_of(config), 0)
    gradients = tape.gradient(loss, [weight.value for weight in objective.weights])
    for weight, gradient in zip(objective.weights, gradients, strict=True):
        gradient = tf.convert_to_tensor(gradient)
        assert float(tf.reduce_max(tf.abs(gradient))) > 0, weight.path


@pytest.mark.slow
def test_parts_of_a_batch_and_blocks_computed_again_give_the_same_gradient():
    config = small_config()
    batch = {name: tf.constant(value) for name, value in batch_of(config).items()}

    def gradients(config, num_parts):
        network = step.make_networks(config)[step.ANSWERER]
        weights = network.trainable_variables
        return differentiate(
            lambda part: step.loss_of_batch(network, part, config) / num_parts,
            weights,
            batch,
            num_parts,
        )

    loss, whole = gradients(config, 1)
    others = {
        "parts": gradients(config, 4),
        "again": gradients(configs.override(config, ["train.rematerialise=true"]), 1),
    }
    length = float(tf.linalg.global_norm(whole))
    assert length > 0
    for name, (other_loss, other) in others.items():
        assert float(other_loss) == pytest.approx(float(loss), rel=1e-5), name
        apart = [tf.convert_to_tensor(a) - b for a, b in zip(whole, other, strict=True)]
        assert float(tf.linalg.global_norm(apart)) < 1e-5 * length, name


# Starts a process in which JAX compiles.
@pytest.mark.slow
def test_both_backends_compute_the_same(tmp_path):
    config = small_config("task.si_sdr=0.01", "task.presence=0.3", "task.doors=0.2")
    batch = batch_of(config)
    (tmp_path / "config.json").write_text(configs.to_json(config))
    networks = step.make_networks(config)
    given = dict(batch)
    for network in networks.values():
        given |= {weight.path: weight.numpy() for weight in network.weights}
    np.savez(tmp_path / "in.npz", **given)
    paths = [str(tmp_path / file) for file in ("config.json", "in.npz", "out.npz")]
    words = [sys.executable, "-m", "tests.trainer.tasks.generation.on_jax", *paths]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs = np.load(tmp_path / "out.npz")
    (objective,) = step.make_objectives(config, networks)
    with tf.GradientTape() as tape:
        loss = objective.loss(batch, 0)
    gradients = tape.gradient(loss, [weight.value for weight in objective.weights])
    assert float(theirs["loss/query"]) == pytest.approx(float(loss), rel=1e-4)
    for weight, gradient in zip(objective.weights, gradients, strict=True):
        expected = tf.convert_to_tensor(gradient).numpy()
        scale = max(np.abs(expected).max(), 1e-3)
        found = theirs[f"query/{weight.path}"]
        np.testing.assert_allclose(found, expected, atol=1e-3 * scale, err_msg=weight.path)
