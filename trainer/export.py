"""A trained network as a SavedModel that needs TensorFlow and nothing of this project.

    python -m trainer.export --workdir=runs/urmp_labels

writes runs/urmp_labels/saved_model:

    model = tf.saved_model.load("runs/urmp_labels/saved_model")
    about = model.describe()  # sample_rate, sources in slot order, step, config
    estimates = model.separate(waveform, labels)

waveform (T, C) at the rate of ``describe``, labels (K,) with 1 for each source that plays, -1 throughout where that is
not known; estimates (K, T, C). A mono network separates each channel by itself; a stereo network hears a mono
waveform twice and returns the mean of its channels.
"""

from collections.abc import Sequence

import tensorflow as tf
from absl import flags

import configs
from configs import Config
from configs.schema import WEIGHTS
from data_prep.runtime import command
from data_prep.storage import is_bucket, open_folder
from trainer.inference.tiling import estimate_in_graph, long_patch
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import load_run
from trainer.networks.conditioning import UNKNOWN
from trainer.networks.wave_unet import WaveUNet, make_network

FLAGS = flags.FLAGS


class ExportedSeparator(tf.Module):
    """What the SavedModel holds: two functions and the weights they read."""

    def __init__(self, config: Config, network: WaveUNet, step: int) -> None:
        super().__init__()
        self._config, self._step = config, step
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
    def __init__(self, network: WaveUNet, config: Config) -> None:
        self._network, self._config = network, config
        self._patch = long_patch(config.model.window())

    def separate(self, waveform: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """See the module."""
        num_channels = tf.shape(waveform)[1]
        with tf.control_dependencies([_require_labels(labels, self._config.takes_unknown_labels)]):
            labels = tf.identity(labels)
        if self._config.audio.channels == 1:
            form = tf.TensorSpec([labels.shape[0], None])
            by_channel = tf.map_fn(
                lambda channel: self._estimate(channel[:, None], labels)[:, :, 0],
                tf.transpose(waveform),
                fn_output_signature=form,
                parallel_iterations=1,
            )
            return tf.transpose(by_channel, [1, 2, 0])
        legal = tf.debugging.Assert(
            (num_channels == 1) | (num_channels == 2),
            ["a stereo network separates 1 or 2 channels; got", num_channels],
        )
        with tf.control_dependencies([legal]):
            stereo = tf.ensure_shape(tf.repeat(waveform, 2 // num_channels, axis=1), [None, 2])
        estimates = self._estimate(stereo, labels)
        return tf.cond(
            num_channels == 1,
            lambda: tf.reduce_mean(estimates, 2, keepdims=True),
            lambda: estimates,
        )

    def _estimate(self, mixture: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return estimate_in_graph(self._network, self._patch, mixture, labels)


def _require_labels(labels: tf.Tensor, takes_unknown: bool) -> tf.Operation:
    known = tf.reduce_all((labels == 0) | (labels == 1))
    legal = known | tf.reduce_all(labels == UNKNOWN) if takes_unknown else known
    expected = "labels must be 0 or 1" + (
        ", or -1 throughout where they are not known" if takes_unknown else ""
    )
    return tf.debugging.Assert(legal, [f"{expected}; got", labels])


def export(workdir: str, checkpoint: str, out: str, weights: str = "average") -> str:
    """Write the SavedModel of a run to a folder, by default ``WORKDIR/saved_model``, replacing one that is there.

    Returns:
        The folder.

    Raises:
        ValueError: there is no such run or checkpoint.
    """
    config = load_run(workdir).config
    out = open_folder(out or f"{workdir}/saved_model").url
    if is_bucket(out):
        open_folder(f"{out}.partial").check()  # before anything that takes minutes
    network = make_network(config)
    step = restore_network(workdir, network, checkpoint, weights)
    if tf.io.gfile.exists(out) and not tf.io.gfile.exists(f"{out}/saved_model.pb"):
        raise ValueError(f"{out} is there and is no SavedModel; choose another --out.")
    module, partial = ExportedSeparator(config, network, step), f"{out}.partial"
    if tf.io.gfile.exists(partial):
        tf.io.gfile.rmtree(partial)
    signatures = {"serving_default": module.separate, "describe": module.describe}
    tf.saved_model.save(module, partial, signatures)
    if tf.io.gfile.exists(out):
        tf.io.gfile.rmtree(out)
    tf.io.gfile.rename(partial, out)
    return out


def main(_: Sequence[str]) -> None:
    """Flags -> one call."""
    print(
        f"SavedModel: {export(open_folder(FLAGS.workdir).url, FLAGS.checkpoint, FLAGS.out, FLAGS.weights)}"
    )


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
