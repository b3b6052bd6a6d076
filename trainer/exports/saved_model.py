"""Defines what the SavedModel of a trained network holds.

Waveforms, labels and estimates are those of ``trainer.export``.
"""

import tensorflow as tf

import configs
from configs import Config
from trainer.exports.ear import Ear
from trainer.exports.window import exported_window
from trainer.inference.channels import from_outputs, to_inputs
from trainer.inference.in_graph import estimate_in_graph
from trainer.networks.conditioning import UNKNOWN
from trainer.networks.network import Network


class ExportedSeparator(tf.Module):
    """Is what the SavedModel holds: functions and the weights they read."""

    def __init__(self, config: Config, network: Network, step: int, ear: Ear | None = None) -> None:
        """Takes a network, the steps that it has seen, and an ear, if it shall recognise labels."""
        super().__init__()
        if ear is not None:
            self.recognise = ear.recognise
            self.weights_of_ear = ear.weights
        self._config = config
        self._step = step
        # Not as an attribute: TensorFlow would save Keras's own functions too.
        estimator = _Estimator(network, config)
        self.weights = [variable.value for variable in network.variables]
        waveform = tf.TensorSpec([None, None], tf.float32, "waveform")
        labels = tf.TensorSpec([len(config.data.sources)], tf.float32, "labels")
        self.separate = tf.function(estimator.separate, input_signature=[waveform, labels])
        self.describe = tf.function(self._describe, input_signature=[], autograph=False)

    def _describe(self) -> dict[str, tf.Tensor]:
        return {
            "sample_rate": tf.constant(self._config.audio.sample_rate),
            "channels": tf.constant(self._config.audio.channels),
            "sources": tf.constant(self._config.data.sources),
            "step": tf.constant(self._step, tf.int64),
            "config": tf.constant(configs.to_json(self._config)),
        }


class _Estimator:
    """Separates in a graph, by the rules of ``trainer.inference``."""

    def __init__(self, network: Network, config: Config) -> None:
        self._network = network
        self._config = config
        self._window = exported_window(network)

    def separate(self, waveform: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Returns estimates (K, T, C) of a waveform (T, C) and labels (K,), as the module says."""
        num_channels = tf.shape(waveform)[1]
        network_channels = self._config.audio.channels
        checks = [_require_labels(labels, self._config.takes_unknown_labels)]
        if network_channels == 2:
            is_legal = (num_channels == 1) | (num_channels == 2)
            sentence = "a stereo network separates 1 or 2 channels; got"
            checks.append(tf.debugging.Assert(is_legal, [sentence, num_channels]))
        with tf.control_dependencies(checks):
            labels = tf.identity(labels)
            waveform = tf.identity(waveform)
        # (T, C) -> (N, T, C_net), each of which is estimated by itself.
        inputs = to_inputs(waveform, network_channels)
        inputs = tf.ensure_shape(inputs, [None, None, network_channels])
        known = {"labels": labels}
        conditions = {name: known[name] for name in self._network.conditions}
        outputs = tf.map_fn(
            lambda heard: estimate_in_graph(self._network, self._window, heard, conditions),
            inputs,
            fn_output_signature=tf.TensorSpec([labels.shape[0], None, network_channels]),
            parallel_iterations=1,
        )
        return from_outputs(outputs, num_channels)


def _require_labels(labels: tf.Tensor, takes_unknown: bool) -> tf.Operation:
    """Refuses labels other than 0 and 1, and unknown ones where the network takes none."""
    is_legal = tf.reduce_all((labels == 0) | (labels == 1))
    expected = "labels must be 0 or 1"
    if takes_unknown:
        is_legal |= tf.reduce_all(labels == UNKNOWN)
        expected += ", or -1 throughout where they are not known"
    return tf.debugging.Assert(is_legal, [f"{expected}; got", labels])
