"""A trained network as a SavedModel that needs TensorFlow and nothing of this project.

    python -m trainer.export --workdir=runs/urmp_labels

writes runs/urmp_labels/saved_model:

    model = tf.saved_model.load("runs/urmp_labels/saved_model")
    about = model.describe()  # sample_rate, sources in slot order, step, config
    estimates = model.separate(waveform, labels)

waveform (T, C) at the rate of ``describe``, labels (K,) with 1 for each source that plays, -1
throughout where that is not known; estimates (K, T, C). A mono network separates each channel by
itself; a stereo network hears a mono waveform twice and returns the mean of its channels.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf
from absl import flags

import configs
from configs import Config
from configs.schema import WEIGHTS
from data_prep.runtime import command
from data_prep.storage import is_bucket, open_folder
from trainer.inference.channels import from_outputs, to_inputs
from trainer.inference.tiling import estimate_in_graph, long_patch
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import load_run
from trainer.networks import make_network
from trainer.networks.conditioning import UNKNOWN

FLAGS = flags.FLAGS


class ExportedSeparator(tf.Module):
    """Is what the SavedModel holds: two functions and the weights they read."""

    def __init__(self, config: Config, network: keras.Model, step: int) -> None:
        super().__init__()
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

    def __init__(self, network: keras.Model, config: Config) -> None:
        self._network = network
        self._config = config
        self._patch = long_patch(config.model.window())

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
        outputs = tf.map_fn(
            lambda heard: estimate_in_graph(self._network, self._patch, heard, labels),
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


def export(workdir: str, checkpoint: str, out: str, weights: str = "average") -> str:
    """Writes the SavedModel of a run to a folder, replacing one that is there.

    Args:
        workdir: folder of the run.
        checkpoint: best, latest, or a number of steps.
        out: the folder to write; empty for ``WORKDIR/saved_model``.
        weights: average or raw.

    Returns:
        The folder.

    Raises:
        ValueError: there is no such run or checkpoint, or ``out`` is something else.
    """
    config = load_run(workdir).config
    out = open_folder(out or f"{workdir}/saved_model").url
    partial = f"{out}.partial"
    if is_bucket(out):
        # Before anything that takes minutes.
        open_folder(partial).check()
    network = make_network(config)
    step = restore_network(workdir, network, checkpoint, weights)
    if tf.io.gfile.exists(out) and not tf.io.gfile.exists(f"{out}/saved_model.pb"):
        raise ValueError(f"{out} is there and is no SavedModel; choose another --out.")
    module = ExportedSeparator(config, network, step)
    if tf.io.gfile.exists(partial):
        tf.io.gfile.rmtree(partial)
    signatures = {"serving_default": module.separate, "describe": module.describe}
    tf.saved_model.save(module, partial, signatures)
    if tf.io.gfile.exists(out):
        tf.io.gfile.rmtree(out)
    tf.io.gfile.rename(partial, out)
    return out


def main(_: Sequence[str]) -> None:
    """Exports the run that the flags name."""
    workdir = open_folder(FLAGS.workdir).url
    print(f"SavedModel: {export(workdir, FLAGS.checkpoint, FLAGS.out, FLAGS.weights)}")


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "folder of the run", required=True)
    flags.DEFINE_string("checkpoint", "best", "best (in validation), latest, or a number of steps")
    flags.DEFINE_enum(
        "weights",
        "average",
        WEIGHTS,
        "the moving average where the run kept one, or the raw weights",
    )
    flags.DEFINE_string("out", "", "folder to write instead of WORKDIR/saved_model")
    command.run(main)
