"""Puts a SavedModel in the place of another one, on a disk or in a bucket."""

import posixpath
import re
from collections.abc import Callable
from typing import Any

# The files of a SavedModel as ``write_model`` makes it; what a kill left of one has no others.
_PART = re.compile(r"saved_model\.pb|fingerprint\.pb|variables/variables\..*")


def write_model(out: str, module: Any, check: Callable[[str], None] | None = None) -> None:
    """Writes a SavedModel beside the place where it belongs, and then puts it there.

    The one that was there is put aside first and deleted last, so that a kill leaves one that is
    whole, and nothing that the same command would refuse.

    Args:
        out: its folder.
        module: what it holds.
        check: is called with the folder that the model was written to, and raises an error where
            the model shall not be put into its place; nothing of it is left then.

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
    if check is not None:
        try:
            check(partial)
        except ValueError:
            _remove(partial)
            raise
    if tf.io.gfile.exists(out):
        _remove(previous)
        tf.io.gfile.rename(out, previous, overwrite=True)
    # Nothing is there to be overwritten, which a bucket may know only some seconds later.
    tf.io.gfile.rename(partial, out, overwrite=True)
    _remove(previous)


def folder_bytes(folder: str) -> int:
    """Returns how many bytes the files in a folder have together."""
    import tensorflow as tf

    return sum(
        tf.io.gfile.stat(posixpath.join(path, name)).length
        for path, _, names in tf.io.gfile.walk(folder)
        for name in names
        if name
    )


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
