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

import posixpath
import re
from collections.abc import Sequence
from typing import Any

from absl import flags

from data_prep.runtime import command
from data_prep.storage import is_bucket, open_folder
from data_prep.storage.lock import held
from trainer.loop.checkpoint_flags import define_checkpoint_flags
from trainer.loop.workdir import load_run, require_run

FLAGS = flags.FLAGS

# The files of a SavedModel as ``write_model`` makes it; what a kill left of one has no others.
_PART = re.compile(r"saved_model\.pb|fingerprint\.pb|variables/variables\..*")


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
    with held(out, "--out", beside=True):
        write_model(out, ExportedSeparator(config, network, step))
    return out


def write_model(out: str, module: Any) -> None:
    """Writes a SavedModel beside the place where it belongs, and then puts it there.

    The one that was there is put aside first and deleted last, so that a kill leaves one that is
    whole, and nothing that the same command would refuse.

    Raises:
        ValueError: ``out`` is there and is something else.
    """
    import tensorflow as tf

    partial = f"{out}.partial"
    previous = f"{out}.previous"
    for folder in (out, previous):
        _require_model(folder)
    _remove(partial)
    signatures = {"serving_default": module.separate, "describe": module.describe}
    tf.saved_model.save(module, partial, signatures)
    if tf.io.gfile.exists(out):
        _remove(previous)
        tf.io.gfile.rename(out, previous, overwrite=True)
    # Nothing is there to be overwritten, which a bucket may know only some seconds later.
    tf.io.gfile.rename(partial, out, overwrite=True)
    _remove(previous)


def _require_model(folder: str) -> None:
    """Raises a ``ValueError`` for what is there and is neither a SavedModel nor the rest of one."""
    import tensorflow as tf

    if not tf.io.gfile.exists(folder):
        return
    if not tf.io.gfile.isdir(folder):
        raise ValueError(f"{folder} is a file; expected a folder, or nothing yet.")
    strange: list[str] = []
    for path, _, names in tf.io.gfile.walk(folder):
        files = [posixpath.relpath(posixpath.join(path, name), folder) for name in names if name]
        strange += [file for file in files if not _PART.fullmatch(file)]
    if strange:
        raise ValueError(
            f"{folder} is there and is no SavedModel, as it holds {strange[0]}; "
            f"choose another --out."
        )


def _remove(folder: str) -> None:
    """Deletes a SavedModel, or the rest of one, if it is there."""
    import tensorflow as tf

    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)


def main(_: Sequence[str]) -> None:
    """Exports the run that the flags name."""
    workdir = require_run(FLAGS.workdir)
    print(f"SavedModel: {export(workdir, FLAGS.checkpoint, FLAGS.out, FLAGS.weights)}")


if __name__ == "__main__":
    define_checkpoint_flags()
    flags.DEFINE_string("out", "", "folder to write instead of WORKDIR/saved_model")
    command.run(main)
