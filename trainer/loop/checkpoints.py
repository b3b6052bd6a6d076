"""Saves and restores a run: weights, optimizer state, step, and the config they were made with."""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from data_prep.runtime.tensorflow_errors import reason
from trainer.loop.checkpoint_folder import (
    CheckpointFolder,
    is_out_of_reach,
    list_steps,
    path_of,
)
from trainer.loop.optimisation import Optimisation
from trainer.loop.workdir import read_config_text, require_config_of

# Where a checkpoint has the text of config.json.
_CONFIG = "config/.ATTRIBUTES/py_state"


class Checkpoints:
    """Holds the checkpoints in ``workdir/checkpoints``: the newest ones and, in ``best``, the best.

    They are numbered by step. Beside weights and optimizers they hold the average of the weights,
    where one is kept, and what the plateau schedule and early stopping go by: ``best``, the best
    figure of a validation (its negative where lower is better), and how many since were not better.
    They carry the text of ``config.json``: the same weights mean something else under another one.
    """

    def __init__(self, workdir: str, optimisation: Optimisation, keep: int) -> None:
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self.best = tf.Variable(-math.inf, dtype=tf.float64, trainable=False, name="best")
        self.not_better = tf.Variable(0, dtype=tf.int64, trainable=False, name="not_better")
        network = {variable.path: variable for variable in optimisation.weights}
        self._held = {
            "network": Held(network),
            "optimizer": Held(optimisation.variables),
            "average": Held(optimisation.average),
        }
        self._saved = {
            **{part: held.saved for part, held in self._held.items()},
            "step": self.step,
            "best": self.best,
            "not_better": self.not_better,
        }
        self._workdir = workdir
        self._newest = CheckpointFolder(_folder(workdir), keep)
        self._best = CheckpointFolder(_folder(workdir, "best"), 1)
        self._checkpoint = self._carrying(read_config_text(workdir))

    def restore(self) -> int:
        """Restores the newest checkpoint that is whole, if any; returns the steps it has seen.

        Raises:
            ValueError: there are checkpoints, but none can be read, or they are of another network.
        """
        paths = [path for path, _ in _newest_first(_folder(self._workdir))]
        for older, path in enumerate(paths, start=1):
            try:
                self._restore(path)
                break
            except DamagedError as error:
                if older == len(paths):
                    raise
                print(f"warning: {error} Going back to {paths[older]}.", flush=True)
        return int(self.step.numpy())

    def _restore(self, path: str) -> None:
        text = _require_same_config(path, self._workdir)
        with _readable(path):
            self._carrying(text).restore(path).assert_consumed()
        for held in self._held.values():
            held.take_up()

    def _carrying(self, text: str | None) -> tf.train.Checkpoint:
        """Returns what is saved, with the text of a config if there is one, to write or restore."""
        if text is None:
            return tf.train.Checkpoint(**self._saved)
        return tf.train.Checkpoint(**self._saved, config=_Carried(text))

    def save(self, step: int) -> None:
        """Saves the state after ``step`` steps, and drops the oldest beyond those to keep."""
        self._put_down(step)
        self._newest.save(self._checkpoint, step)

    def save_best(self, step: int) -> None:
        """Saves the state after ``step`` steps as the best one, in place of the best before."""
        self._put_down(step)
        self._best.save(self._checkpoint, step)

    def _put_down(self, step: int) -> None:
        """Gives what is saved the values that it has by now."""
        self.step.assign(step)
        for held in self._held.values():
            held.put_down()


class Held:
    """Holds variables of any backend as those of TensorFlow, which checkpoints are made of.

    A run may continue on another backend: paths, shapes and types in a checkpoint are the same.
    """

    def __init__(self, variables: Mapping[str, keras.Variable]) -> None:
        """Takes variables by their paths."""
        self._is_mirror = keras.backend.backend() != "tensorflow"
        self._variables = variables
        self.saved = {path: variable.value for path, variable in variables.items()}
        if self._is_mirror:
            self.saved = {
                path: tf.Variable(np.zeros(variable.shape, _type_of(variable)), trainable=False)
                for path, variable in variables.items()
            }

    def put_down(self) -> None:
        """Gives variables of TensorFlow the values of those of another backend."""
        if self._is_mirror:
            for path, variable in self._variables.items():
                self.saved[path].assign(np.asarray(variable.value, _type_of(variable)))

    def take_up(self) -> None:
        """Gives those of another backend what was restored."""
        if self._is_mirror:
            for path, variable in self._variables.items():
                value = self.saved[path].numpy()
                variable.assign(value.astype(variable.dtype))


def _type_of(variable: keras.Variable) -> str:
    """Returns the type of a variable in a checkpoint: on TensorFlow Keras counts in 64 bits."""
    return "int64" if variable.dtype == "int32" else str(variable.dtype)


def find_checkpoint(workdir: str, which: str) -> tuple[str, int]:
    """Finds a checkpoint of a run.

    Args:
        workdir: folder of the run.
        which: ``best``, ``latest`` or a number of steps; ``best`` is the latest where nothing was
            validated.

    Returns:
        Its path as TensorFlow takes it, and the number of steps it has seen.

    Raises:
        ValueError: there is no such checkpoint, and the message lists those there are; or it was
            trained with another config than ``config.json`` is by now.
    """
    newest = _newest_first(_folder(workdir))
    best = _newest_first(_folder(workdir, "best"))
    found = {str(step): (path, step) for path, step in (*best, *newest)}
    if not found:
        raise ValueError(f"{workdir} has no checkpoint yet; train first.")
    found["latest"] = (newest or best)[0]
    found["best"] = (best or newest)[0]
    if which not in found:
        raise ValueError(
            f"there is no checkpoint {which!r} in {workdir}; there are "
            f"{', '.join(reversed(found))}."
        )
    path, step = found[which]
    _require_same_config(path, workdir)
    return path, step


def restore_network(
    workdir: str, network: keras.Model, which: str, weights: str = "average"
) -> int:
    """Restores the weights of a network.

    Args:
        workdir: folder of the run.
        network: gets the weights.
        which: the checkpoint, as ``find_checkpoint`` takes it.
        weights: ``average``, the moving average where the run kept one, or ``raw``.

    Returns:
        The number of steps the weights have seen.

    Raises:
        ValueError: there is no such checkpoint, or it cannot be read.
    """
    path, step = find_checkpoint(workdir, which)
    with _readable(path):
        _restore_part(path, network=_by_path(network.variables))
        # The average is that of the weights that training changes, under the same paths.
        averaged = _saved_paths(tf.train.load_checkpoint(path), "average")
        if weights == "average":
            known = [variable for variable in network.variables if variable.path in averaged]
            _restore_part(path, average=_by_path(known))
    return step


def read_variables(workdir: str, which: str) -> tuple[str, dict[str, NDArray[Any]]]:
    """Reads the variables of all networks of a run, the average of those that have one.

    Returns:
        The path of the checkpoint, and the values by the paths of their variables.

    Raises:
        ValueError: there is no such checkpoint, or it cannot be read.
    """
    path, _ = find_checkpoint(workdir, which)
    with _readable(path):
        reader = tf.train.load_checkpoint(path)
        keys = {**_saved_paths(reader, "network"), **_saved_paths(reader, "average")}
        return path, {name: reader.get_tensor(key) for name, key in keys.items()}


def _saved_paths(reader: Any, part: str) -> dict[str, str]:
    """Returns the paths of the variables in a part of a checkpoint, and its keys for them."""
    # TensorFlow writes a slash within a name as ".S".
    pattern = re.compile(rf"{part}/(.*)/\.ATTRIBUTES/VARIABLE_VALUE")
    found = [pattern.fullmatch(key) for key in sorted(reader.get_variable_to_shape_map())]
    return {each[1].replace(".S", "/"): each[0] for each in found if each}


def save_network(workdir: str, network: keras.Model) -> None:
    """Saves the weights of a network that nobody trained here, as the checkpoint of step 0.

    It has no optimizers, so that no training goes on from it.
    """
    text = read_config_text(workdir)
    assert text is not None
    saved = {"network": _by_path(network.variables)}
    checkpoint = tf.train.Checkpoint(**saved, config=_Carried(text))
    CheckpointFolder(_folder(workdir), keep=1).save(checkpoint, step=0)


def _restore_part(path: str, **variables: dict[str, tf.Variable]) -> None:
    """Restores some variables of a checkpoint; ``AssertionError`` where it lacks one of them."""
    checkpoint = tf.train.Checkpoint(**variables)
    checkpoint.restore(path).assert_existing_objects_matched().expect_partial()


def _require_same_config(path: str, workdir: str) -> str | None:
    """Returns the text of the config that a checkpoint carries; those of before carry none.

    Raises:
        ValueError: the checkpoint cannot be read, or the config of the run is another by now.
    """
    with _readable(path):
        reader = tf.train.load_checkpoint(path)
        if not reader.has_tensor(_CONFIG):
            return None
        text: str = reader.get_tensor(_CONFIG).decode()
    require_config_of(path, text, workdir)
    return text


class _Carried(tf.train.experimental.PythonState):
    """Is a text in a checkpoint."""

    def __init__(self, text: str) -> None:
        self._text = text

    def serialize(self) -> str:
        """Returns what is saved."""
        return self._text

    def deserialize(self, string_value: bytes) -> None:
        """Leaves the text as it is: what is restored was compared before, and steps may differ."""


class DamagedError(ValueError):
    """Is raised for a checkpoint that will never be readable, not for one out of reach now."""


def _newest_first(folder: str) -> list[tuple[str, int]]:
    """Returns the path and the steps of each checkpoint in a folder."""
    steps = sorted(list_steps(folder), reverse=True)
    return [(path_of(folder, step), step) for step in steps]


@contextmanager
def _readable(path: str) -> Iterator[None]:
    """Names a checkpoint that cannot be restored, for whatever reason TensorFlow gives."""
    try:
        yield
    # A damaged index may ask for all memory.
    except (tf.errors.OpError, IndexError, AssertionError, ValueError, MemoryError) as error:
        if is_out_of_reach(error):
            raise ValueError(
                f"the checkpoint {path} cannot be read for now: {reason(error)}"
            ) from error
        raise DamagedError(
            f"the checkpoint {path} is damaged, missing or of another network."
        ) from error


def _by_path(variables: list[keras.Variable]) -> dict[str, tf.Variable]:
    """Returns variables by their paths, like ``wave_unet/down_1/convolution/kernel``.

    TensorFlow would find them by the attributes of Python objects; it misses layers that a Keras
    model keeps in a list, and a renamed attribute would orphan every checkpoint.
    """
    return {variable.path: variable.value for variable in variables}


def _folder(workdir: str, *names: str) -> str:
    return "/".join((workdir, "checkpoints", *names))
