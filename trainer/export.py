"""Exports a trained network as a SavedModel that needs TensorFlow and nothing of this project.

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
from typing import Any

from absl import flags

from data_prep.runtime import command
from data_prep.storage import is_bucket, open_folder
from data_prep.storage.lock import held
from trainer.loop.checkpoint_flags import define_checkpoint_flags
from trainer.loop.workdir import load_run, require_run

FLAGS = flags.FLAGS


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
    with command.importing():
        import tensorflow as tf

        from trainer.inference.exported import ExportedSeparator
        from trainer.loop.checkpoints import restore_network
        from trainer.networks import make_network

    config = load_run(workdir).config
    out = open_folder(out or f"{workdir}/saved_model").url
    if is_bucket(out):
        # Before anything that takes minutes.
        open_folder(f"{out}.partial").check()
    network = make_network(config)
    step = restore_network(workdir, network, checkpoint, weights)
    if tf.io.gfile.exists(out) and not tf.io.gfile.exists(f"{out}/saved_model.pb"):
        raise ValueError(f"{out} is there and is no SavedModel; choose another --out.")
    with held(out, "--out", beside=True):
        _replace(out, ExportedSeparator(config, network, step))
    return out


def _replace(out: str, module: Any) -> None:
    """Writes a SavedModel beside the place where it belongs, and then puts it there."""
    import tensorflow as tf

    partial = f"{out}.partial"
    if tf.io.gfile.exists(partial):
        tf.io.gfile.rmtree(partial)
    signatures = {"serving_default": module.separate, "describe": module.describe}
    tf.saved_model.save(module, partial, signatures)
    if tf.io.gfile.exists(out):
        tf.io.gfile.rmtree(out)
    tf.io.gfile.rename(partial, out)


def main(_: Sequence[str]) -> None:
    """Exports the run that the flags name."""
    workdir = require_run(FLAGS.workdir)
    print(f"SavedModel: {export(workdir, FLAGS.checkpoint, FLAGS.out, FLAGS.weights)}")


if __name__ == "__main__":
    define_checkpoint_flags()
    flags.DEFINE_string("out", "", "folder to write instead of WORKDIR/saved_model")
    command.run(main)
