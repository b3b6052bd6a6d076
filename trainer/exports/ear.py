"""Is what a SavedModel hears by itself: which of its sources play in a waveform.

Axes: K sources of the separator, I instruments of the tagger, J columns, T frames, C channels.
"""

import numpy as np
import tensorflow as tf

from configs import Config
from data_prep.audio.tracks import Waveform
from trainer.exports.window import exported_window
from trainer.inference.in_graph import activity_in_graph
from trainer.tasks.tagging.pieces import ROUNDING, piece_probabilities
from trainer.tasks.tagging.tagger import Tagger

# Of probabilities, whose arithmetic is ordered otherwise in a graph; with 8 bits it rounds, too.
_TOLERANCE = 1e-4
_ROUNDED_TOLERANCE = 0.05


class Ear(tf.Module):
    """Says which sources of a separator a tagger hears in a waveform, in a graph."""

    def __init__(self, tagger: Tagger, config: Config) -> None:
        """Takes the tagger of a run.

        Args:
            tagger: hears.
            config: of the separator.

        Raises:
            ValueError: the tagger does not know all sources, or hears another rate.
        """
        super().__init__()
        listener = tagger.listener
        missing = [name for name in config.data.sources if name not in tagger.sources]
        if missing:
            raise ValueError(
                f"the tagger ({tagger.origin}) does not know {', '.join(missing)}, which the "
                "network separates; name a tagger of the same instruments."
            )
        rate = listener.config.audio.sample_rate
        if rate != config.audio.sample_rate:
            raise ValueError(
                f"the tagger ({tagger.origin}) hears {rate} Hz and the separator "
                f"{config.audio.sample_rate} Hz; an export holds two of the same rate."
            )
        # Not as attributes: TensorFlow would save Keras's own functions too.
        network = listener.network
        self.weights = [variable.value for variable in network.variables]
        slots = [tagger.sources.index(name) for name in config.data.sources]
        limits = np.array([tagger.thresholds[name] for name in config.data.sources])
        window = exported_window(network)
        channels = listener.config.audio.channels
        size = listener.median_columns

        def recognise(waveform: tf.Tensor) -> dict[str, tf.Tensor]:
            # (T, C) -> (T, C_net)
            mono = tf.reduce_mean(waveform, axis=1, keepdims=True)
            heard = tf.repeat(mono, channels, axis=1)
            activity = activity_in_graph(network, window, heard, listener.column_frames)
            probabilities = _piece_probabilities(_median(activity, size), tagger.share)
            own = tf.gather(probabilities, slots)
            # Of 64 bits, as the thresholds are.
            labels = tf.cast(tf.cast(own, tf.float64) >= limits, tf.float32)
            return {"labels": labels, "probabilities": own}

        signature = [tf.TensorSpec([None, None], tf.float32, "waveform")]
        self.recognise = tf.function(recognise, input_signature=signature)
        self._tagger = tagger
        self._slots = slots

    def require_agreement(self, recognised: dict[str, tf.Tensor], song: Waveform) -> None:
        """Raises a ``ValueError`` where what a file heard is not what the tagger hears."""
        config = self._tagger.listener.config
        activity = self._tagger.hear([song], config.audio.sample_rate)
        expected = piece_probabilities(activity, self._tagger.share)[self._slots]
        error = float(np.abs(recognised["probabilities"].numpy() - expected).max())
        is_rounded = config.train.compute_dtype == "bfloat16"
        tolerance = _ROUNDED_TOLERANCE if is_rounded else _TOLERANCE
        # So that NaN is refused.
        if not error <= tolerance:
            raise ValueError(
                f"as saved_model the tagger hears something else: its probabilities differ by "
                f"{error:.2g}; expected {tolerance:g} at most. Nothing was written; choose another "
                f"version of TensorFlow, or leave --tagger out."
            )


def _median(activity: tf.Tensor, size: int) -> tf.Tensor:
    """Returns activity (I, J) behind a median filter over columns, whose ends are repeated."""
    if size == 1:
        return activity
    half = size // 2
    num_columns = tf.shape(activity)[1]
    last = tf.maximum(num_columns - 1, 0)
    # (J, size)
    places = tf.range(num_columns)[:, None] + tf.range(-half, half + 1)
    neighbours = tf.gather(activity, tf.clip_by_value(places, 0, last), axis=1)
    return tf.sort(neighbours, axis=2)[:, :, half]


def _piece_probabilities(activity: tf.Tensor, share: float) -> tf.Tensor:
    """Returns the highest value that a share of the columns (I, J) reach, (I,); 0 of no columns."""
    num_columns = tf.cast(tf.shape(activity)[1], tf.float64)
    num_reaching = tf.cast(tf.math.ceil(share * num_columns - ROUNDING), tf.int32)
    descending = tf.sort(activity, axis=1, direction="DESCENDING")
    # Where there are no columns, there is the zero.
    padded = tf.pad(descending, [[0, 0], [0, 1]])
    return padded[:, tf.maximum(num_reaching, 1) - 1]
