"""What changes the weights, against hand-made numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import configs
from tests.support.optimisation import optimisation_without_loss
from trainer.loop.schedules import LearningRate


def make_dense():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="dense")])
    model.set_weights([np.array([[1.0], [-2.0]], np.float32), np.array([0.5], np.float32)])
    return model


def make(*overrides):
    settings = configs.load(
        "smoke", ["train.schedule=constant", "train.learning_rate=0.1", *overrides]
    ).train
    model = make_dense()
    return model, optimisation_without_loss(settings, model)


def take_step(optimisation, gradients):
    optimisation.optimizers[0].apply(gradients)
    optimisation.end_step()


def test_adamw_decays_kernels_and_no_biases():
    model, optimisation = make("train.optimizer=adamw", "train.weight_decay=0.2")
    take_step(optimisation, [tf.zeros((2, 1)), tf.zeros(1)])
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(kernel[:, 0], [0.98, -1.96], rtol=1e-6)  # 1 - 0.1 * 0.2
    np.testing.assert_array_equal(bias, [0.5])


def test_adam_takes_its_first_step_along_the_sign_of_even_tiny_gradients():
    model, optimisation = make()
    take_step(optimisation, [tf.constant([[1e-7], [-3e-8]]), tf.constant([2e-7])])
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(kernel[:, 0], [0.9, -1.9], atol=0.011)
    np.testing.assert_allclose(bias, [0.4], atol=0.011)


def test_the_average_follows_its_formula():
    model, optimisation = make("train.average_decay=0.3")
    expected, rng = model.get_weights()[0], np.random.default_rng(0)
    for step in range(1, 8):
        kernel = tf.constant(rng.standard_normal((2, 1)), tf.float32)
        take_step(optimisation, [kernel, tf.zeros(1)])
        decay = min(0.3, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.get_weights()[0]
    average = next(iter(optimisation.average.values())).numpy()
    np.testing.assert_allclose(average, expected, rtol=1e-5)
    assert not np.allclose(average, model.get_weights()[0])


def test_the_plateau_factor_lowers_every_schedule():
    settings = configs.load("smoke", ["train.learning_rate=0.1", "train.schedule=plateau"]).train
    rate = LearningRate(settings)
    rate.factor.assign(0.25)
    assert float(rate(7)) == pytest.approx(0.025)


def test_sgd_with_momentum_follows_its_formula():
    model, optimisation = make("train.optimizer=sgd", "train.momentum=0.5")
    for _ in range(2):
        take_step(optimisation, [tf.ones((2, 1)), tf.zeros(1)])
    kernel, _ = model.get_weights()
    # 0.1 in the first step, 0.1 * (1 + 0.5) in the second.
    np.testing.assert_allclose(kernel[:, 0], [0.75, -2.25], rtol=1e-6)


def test_a_schedule_counts_steps_of_the_loop_where_an_objective_has_several_updates_in_one():
    settings = configs.load(
        "smoke", ["train.learning_rate=0.1", "train.schedule=cosine", "train.steps=10"]
    ).train
    once = LearningRate(settings)
    five_times = LearningRate(settings, peak=0.2, updates_per_step=5)
    for step in range(10):
        for update in range(5):
            assert float(five_times(5 * step + update)) == pytest.approx(2 * float(once(step)))
