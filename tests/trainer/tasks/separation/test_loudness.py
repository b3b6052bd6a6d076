"""The K-weighting: against the table of the standard, pyloudnorm, and in a loss."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf
from pyloudnorm import Meter

import configs
from trainer.tasks.separation.losses import total_loss
from trainer.tasks.separation.loudness import high_pass, k_weighted, shelf


def by_pyloudnorm(waveforms, sample_rate):
    """The same filters, frame by frame, in float64."""
    filtered = waveforms.astype(np.float64)
    for stage in Meter(sample_rate, filter_class="DeMan")._filters.values():
        filtered = scipy.signal.lfilter(stage.b, stage.a, filtered, axis=-2)
    return filtered


def test_coefficients_at_48_khz_are_those_of_the_standard():
    """ITU-R BS.1770-5, Annex 1, tables 1 and 2."""
    printed = (
        [1.53512485958697, -2.69169618940638, 1.19839281085285],
        [1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0],
        [1.0, -1.99004745483398, 0.99007225036621],
    )
    found = [*shelf(48_000), *high_pass(48_000)]
    for coefficients, expected in zip(found, printed, strict=True):
        np.testing.assert_allclose(coefficients, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("sample_rate", [4000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("frames", [300, 16_389, 30_001])
def test_waveforms_are_filtered_as_by_pyloudnorm(sample_rate, frames):
    rng = np.random.default_rng(frames)
    # With a level of its own, which the high pass takes away: of all, it lasts the longest.
    waveforms = 0.1 * rng.standard_normal((2, 3, frames, 2)) + 0.1
    found = np.asarray(k_weighted(tf.constant(waveforms, tf.float32), sample_rate))
    expected = by_pyloudnorm(waveforms, sample_rate)
    # -110 dB of the loudest frame, which is what float32 leaves of a transform.
    assert np.max(np.abs(found - expected)) < 3e-6 * np.max(np.abs(expected))


def test_the_loss_compares_what_the_ear_makes_of_waveforms():
    config = configs.load("smoke", ["task.loudness=true", "task.consistency=2", "task.l1=0.5"])
    rng = np.random.default_rng(0)
    rate = config.audio.sample_rate
    references = 0.1 * rng.standard_normal((2, 3, 4000, 1))
    estimates = 0.1 * rng.standard_normal((2, 3, 4000, 1))
    mixture = rng.standard_normal((2, 4400, 1))
    plain = replace(config, task=replace(config.task, loudness=False))
    expected = total_loss(
        plain,
        by_pyloudnorm(references, rate),
        by_pyloudnorm(estimates, rate),
        by_pyloudnorm(mixture[:, 200:-200], rate),
    )
    assert float(total_loss(config, references, estimates, mixture)) == pytest.approx(
        float(expected), rel=1e-5
    )


def test_gradients_are_those_of_the_filter():
    rng = np.random.default_rng(0)
    waveform = tf.Variable(rng.standard_normal((1, 500, 1)).astype(np.float32))
    wanted = rng.standard_normal((1, 500, 1)).astype(np.float32)
    with tf.GradientTape() as tape:
        product = tf.reduce_sum(wanted * k_weighted(waveform, 22_050))
    # The adjoint of a filter is the filter backwards.
    expected = by_pyloudnorm(wanted[:, ::-1], 22_050)[:, ::-1]
    np.testing.assert_allclose(tape.gradient(product, waveform), expected, atol=1e-5)
