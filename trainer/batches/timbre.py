"""Gives waveforms other pitches and other timbres: what a corpus has few of.

An oboe of one sound font is not an oboe; with another tuning and another equaliser at every sight
less of it can be learnt by heart.

Axes: N waveforms, T frames, C channels, P points of a curve.
"""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

# Points of an equaliser: half the rate, an octave lower, and so on; below the last it is level.
NUM_POINTS = 6
# Bins of the filter, without the one at half the rate.
_NUM_BINS = 32
# Frames that a filter reads on each side of one.
_FILTER_REACH = _NUM_BINS - 1
# Frames that an interpolation reads on each side of a place, at most.
_CUBIC_REACH = 2


class Timbre:
    """Changes pitches and timbres by what is drawn for each waveform."""

    def __init__(self, detune_cents: float, equalise_db: float, num_frames: int) -> None:
        """Describes what may be drawn.

        Args:
            detune_cents: the furthest that a waveform is tuned up or down.
            equalise_db: the most that a point of an equaliser is raised or lowered.
            num_frames: that are wanted of each waveform.
        """
        self._is_detuned = detune_cents > 0
        self._is_equalised = equalise_db > 0
        self._num_frames = num_frames
        self.extra_frames = 0
        """Frames that are read on each side of those that are wanted."""
        if self._is_equalised:
            self.extra_frames += _FILTER_REACH
        if self._is_detuned:
            longest = (num_frames + 2 * self.extra_frames) * 2 ** (detune_cents / 1200)
            self.extra_frames = int(np.ceil((longest - num_frames) / 2)) + _CUBIC_REACH

    def change(self, waveforms: tf.Tensor, cents: tf.Tensor, curves: tf.Tensor) -> tf.Tensor:
        """Returns waveforms (N, T, C), of (N, T + 2 ``extra_frames``, C).

        Args:
            waveforms: as they are stored.
            cents: by how much each is tuned up, (N,), of which 1200 are an octave.
            curves: the gains of each at the points of its equaliser in dB, (N, P), from the lowest.
        """
        around = _FILTER_REACH if self._is_equalised else 0
        if self._is_detuned:
            waveforms = detuned(waveforms, cents, self._num_frames + 2 * around)
        if self._is_equalised:
            waveforms = equalised(waveforms, curves)
        return waveforms


def detuned(waveforms: tf.Tensor, cents: tf.Tensor, num_frames: int) -> tf.Tensor:
    """Returns the middle of waveforms (N, T', C) played faster or slower, (N, ``num_frames``, C).

    Between two frames lies the cubic of Catmull and Rom, "A class of local interpolating splines",
    1974, which dulls the highest octave a little.
    """
    ratios = 2 ** (tf.cast(cents, tf.float64) / 1200)
    middle = (waveforms.shape[1] - 1) / 2
    places = np.arange(num_frames) - (num_frames - 1) / 2
    # (N, num_frames), in frames of what is read
    read = middle + ratios[:, None] * places
    before = tf.floor(read)
    u = tf.cast(read - before, tf.float32)[:, :, None]
    first = tf.cast(before, tf.int32)
    weights = (
        ((2 - u) * u - 1) * u / 2,
        ((3 * u - 5) * u * u + 2) / 2,
        ((4 - 3 * u) * u + 1) * u / 2,
        (u - 1) * u * u / 2,
    )
    terms = [
        tf.gather(waveforms, first + offset, axis=1, batch_dims=1) * weight
        for offset, weight in enumerate(weights, start=-1)
    ]
    return tf.add_n(terms)


def equalised(waveforms: tf.Tensor, curves: tf.Tensor) -> tf.Tensor:
    """Returns waveforms (N, T + 2 * 31, C) behind an equaliser each, (N, T, C).

    The filters are even, so that nothing moves. They are what a curve (N, P) in dB between its
    points, straight over the logarithm of the frequency, leaves within 63 frames.
    """
    levels = tf.linalg.matmul(curves, tf.constant(_LEVELS_OF_POINTS))
    # (N, 64), even about its first frame; then about its middle one.
    cyclic = tf.signal.irfft(tf.cast(10 ** (levels / 20), tf.complex64))
    filters = (tf.roll(cyclic, _NUM_BINS, axis=1) * _HANN)[:, 1:]
    # (N, T', C) -> (C, 1, T', N): each waveform is a channel with a filter of its own.
    images = tf.transpose(waveforms, [2, 1, 0])[:, None]
    kernel = tf.transpose(filters)[None, :, :, None]
    filtered = tf.nn.depthwise_conv2d(images, kernel, strides=[1, 1, 1, 1], padding="VALID")
    return tf.transpose(filtered[:, 0], [2, 1, 0])


def _levels_of_points() -> NDArray[np.float32]:
    """Returns what each point of a curve adds to the level of each bin, (P, bins)."""
    octaves = np.log2(np.maximum(np.arange(_NUM_BINS + 1), 1) / _NUM_BINS)
    points = np.arange(1 - NUM_POINTS, 1)
    rows = [np.interp(octaves, points, row) for row in np.eye(NUM_POINTS)]
    return np.stack(rows).astype(np.float32)


_LEVELS_OF_POINTS = _levels_of_points()
_HANN = (0.5 - 0.5 * np.cos(np.pi * np.arange(2 * _NUM_BINS) / _NUM_BINS)).astype(np.float32)
