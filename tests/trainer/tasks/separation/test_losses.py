"""Losses against their formulas in float64, and that neither silence, batch, length nor slots
disturb them.
"""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import configs
from configs import SeparationSettings
from tests.support.estimates import estimates_of
from trainer.networks import make_network
from trainer.tasks.separation import losses
from trainer.tasks.separation.losses import total_loss
from trainer.tasks.separation.step import loss_of_batch

TERMS = tuple(SeparationSettings().weights)
CONFIG = configs.load("smoke", ["data.sources=cl,fl,vc,vn"])
# What an absent slot leaks counts by its level.
WITH_LEAKAGE = ("si_sdr", "l1_snr")


def with_terms(**settings):
    weights = {**dict.fromkeys(TERMS, 0.0), **settings}
    return replace(CONFIG, task=SeparationSettings(**weights))


def cost(name, references, estimates):
    """The loss of one term; the mixture is the sum of the references, and a frame on each side."""
    mixture = np.pad(references.sum(axis=1), ((0, 0), (1, 1), (0, 0)), constant_values=9)
    return total_loss(with_terms(**{name: 1.0}), references, estimates, mixture)


def waveforms(batch=3, slots=4, frames=4096, channels=2, seed=0):
    """References, of which one slot of the first example is silent, and estimates of about 10 dB."""
    rng = np.random.default_rng(seed)
    references = 0.1 * rng.standard_normal((batch, slots, frames, channels)).astype(np.float32)
    references[0, 1] = 0
    return references, references + 0.03 * rng.standard_normal(references.shape).astype(np.float32)


def ratio_in_db(source, output):
    target = np.vdot(output, source) / np.vdot(source, source) * source
    noise = np.sum((output - target) ** 2) + 1e-3 * np.sum(target**2)
    return 10 * np.log10(np.sum(target**2) / noise)


def l1_ratio_in_db(source, output):
    return 20 * np.log10(
        (np.mean(np.abs(source)) + 1e-3) / (np.mean(np.abs(output - source)) + 1e-3)
    )


def ratio_and_leakage(ratio, references, estimates):
    references, estimates = references.astype(np.float64), estimates.astype(np.float64)
    costs = []
    for sources, outputs in zip(references, estimates, strict=True):
        mixture = sources.sum(axis=0)
        ratios, levels = [], []
        for source, output in zip(sources, outputs, strict=True):
            if source.any():
                ratios.append(-ratio(source, output))
            else:
                levels.append(10 * np.log10(np.sum(output**2) / np.sum(mixture**2) + 1e-3))
        costs.append(sum(float(np.mean(values)) for values in (ratios, levels) if values))
    return np.mean(costs)


def level_difference(references, estimates):
    levels = [
        10 * np.log10(np.mean(x.astype(np.float64) ** 2, axis=(2, 3)) + 1e-8)
        for x in (references, estimates)
    ]
    sounding = references.any(axis=(2, 3))
    differences = np.where(sounding, np.abs(levels[0] - levels[1]), 0)
    return np.mean(differences.sum(axis=1) / sounding.sum(axis=1))


def inconsistency(references, estimates):
    error = references.astype(np.float64).sum(axis=1) - estimates.astype(np.float64).sum(axis=1)
    return np.mean(error**2)


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
    "si_sdr": lambda r, e: ratio_and_leakage(ratio_in_db, r, e),
    "stft": multi_resolution_stft,
    "l1_snr": lambda r, e: ratio_and_leakage(l1_ratio_in_db, r, e),
    "level": level_difference,
    "consistency": inconsistency,
}


@pytest.mark.parametrize("name", TERMS)
def test_a_term_is_its_formula(name):
    references, estimates = waveforms()
    assert float(cost(name, references, estimates)) == pytest.approx(
        FORMULAS[name](references, estimates), rel=2e-5
    )


def test_the_loss_is_the_weighted_sum_of_its_terms():
    references, estimates = waveforms()
    weights = {"mse": 2.0, "l1": 0.5, "si_sdr": 0.1, "stft": 1.0, "level": 0.2, "consistency": 3.0}
    expected = sum(
        weight * float(cost(name, references, estimates)) for name, weight in weights.items()
    )
    mixture = references.sum(axis=1)
    found = total_loss(with_terms(**weights), references, estimates, mixture)
    assert float(found) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", TERMS)
def test_the_loss_of_a_batch_is_the_mean_over_its_examples(name):
    references, estimates = waveforms()
    one_by_one = [float(cost(name, references[[i]], estimates[[i]])) for i in range(3)]
    assert float(cost(name, references, estimates)) == pytest.approx(np.mean(one_by_one), rel=1e-5)


@pytest.mark.parametrize("name", TERMS)
def test_a_longer_patch_costs_the_same(name):
    references, estimates = waveforms(frames=2**15)
    halves = [
        float(cost(name, references[:, :, half], estimates[:, :, half]))
        for half in (slice(0, 2**14), slice(2**14, None))
    ]
    assert float(cost(name, references, estimates)) == pytest.approx(np.mean(halves), rel=0.01)


@pytest.mark.parametrize("name", [name for name in TERMS if name not in ("sse", "consistency")])
def test_twice_the_slots_cost_the_same(name):
    references, estimates = waveforms()
    references, estimates = (
        references - references.mean(axis=2, keepdims=True),
        estimates,
    )  # any two alike
    twice = [np.concatenate([x, x], axis=1) for x in (references, estimates)]
    # The level of an absent slot is that below the mixture, which is twice as loud now.
    expected = float(cost(name, references, estimates)) - (
        20 * np.log10(2) / 3 if name in WITH_LEAKAGE else 0
    )
    assert float(cost(name, *twice)) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("name", ["sse", "si_sdr", "l1_snr", "level", "consistency"])
def test_silent_slots_estimated_as_silence_add_nothing(name):
    references, estimates = (x[:, [0, 2, 3]] for x in waveforms())
    silence = np.zeros_like(references)
    more = float(
        cost(name, *(np.concatenate([x, silence], axis=1) for x in (references, estimates)))
    )
    reward = 30.0 if name in WITH_LEAKAGE else 0.0  # for being silent where it should
    assert more == pytest.approx(float(cost(name, references, estimates)) - reward, rel=1e-4)


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("silent", ["references", "estimates", "both"])
def test_silence_costs_a_finite_loss_with_finite_gradients(name, silent):
    references, estimates = waveforms()
    if silent != "estimates":
        references = np.zeros_like(references)
    estimates = tf.Variable(np.zeros_like(estimates) if silent != "references" else estimates)
    with tf.GradientTape() as tape:
        loss = cost(name, references, estimates)
    gradient = tape.gradient(loss, estimates).numpy()
    assert np.isfinite(float(loss))
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", TERMS)
def test_a_quieter_error_is_a_smaller_loss(name):
    references, estimates = waveforms()
    better = references + 0.3 * (estimates - references)
    assert float(cost(name, references, better)) < float(cost(name, references, estimates))


def float32_error(name):
    """How far the loss of bfloat16 estimates is from that of the same numbers in float32, relative."""
    references, estimates = waveforms()
    rounded = ops.cast(estimates, "bfloat16")
    expected = FORMULAS[name](references, np.asarray(ops.cast(rounded, "float32")))
    return abs(float(cost(name, references, rounded)) / expected - 1)


@pytest.mark.parametrize("name", TERMS)
def test_losses_are_float32_and_a_planted_bfloat16_sum_is_caught(name, monkeypatch):
    assert float32_error(name) < 2e-5
    if name == "stft":
        return  # there is no Fourier transform in bfloat16: it could not be planted
    cast = ops.cast
    monkeypatch.setattr(
        losses.ops, "cast", lambda x, dtype: cast(x, "bfloat16" if dtype == "float32" else dtype)
    )
    assert float32_error(name) > 1e-4


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
    assert float(loss_of_batch(network, batch, config)) == pytest.approx(
        FORMULAS["mse"](batch["sources"], estimates), rel=1e-6
    )
