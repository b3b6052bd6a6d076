"""Saving and restoring a run: weights, optimizer state and step."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf


class Checkpoints:
    """The checkpoints in ``workdir/checkpoints``, numbered by step."""

    def __init__(self, workdir: str, network: keras.Model, optimizer: keras.optimizers.Optimizer, keep: int) -> None:
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        checkpoint = tf.train.Checkpoint(
            network=_by_path(network.variables), optimizer=_by_path(optimizer.variables), step=self.step
        )
        self._manager = tf.train.CheckpointManager(checkpoint, _folder(workdir), max_to_keep=keep)

    def restore(self) -> int:
        """Restore the newest checkpoint, if there is one; returns the number of steps it has seen."""
        path = self._manager.latest_checkpoint
        _refuse_unlisted(self._manager.directory, path)
        if path:
            with _readable(path):
                self._manager.checkpoint.restore(path).assert_consumed()
        return int(self.step.numpy())

    def save(self, step: int) -> None:
        """Save the state after ``step`` steps, and drop the oldest beyond those to keep."""
        self.step.assign(step)
        self._manager.save(checkpoint_number=step)


def restore_network(workdir: str, network: keras.Model, which: str) -> int:
    """Restore the weights of a network from ``latest`` or the checkpoint after a given number of steps.

    Returns:
        The number of steps the weights have seen.

    Raises:
        ValueError: there is no such checkpoint; the message lists those there are.
    """
    steps = {_step_of(path): path for path in _paths(workdir)}
    _refuse_unlisted(_folder(workdir), next(iter(steps.values()), None))
    if not steps:
        raise ValueError(f"{workdir} has no checkpoint yet; train first.")
    step = max(steps) if which == "latest" else int(which) if which.isdecimal() else -1
    if step not in steps:
        raise ValueError(
            f"there is no checkpoint {which!r} in {workdir}; there are latest, {', '.join(map(str, steps))}."
        )
    checkpoint = tf.train.Checkpoint(network=_by_path(network.variables))
    with _readable(steps[step]):
        checkpoint.restore(steps[step]).assert_existing_objects_matched().expect_partial()
    return step


def _refuse_unlisted(folder: str, listed: str | None) -> None:
    """TensorFlow keeps a list of the checkpoints and takes a missing one for an empty folder, to be written over."""
    found = tf.io.gfile.glob(f"{folder}/*.index")
    if found and not listed:
        raise ValueError(
            f"{folder} holds {len(found)} checkpoints, but the file 'checkpoint' that lists them is missing or "
            f"unreadable; restore it, or choose another --workdir."
        )


@contextmanager
def _readable(path: str) -> Iterator[None]:
    """Names a checkpoint that cannot be restored, for whatever reason TensorFlow gives."""
    try:
        yield
    except (tf.errors.OpError, IndexError, AssertionError) as error:
        raise ValueError(
            f"the checkpoint {path} is damaged or of another network; take its line out of the file 'checkpoint' "
            f"beside it to go back to the one before."
        ) from error


def _by_path(variables: list[keras.Variable]) -> dict[str, tf.Variable]:
    """Variables under their own names, like ``wave_unet/down_1/convolution/kernel``.

    TensorFlow would find them by the attributes of Python objects; it misses layers that a Keras model keeps in a
    list, and a renamed attribute would orphan every checkpoint.
    """
    return {variable.path: variable.value for variable in variables}


def _paths(workdir: str) -> list[str]:
    state: Any = tf.train.get_checkpoint_state(_folder(workdir))
    return list(state.all_model_checkpoint_paths) if state else []


def _step_of(path: str) -> int:
    match = re.search(r"-(\d+)$", path)
    return int(match.group(1)) if match else -1


def _folder(workdir: str) -> str:
    return f"{workdir}/checkpoints"
