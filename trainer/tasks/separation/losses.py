"""Computes training losses in float32, finite also where nothing sounds.

Axes: references and estimates (B, K, T, C). Every term is a mean over examples of what one example
costs, so that a batch divides among replicas, and depends neither on T nor on K alone: see each.
What follows the energy of the mixture takes the sum of the references for it.
"""

from collections.abc import Callable
from typing import Any

from keras import ops

from configs import Config, SeparationSettings
from trainer.networks.frames import crop
from trainer.tasks.separation.loudness import k_weighted

STFT_FRAMES = (512, 1024, 2048)
# -100 dBFS: keeps quotients and logarithms finite.
_LEAST_POWER = 1e-10
# -80 dBFS: below it a reference is silent, as in the scores.
_ACTIVE_POWER = 1e-8
# -60 dB of the mixture: nor does a source sound that is so far below it.
_ACTIVE_SHARE = 1e-6
# 30 dB, above which a better estimate hardly counts: it is good enough.
_SOFT_LIMIT = 1e-3
# Of full scale: a quieter error hardly counts in ``l1_snr``.
_L1_SNR_EPSILON = 1e-3


def mean_squared_error(references: Any, estimates: Any) -> Any:
    """Computes the mean squared error over examples, slots, frames and channels.

    Silent slots count: they are to be silent.
    """
    return ops.mean(ops.square(references - estimates))


def sum_squared_error(references: Any, estimates: Any) -> Any:
    """Computes the squared error summed over slots and channels, mean over examples and frames.

    A slot that is silent in both adds nothing, however many there are.
    """
    return ops.mean(ops.sum(ops.square(references - estimates), axis=(1, 3)))


def mean_absolute_error(references: Any, estimates: Any) -> Any:
    """Computes the mean absolute error over examples, slots, frames and channels."""
    return ops.mean(ops.abs(references - estimates))


def si_sdr_and_leakage(references: Any, estimates: Any) -> Any:
    """Computes minus the SI-SDR of what sounds plus the level of what should not, in dB.

    SI-SDR: Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019, with the soft limit of 30
    dB of Wisdom et al., "Unsupervised sound separation using mixture invariant training", NeurIPS
    2020. The level of an absent slot is that of its estimate below the mixture, with the same limit
    (Wisdom et al., "What's all the fuss about free universal sound separation data?", ICASSP 2021).
    Each is a mean over the slots it concerns, per example.
    """
    # (B, K)
    reference_power = _power(references)
    active = _active(references)

    # The target is the projection of the estimate on the reference: <s, e> / <s, s> s.
    correlation = ops.mean(references * estimates, axis=(2, 3))
    scale = correlation / ops.maximum(reference_power, _ACTIVE_POWER)
    targets = scale[:, :, None, None] * references
    target_power = _power(targets)
    # The soft limit: with no noise at all the ratio is 1 / _SOFT_LIMIT.
    noise_power = _power(estimates - targets) + _SOFT_LIMIT * target_power
    distortion = -_decibels(target_power / (noise_power + _LEAST_POWER))
    leakage = _leakage(references, estimates)
    return ops.mean(_mean_where(active, distortion) + _mean_where(1 - active, leakage))


def l1_snr_and_leakage(references: Any, estimates: Any) -> Any:
    """Computes minus the L1SNR of what sounds plus the level of what should not, in dB.

    20 log10((|e - s| + epsilon) / (|s| + epsilon)): Watcharasupat et al., "A generalized bandsplit
    neural network for cinematic audio source separation", IEEE Open Journal of Signal Processing 5,
    2024; used by Watcharasupat and Lerch, "A stem-agnostic single-decoder system for music source
    separation beyond four stems" (Banquet), ISMIR 2024. Both write a norm, a sum; their programs
    take the mean over frames and channels, and so does this one: epsilon means the same whatever
    the length. Absent slots, for which they say nothing, cost what they do in ``si_sdr``.
    """
    # (B, K)
    error = ops.mean(ops.abs(estimates - references), axis=(2, 3)) + _L1_SNR_EPSILON
    level = ops.mean(ops.abs(references), axis=(2, 3)) + _L1_SNR_EPSILON
    distortion = 20 * ops.log10(error / level)
    active = _active(references)
    leakage = _leakage(references, estimates)
    return ops.mean(_mean_where(active, distortion) + _mean_where(1 - active, leakage))


def level_difference(references: Any, estimates: Any) -> Any:
    """Computes by how many dB estimates of what sounds are too loud or too quiet.

    | L(e) - L(s) | with L the level in dB: ``DecibelMatchLoss`` of the program of Banquet
    (Watcharasupat and Lerch 2024), and without its adaptive weight the regulariser of "Separate
    this, and all of these things around it", arXiv:2501.16171. A mean over the slots that sound.
    """
    # Levels count as at least about -80 dBFS, where a reference begins to sound.
    estimate_level = _decibels(_power(estimates) + _ACTIVE_POWER)
    reference_level = _decibels(_power(references) + _ACTIVE_POWER)
    difference = ops.abs(estimate_level - reference_level)
    return ops.mean(_mean_where(_active(references), difference))


def consistency(mixture: Any, estimates: Any) -> Any:
    """Computes the mean squared error of the sum of the estimates as an estimate of the mixture.

    (B, T, C), (B, K, T, C) -> (); a mean over examples, frames and channels.
    """
    return ops.mean(ops.square(mixture - ops.sum(estimates, axis=1)))


def multi_resolution_stft(references: Any, estimates: Any) -> Any:
    """Computes spectral convergence plus difference of log magnitudes, mean over three windows.

    Yamamoto, Song, Kim, "Parallel WaveGAN", ICASSP 2020, equations 3 to 5. The convergence is that
    of all slots of an example together, because a silent one has none of its own; magnitudes below
    -80 dBFS count as -80 dBFS.
    """
    num_frames = references.shape[2]
    num_examples = ops.shape(references)[0]
    # (B, K, T, C) -> (B K C, T)
    flat_references = ops.reshape(ops.transpose(references, (0, 1, 3, 2)), (-1, num_frames))
    flat_estimates = ops.reshape(ops.transpose(estimates, (0, 1, 3, 2)), (-1, num_frames))
    terms = []
    for length in STFT_FRAMES:
        reference = _magnitudes(flat_references, length)
        estimate = _magnitudes(flat_estimates, length)
        # The difference of log magnitudes.
        logarithms = ops.mean(ops.abs(ops.log(reference) - ops.log(estimate)))
        # The spectral convergence of all slots of an example together, (B,).
        error = ops.reshape(reference - estimate, (num_examples, -1))
        error_energy = ops.sum(ops.square(error), axis=1)
        energy = ops.sum(ops.square(ops.reshape(reference, (num_examples, -1))), axis=1)
        convergence = ops.mean(ops.sqrt(error_energy / energy + _LEAST_POWER))
        terms.append(convergence + logarithms)
    return sum(terms) / len(terms)


TERMS: dict[str, Callable[[Any, Any], Any]] = {
    "mse": mean_squared_error,
    "sse": sum_squared_error,
    "l1": mean_absolute_error,
    "si_sdr": si_sdr_and_leakage,
    "stft": multi_resolution_stft,
    "l1_snr": l1_snr_and_leakage,
    "level": level_difference,
}
"""What compares estimates with references; beside these there is ``consistency``."""


def total_loss(config: Config, references: Any, estimates: Any, mixture: Any) -> Any:
    """Computes the weighted sum of the terms that a config asks for, a float32 scalar.

    Args:
        config: of an experiment in separation.
        references: shape (B, K, T, C).
        estimates: the same shape.
        mixture: shape (B, T', C) with T' - T frames more, half of them before the estimates.
    """
    settings = config.task
    assert isinstance(settings, SeparationSettings)

    def heard(waveforms: Any) -> Any:
        waveforms = ops.cast(waveforms, "float32")
        if settings.loudness:
            waveforms = k_weighted(waveforms, config.audio.sample_rate)
        return waveforms

    references = heard(references)
    estimates = heard(estimates)
    terms = [
        weight * TERMS[name](references, estimates)
        for name, weight in settings.weights.items()
        if weight and name in TERMS
    ]
    if settings.consistency:
        mixture = heard(crop(ops.convert_to_tensor(mixture), estimates.shape[2]))
        terms.append(settings.consistency * consistency(mixture, estimates))
    return sum(terms)


def _active(references: Any) -> Any:
    """Returns 1 for slots that sound and 0 for others, (B, K, T, C) -> (B, K)."""
    # (B, K) and (B, 1)
    reference_power = _power(references)
    mixture_power = _power(ops.sum(references, axis=1, keepdims=True))
    sounds = (reference_power > _ACTIVE_POWER) & (reference_power > _ACTIVE_SHARE * mixture_power)
    return ops.cast(sounds, "float32")


def _leakage(references: Any, estimates: Any) -> Any:
    """Computes the level of each estimate below the mixture in dB, at least -30: (B, K)."""
    mixture_power = _power(ops.sum(references, axis=1, keepdims=True))
    return _decibels(_power(estimates) + _SOFT_LIMIT * mixture_power) - _decibels(mixture_power)


def _power(x: Any) -> Any:
    """Computes the mean square of each waveform, (B, K, T, C) -> (B, K)."""
    return ops.mean(ops.square(x), axis=(2, 3))


def _decibels(power: Any) -> Any:
    return 10 * ops.log10(power + _LEAST_POWER)


def _mean_where(chosen: Any, values: Any) -> Any:
    """Computes the mean over the slots that are chosen, 0 where none is: (B, K), (B, K) -> (B,)."""
    return ops.sum(chosen * values, axis=1) / ops.maximum(ops.sum(chosen, axis=1), 1)


def _magnitudes(waveforms: Any, length: int) -> Any:
    """Computes magnitudes of a short-time Fourier transform: (N, T) -> (N, columns, bins).

    A sine of full scale has a magnitude of 1 / 2.
    """
    real, imaginary = ops.stft(waveforms, length, length // 4, length, window="hann", center=False)
    # The Hann window sums to half its length.
    power = (ops.square(real) + ops.square(imaginary)) / (length / 2) ** 2
    return ops.sqrt(ops.maximum(power, _ACTIVE_POWER))
