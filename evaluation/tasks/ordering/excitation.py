"""Makes sound that excites single features of an encoder which has put clips in order. It is play.

Noise is changed by gradient ascent until a feature is as high as it can be at the same power, while
a penalty keeps its spectrum from filling with what does not matter (Mordvintsev, Olah, Tyka,
"Inceptionism: going deeper into neural networks", 2015, do so with pictures).

Axes: S sounds, T frames, C channels, P clips of a puzzle, D features of a clip.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from configs import Config
from evaluation.tasks.ordering.scores import Floats
from trainer.loop.protocol import Networks
from trainer.networks.network import Network
from trainer.tasks.ordering import step
from trainer.tasks.ordering.heads import Head

# Of each feature, from different noise.
NUM_SOUNDS = 3
_NUM_UPDATES = 300
_LEARNING_RATE = 0.03
# Of a sound: -20 dBFS.
_RMS = 0.1
# What a feature must rise for the same loss as a spectrum that is full of noise.
_PENALTY = 3.0


class Excited(NamedTuple):
    """Holds sounds that excite a feature, and how much."""

    feature: int
    # (S, T, C)
    sounds: Floats
    # (S,): the feature of each sound, and of the noise that it was made of.
    values: Floats
    before: Floats


class Excitement:
    """Excites the features of an encoder and what is left of clips, which stay as they are."""

    def __init__(self, config: Config, networks: Networks) -> None:
        """Takes the networks of the task."""
        encoder, head = networks[step.ENCODER], networks[step.SORTER]
        assert isinstance(encoder, Network)
        assert isinstance(head, Head)
        self._encoder = encoder
        self._head = head
        self._shape = (NUM_SOUNDS, step.clip_frames(config), config.audio.channels)
        self._window = min(1024, 2 ** int(np.log2(self._shape[1] // 2)))

    def describe(self, clips: Floats) -> Floats:
        """Returns the features of clips (S, T, C), (S, D)."""
        return np.asarray(self._features(tf.constant(clips, tf.float32)))

    def excite(self, features: Sequence[int]) -> Iterator[Excited]:
        """Yields the sounds of each feature."""
        for feature in features:
            noise = np.random.default_rng(feature).standard_normal(self._shape)
            raw = tf.Variable(noise, dtype=tf.float32)
            optimizer = keras.optimizers.Adam(_LEARNING_RATE)
            optimizer.build([raw])
            climb = tf.function(self._climb)
            before = self._features(_levelled(raw))[:, feature]
            for _ in range(_NUM_UPDATES):
                optimizer.apply([climb(raw, tf.constant(feature))], [raw])
            sounds = _levelled(raw)
            values = self._features(sounds)[:, feature]
            yield Excited(feature, np.asarray(sounds), np.asarray(values), np.asarray(before))

    def _features(self, clips: tf.Tensor) -> tf.Tensor:
        # (S, T, C) -> (S, 1, J, N): puzzles of one clip.
        encoded = self._encoder.hear_clips(clips)[:, None]
        return tf.cast(self._head.describe_clips(encoded)[:, 0], tf.float32)

    def _climb(self, raw: tf.Variable, feature: tf.Tensor) -> tf.Tensor:
        """Returns the gradient of what is to be low."""
        with tf.GradientTape() as tape:
            sounds = _levelled(raw)
            value = tf.gather(self._features(sounds), feature, axis=1)
            loss = tf.reduce_sum(_PENALTY * self._fullness(sounds) - value)
        return tape.gradient(loss, raw)

    def _fullness(self, sounds: tf.Tensor) -> tf.Tensor:
        """Says how evenly spectra are filled, (S,): mean by root mean square of magnitudes."""
        # (S, T, C) -> (S, C, T)
        waveforms = tf.transpose(sounds, (0, 2, 1))
        real, imaginary = ops.stft(waveforms, self._window, self._window // 4, self._window)
        power = tf.square(real) + tf.square(imaginary)
        magnitudes = tf.sqrt(power + 1e-12)
        axes = (1, 2, 3)
        return tf.reduce_mean(magnitudes, axes) / tf.sqrt(tf.reduce_mean(power, axes) + 1e-12)


def _levelled(raw: tf.Tensor) -> tf.Tensor:
    """Returns sounds of one power, (S, T, C)."""
    power = tf.reduce_mean(tf.square(raw), axis=(1, 2), keepdims=True)
    return _RMS * raw * tf.math.rsqrt(power + 1e-12)
