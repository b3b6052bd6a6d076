"""Computes what sounds cost that come back wrongly, and what a critic's slope costs, in float32.

Axes: B sounds, T frames, Z numbers of a sound, M columns, F bins. Every term is a mean over sounds
of what one costs, so that a batch divides among replicas.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from configs import GenerationSettings
from configs.generator import LONGEST_WINDOW

# A short sound begins within the shortest, and rings within the longest.
STFT_FRAMES = (256, 1024, LONGEST_WINDOW)
# -80 dB of a full-scale sine: what is below it counts as silence, as in the scores.
_LEAST_POWER = 1e-8
# Keeps slopes of square roots finite.
_TINY = 1e-10


def spectral_distance(sounds: Any, made: Any) -> Any:
    """Computes the mean difference of levels, in tens of dB, plus the spectral convergence.

    Yamamoto, Song, Kim, "Parallel WaveGAN", ICASSP 2020, equations 3 to 5, with levels in dB above
    -80 dB and the mean over three windows.

    Args:
        sounds: (B, T, C), as they should be.
        made: as they are.
    """
    terms = []
    for frames in STFT_FRAMES:
        wanted = _powers(sounds, frames)
        got = _powers(made, frames)
        # 10 dB a unit.
        levels = ops.log10(wanted + _LEAST_POWER) - ops.log10(got + _LEAST_POWER)
        error = ops.sqrt(wanted + _TINY) - ops.sqrt(got + _TINY)
        energy = ops.sum(wanted, axis=(1, 2)) + _TINY
        convergence = ops.sqrt(ops.sum(ops.square(error), axis=(1, 2)) / energy + _TINY)
        terms.append(ops.mean(ops.abs(levels)) + ops.mean(convergence))
    return sum(terms) / len(terms)


def relative_squared_error(sounds: Any, made: Any) -> Any:
    """Computes the energy of the error over that of the sound, mean over sounds."""
    error = ops.sum(ops.square(sounds - made), axis=(1, 2))
    energy = ops.sum(ops.square(sounds), axis=(1, 2)) + _TINY
    return ops.mean(error / energy)


def mean_squared_error(sounds: Any, made: Any) -> Any:
    """Computes the squared error, mean over sounds and frames."""
    return ops.mean(ops.square(sounds - made))


TERMS: dict[str, Callable[[Any, Any], Any]] = {
    "stft": spectral_distance,
    "relative": relative_squared_error,
    "mse": mean_squared_error,
}


def reconstruction(settings: GenerationSettings, sounds: Any, made: Any) -> Any:
    """Computes the weighted sum of the terms that a config asks for, a float32 scalar."""
    weights = {name: getattr(settings, name) for name in TERMS}
    terms = [weight * TERMS[name](sounds, made) for name, weight in weights.items() if weight]
    return sum(terms)


def divergences(means: Any, logarithms: Any) -> Any:
    """Computes the divergence of each number from a normal one, (B, Z), in nats.

    Kingma, Welling, "Auto-encoding variational Bayes", ICLR 2014, appendix B.

    Args:
        means: (B, Z).
        logarithms: of the variances, (B, Z).
    """
    return 0.5 * (ops.square(means) + ops.exp(logarithms) - 1 - logarithms)


def slope_cost(judge: Callable[[Any], Any], sounds: Any) -> Any:
    """Computes how far a critic's slope is from 1, squared, mean over sounds.

    Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017, equation 3.

    Args:
        judge: the critic, (B, T, C) -> (B,).
        sounds: (B, T, C), between real and made ones.
    """
    slopes = _slopes(judge, sounds)
    lengths = ops.sqrt(ops.sum(ops.square(slopes), axis=(1, 2)) + _TINY)
    return ops.mean(ops.square(lengths - 1))


def _slopes(judge: Callable[[Any], Any], sounds: Any) -> Any:
    """Returns the derivative of each sound's score by its frames, (B, T, C)."""
    # Scores of different sounds have nothing to do with each other, so that the derivative of their
    # sum is that of each.
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(lambda x: ops.sum(judge(x)))(sounds)
    # Not at the top: preflight has no TensorFlow.
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(sounds)
        total = ops.sum(judge(sounds))
    return tape.gradient(total, sounds)


def _powers(sounds: Any, frames: int) -> Any:
    """Computes powers in columns and bins, (B, T, C) -> (B, M, F); a full-scale sine has 1."""
    waveforms = ops.mean(sounds, axis=2)
    real, imaginary = ops.stft(waveforms, frames, frames // 4, frames, "hann", center=False)
    # The Hann window sums to half its length, of which a sine has half on either side.
    return (ops.square(real) + ops.square(imaginary)) / (frames / 4) ** 2
