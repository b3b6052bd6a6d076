"""Keeps the newest checkpoints of a folder, and knows which there are.

A checkpoint of 8 steps is the files ``ckpt-8.data-00000-of-00001`` and, written last,
``ckpt-8.index``. The file ``checkpoint`` lists those that are whole, as TensorFlow's own tools
expect it. Where a kill came before the first list, the files themselves tell. Only plain names
count: nothing outside the folder is read, written or deleted.
"""

import re
import shutil
from collections.abc import Sequence

import tensorflow as tf

from data_prep.runtime.quantities import pluralized
from data_prep.runtime.tensorflow_errors import reason
from data_prep.storage import is_bucket
from trainer.loop.workdir import write_text

_LIST = "checkpoint"
_NAME = re.compile(r"ckpt-(\d+)")
_INDEX = re.compile(r"ckpt-(\d+)\.index")
# TensorFlow's own folder of a checkpoint that it saves; in a bucket a slash ends its name.
_HALF_SAVED = re.compile(r"ckpt-\d+_temp/?")
# A line of the list, which is a protocol buffer as text.
_LISTED = re.compile(r'^ *(?:all_)?model_checkpoint_paths?: *"(.*)"', re.MULTILINE)


class CheckpointFolder:
    """Is a folder to which one job saves."""

    def __init__(self, folder: str, keep: int) -> None:
        """Looks which checkpoints there are; ``ValueError`` as from ``list_steps``."""
        self._folder = folder
        self._keep = keep
        self._steps = list_steps(folder)
        self._end_what_was_begun()

    def save(self, checkpoint: tf.train.Checkpoint, step: int) -> None:
        """Saves the state after ``step`` steps, and drops those saved first, beyond those to keep.

        The list names a checkpoint from when it is whole until after it is deleted, so that a kill
        leaves no files that nobody knows of.
        """
        checkpoint.save_counter.assign_add(1)
        checkpoint.write(path_of(self._folder, step))
        steps = [step, *(other for other in self._steps if other != step)]
        self._write_list(steps)
        self._drop_oldest(steps)

    def _drop_oldest(self, steps: list[int]) -> None:
        self._steps = steps[: self._keep]
        if len(steps) > self._keep:
            self._delete(steps[self._keep :])
            self._write_list(self._steps)

    def _write_list(self, steps: Sequence[int]) -> None:
        lines = [f'model_checkpoint_path: "ckpt-{steps[0]}"']
        lines += [f'all_model_checkpoint_paths: "ckpt-{step}"' for step in reversed(steps)]
        write_text(f"{self._folder}/{_LIST}", "\n".join(lines) + "\n")

    def _delete(self, steps: Sequence[int]) -> None:
        numbers = "|".join(map(str, steps))
        owned = re.compile(rf"ckpt-({numbers})\.(index|data-\d+-of-\d+)")
        # An index before its data: without the data it would look whole.
        for name in sorted(tf.io.gfile.listdir(self._folder), reverse=True):
            if owned.fullmatch(name):
                tf.io.gfile.remove(f"{self._folder}/{name}")

    def _end_what_was_begun(self) -> None:
        """Deletes what a kill left half saved, and what it left half deleted."""
        for name in _names(self._folder):
            if _HALF_SAVED.fullmatch(name):
                path = f"{self._folder}/{name.rstrip('/')}"
                if is_bucket(path):
                    tf.io.gfile.rmtree(path)
                else:
                    # Follows no link to another folder, as TensorFlow would.
                    shutil.rmtree(path, ignore_errors=True)
        self._drop_oldest(self._steps)


def path_of(folder: str, step: int) -> str:
    """Returns the path of a checkpoint as TensorFlow takes it."""
    return f"{folder}/ckpt-{step}"


def list_steps(folder: str) -> list[int]:
    """Returns the steps of the checkpoints in a folder, the one saved last first.

    Raises:
        ValueError: they cannot be listed, or the list names something else than checkpoints here.
    """
    try:
        names = _names(folder)
        listed = _read_list(folder) if _LIST in names else []
        if listed:
            return listed
        found = sorted({int(match[1]) for match in map(_INDEX.fullmatch, names) if match})
        whole = [step for step in reversed(found) if _is_whole(path_of(folder, step))]
    except tf.errors.OpError as error:
        raise ValueError(
            f"the checkpoints in {folder} cannot be listed: {reason(error)}"
        ) from error
    # A kill while the first one is saved leaves one that is not whole: it is saved anew.
    if len(found) > 1 and not whole:
        raise ValueError(
            f"none of {pluralized(len(found), 'checkpoint')} in {folder} is whole; restore them, "
            f"or choose another --workdir."
        )
    return whole


def _names(folder: str) -> list[str]:
    """Returns the names of files in a folder, none where there is no folder."""
    try:
        return list(tf.io.gfile.listdir(folder))
    except tf.errors.NotFoundError:
        return []


def _read_list(folder: str) -> list[int]:
    """Returns the steps that the list names; none where it is empty or damaged."""
    with tf.io.gfile.GFile(f"{folder}/{_LIST}", "rb") as file:
        text = file.read().decode(errors="replace")
    # TensorFlow writes the one saved last first, and again at the end of all.
    listed = list(dict.fromkeys(reversed(_LISTED.findall(text))))
    for name in listed:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{folder}/{_LIST} names {name!r}; expected checkpoints beside it, such as "
                f"'ckpt-8', as nothing elsewhere is read or deleted; remove that file, and the "
                f"checkpoints beside it are found without it."
            )
    return [int(name.removeprefix("ckpt-")) for name in listed]


def _is_whole(path: str) -> bool:
    """Returns whether the index of a checkpoint, which is written last, was written to its end."""
    try:
        tf.train.load_checkpoint(path)
    except MemoryError:
        # A damaged index may ask for all of it.
        return False
    except tf.errors.OpError as error:
        if is_out_of_reach(error):
            raise
        return False
    return True


def is_out_of_reach(error: Exception) -> bool:
    """Returns whether what could not be read may be whole and readable at another time."""
    return "HTTP request" in str(error) or isinstance(error, tf.errors.PermissionDeniedError)
