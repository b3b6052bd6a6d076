"""Losses against their formulas in float64, and that neither silence, batch, length nor slots
disturb them.
"""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import configs
from configs import SeparationSettings
from tests.support.estimates import estimates_of
from trainer.networks import make_network
from trainer.tasks.separation import losses
from trainer.tasks.separation.losses import TERMS, total_loss
from trainer.tasks.separation.step import loss_of_batch

NOTHING = dict.fromkeys(TERMS, 0.0)


def only(name):
    return SeparationSettings(**{**NOTHING, name: 1.0})


def waveforms(batch=3, slots=4, frames=4096, channels=2, seed=0):
    """References, of which one slot of the first example is silent, and estimates of about 10 dB."""
    rng = np.random.default_rng(seed)
    references = 0.1 * rng.standard_normal((batch, slots, frames, channels)).astype(np.float32)
    references[0, 1] = 0
    return references, references + 0.03 * rng.standard_normal(references.shape).astype(np.float32)


def si_sdr_and_leakage(references, estimates):
    references, estimates = references.astype(np.float64), estimates.astype(np.float64)
    costs = []
    for sources, outputs in zip(references, estimates, strict=True):
        mixture = sources.sum(axis=0)
        ratios, levels = [], []
        for source, output in zip(sources, outputs, strict=True):
            if source.any():
                target = np.vdot(output, source) / np.vdot(source, source) * source
                noise = np.sum((output - target) ** 2) + 1e-3 * np.sum(target**2)
                ratios.append(-10 * np.log10(np.sum(target**2) / noise))
            else:
                levels.append(10 * np.log10(np.sum(output**2) / np.sum(mixture**2) + 1e-3))
        costs.append(sum(float(np.mean(values)) for values in (ratios, levels) if values))
    return np.mean(costs)


def multi_resolution_stft(references, estimates):
    terms = []
    for length in (512, 1024, 2048):
        window = np.hanning(length + 1)[:-1]

        def magnitudes(x, length=length, window=window):
            frames = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), length, axis=2)
            spectra = np.fft.rfft(frames[:, :, :: length // 4] * window, axis=-1)
            return np.maximum(np.abs(spectra) / window.sum(), 1e-4)

        r, e = magnitudes(references), magnitudes(estimates)
        convergence = [np.linalg.norm(a - b) / np.linalg.norm(a) for a, b in zip(r, e, strict=True)]
        terms.append(np.mean(convergence) + np.mean(np.abs(np.log(r) - np.log(e))))
    return np.mean(terms)


FORMULAS = {
    "mse": lambda r, e: np.mean((r.astype(np.float64) - e) ** 2),
    "sse": lambda r, e: np.mean(np.sum((r.astype(np.float64) - e) ** 2, axis=(1, 3))),
    "l1": lambda r, e: np.mean(np.abs(r.astype(np.float64) - e)),
    "si_sdr": si_sdr_and_leakage,
    "stft": multi_resolution_stft,
}


@pytest.mark.parametrize("name", TERMS)
def test_a_term_is_its_formula(name):
    references, estimates = waveforms()
    assert float(total_loss(only(name), references, estimates)) == pytest.approx(
        FORMULAS[name](references, estimates), rel=2e-5
    )


def test_the_config_has_a_weight_for_every_term_and_the_loss_is_the_weighted_sum():
    assert list(SeparationSettings().weights) == list(TERMS)
    references, estimates = waveforms()
    weights = SeparationSettings(mse=2.0, sse=0.0, l1=0.5, si_sdr=0.1, stft=1.0)
    expected = sum(
        weight * float(TERMS[name](references, estimates))
        for name, weight in weights.weights.items()
    )
    assert float(total_loss(weights, references, estimates)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", TERMS)
def test_the_loss_of_a_batch_is_the_mean_over_its_examples(name):
    references, estimates = waveforms()
    one_by_one = [float(total_loss(only(name), references[[i]], estimates[[i]])) for i in range(3)]
    assert float(total_loss(only(name), references, estimates)) == pytest.approx(
        np.mean(one_by_one), rel=1e-5
    )


@pytest.mark.parametrize("name", TERMS)
def test_a_longer_patch_costs_the_same(name):
    references, estimates = waveforms(frames=2**15)
    halves = [
        float(total_loss(only(name), references[:, :, half], estimates[:, :, half]))
        for half in (slice(0, 2**14), slice(2**14, None))
    ]
    assert float(total_loss(only(name), references, estimates)) == pytest.approx(
        np.mean(halves), rel=0.01
    )


@pytest.mark.parametrize("name", [name for name in TERMS if name != "sse"])
def test_twice_the_slots_cost_the_same(name):
    references, estimates = waveforms()
    references, estimates = (
        references - references.mean(axis=2, keepdims=True),
        estimates,
    )  # any two alike
    twice = [np.concatenate([x, x], axis=1) for x in (references, estimates)]
    # The level of an absent slot is that below the mixture, which is twice as loud now.
    expected = float(total_loss(only(name), references, estimates)) - (
        20 * np.log10(2) / 3 if name == "si_sdr" else 0
    )
    assert float(total_loss(only(name), *twice)) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("name", ["sse", "si_sdr"])
def test_silent_slots_estimated_as_silence_add_nothing(name):
    references, estimates = (x[:, [0, 2, 3]] for x in waveforms())
    silence = np.zeros_like(references)
    more = float(
        total_loss(
            only(name), *(np.concatenate([x, silence], axis=1) for x in (references, estimates))
        )
    )
    reward = 30.0 if name == "si_sdr" else 0.0  # for being silent where it should
    assert more == pytest.approx(
        float(total_loss(only(name), references, estimates)) - reward, rel=1e-4
    )


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("silent", ["references", "estimates", "both"])
def test_silence_costs_a_finite_loss_with_finite_gradients(name, silent):
    references, estimates = waveforms()
    if silent != "estimates":
        references = np.zeros_like(references)
    estimates = tf.Variable(np.zeros_like(estimates) if silent != "references" else estimates)
    with tf.GradientTape() as tape:
        loss = total_loss(only(name), references, estimates)
    gradient = tape.gradient(loss, estimates).numpy()
    assert np.isfinite(float(loss))
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", TERMS)
def test_a_quieter_error_is_a_smaller_loss(name):
    references, estimates = waveforms()
    better = references + 0.3 * (estimates - references)
    assert float(total_loss(only(name), references, better)) < float(
        total_loss(only(name), references, estimates)
    )


def float32_error(name):
    """How far the loss of bfloat16 estimates is from that of the same numbers in float32, relative."""
    references, estimates = waveforms()
    rounded = ops.cast(estimates, "bfloat16")
    expected = FORMULAS[name](references, np.asarray(ops.cast(rounded, "float32")))
    return abs(float(total_loss(only(name), references, rounded)) / expected - 1)


@pytest.mark.parametrize("name", TERMS)
def test_losses_are_float32_and_a_planted_bfloat16_sum_is_caught(name, monkeypatch):
    assert float32_error(name) < 1e-4
    if name == "stft":
        return  # there is no Fourier transform in bfloat16: it could not be planted
    cast = ops.cast
    monkeypatch.setattr(
        losses.ops, "cast", lambda x, dtype: cast(x, "bfloat16" if dtype == "float32" else dtype)
    )
    assert float32_error(name) > 3e-4


def test_the_loss_of_a_bfloat16_network_is_that_of_its_float32_estimates():
    small = [
        "model.num_levels=3",
        "model.num_filters=4",
        "model.estimate_frames=101",
        "data.sources=cl,fl,vc,vn",
    ]
    config = configs.load("smoke", [*small, "train.compute_dtype=bfloat16"])
    network, rng = make_network(config), np.random.default_rng(0)
    batch = {
        "mixture": rng.standard_normal((3, config.model.window().mixture_frames, 1)).astype(
            np.float32
        ),
        "sources": rng.standard_normal((3, 4, 101, 1)).astype(np.float32),
        "labels": np.ones((3, 4), np.float32),
    }
    estimates = np.asarray(estimates_of(network, batch["mixture"], batch["labels"]))
    assert float(loss_of_batch(network, batch, SeparationSettings())) == pytest.approx(
        FORMULAS["mse"](batch["sources"], estimates), rel=1e-6
    )
