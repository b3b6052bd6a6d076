"""What sounds cost that come back wrongly, against other computations of the same."""

import numpy as np
import pytest
import scipy.signal
import scipy.stats
import tensorflow as tf

import configs
from trainer.tasks.generation import losses

RNG = np.random.default_rng(0)
SOUNDS = RNG.normal(scale=0.1, size=(3, 4096, 1)).astype(np.float32)
MADE = (0.5 * SOUNDS + RNG.normal(scale=0.02, size=SOUNDS.shape)).astype(np.float32)


def test_spectral_distance_is_that_of_scipys_spectra():
    terms = []
    for frames in (256, 1024, 2048):
        powers = []
        for sounds in (SOUNDS, MADE):
            _, _, spectra = scipy.signal.stft(
                sounds[:, :, 0],
                nperseg=frames,
                noverlap=frames * 3 // 4,
                boundary=None,
                padded=False,
            )
            powers.append((2 * np.abs(spectra)) ** 2)
        wanted, got = powers
        levels = np.abs(np.log10(wanted + 1e-8) - np.log10(got + 1e-8)).mean()
        error = (np.sqrt(wanted) - np.sqrt(got)) ** 2
        convergence = np.sqrt(error.sum(axis=(1, 2)) / wanted.sum(axis=(1, 2))).mean()
        terms.append(levels + convergence)
    found = float(losses.spectral_distance(SOUNDS, MADE))
    assert found == pytest.approx(np.mean(terms), rel=1e-3)
    assert float(losses.spectral_distance(SOUNDS, SOUNDS)) < 1e-4


def test_relative_error_forgives_no_sound_its_loudness():
    expected = np.mean(
        [((a - b) ** 2).sum() / (a**2).sum() for a, b in zip(SOUNDS, MADE, strict=True)]
    )
    assert float(losses.relative_squared_error(SOUNDS, MADE)) == pytest.approx(expected, rel=1e-5)
    louder = losses.relative_squared_error(10 * SOUNDS, 10 * MADE)
    assert float(louder) == pytest.approx(expected, rel=1e-5)


def test_weights_of_the_config_weigh_the_terms():
    task = configs.load("one_shots", ["task.stft=2", "task.relative=0", "task.mse=3"]).task
    expected = 2 * losses.spectral_distance(SOUNDS, MADE) + 3 * np.mean((SOUNDS - MADE) ** 2)
    assert float(losses.reconstruction(task, SOUNDS, MADE)) == pytest.approx(float(expected))


def test_divergence_is_that_of_two_normal_laws():
    """The integral of p log(p / q), summed over a fine grid."""
    mean, deviation = 0.7, 0.4
    x = np.linspace(-8, 8, 200_001)
    p = scipy.stats.norm.pdf(x, mean, deviation)
    logarithms = scipy.stats.norm.logpdf(x, mean, deviation) - scipy.stats.norm.logpdf(x)
    expected = float(np.trapezoid(p * logarithms, x))
    found = losses.divergences(np.float32(mean), np.float32(2 * np.log(deviation)))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_the_slope_is_measured_on_each_sound():
    """Of a score of squares, whose slope is twice the sound."""

    def judge(sounds):
        return tf.reduce_sum(tf.square(sounds), axis=(1, 2))

    lengths = np.sqrt((4 * SOUNDS.astype(np.float64) ** 2).sum(axis=(1, 2)))
    found = losses.slope_cost(judge, tf.constant(SOUNDS))
    assert float(found) == pytest.approx(np.mean((lengths - 1) ** 2), rel=1e-5)
