"""What changes the weights, against hand-made numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import configs
from trainer.loop.optimisation import LearningRate, Optimisation


def make_dense():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="dense")])
    model.set_weights([np.array([[1.0], [-2.0]], np.float32), np.array([0.5], np.float32)])
    return model


def make(*overrides):
    settings = configs.load(
        "smoke", ["train.schedule=constant", "train.learning_rate=0.1", *overrides]
    ).train
    model = make_dense()
    return model, Optimisation(settings, model)


def test_adamw_decays_kernels_and_no_biases():
    model, optimisation = make("train.optimizer=adamw", "train.weight_decay=0.2")
    optimisation.apply([tf.zeros((2, 1)), tf.zeros(1)])
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(kernel[:, 0], [0.98, -1.96], rtol=1e-6)  # 1 - 0.1 * 0.2
    np.testing.assert_array_equal(bias, [0.5])


def test_adam_takes_its_first_step_along_the_sign_of_even_tiny_gradients():
    model, optimisation = make()
    optimisation.apply([tf.constant([[1e-7], [-3e-8]]), tf.constant([2e-7])])
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(kernel[:, 0], [0.9, -1.9], atol=0.011)
    np.testing.assert_allclose(bias, [0.4], atol=0.011)


def test_the_average_follows_its_formula():
    model, optimisation = make("train.average_decay=0.3")
    expected, rng = model.get_weights()[0], np.random.default_rng(0)
    for step in range(1, 8):
        optimisation.apply([tf.constant(rng.standard_normal((2, 1)), tf.float32), tf.zeros(1)])
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
