"""Writes and runs TFLite files of a network's window."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from configs.reading import parse_object
from data_prep.runtime.parallel import num_cores
from trainer.exports.grid import WindowEstimate
from trainer.exports.window import WindowModule

# The file in the zip archive that stands behind the graph, where an interpreter does not look and
# every program that opens archives does; TFLite's own metadata carry files in the same way.
ABOUT = "about.json"


def write(path: Path, module: WindowModule, about: Mapping[str, Any]) -> None:
    """Writes a file with inputs ``mixture`` and ``labels``, and the output ``estimates``."""
    _write(path, module, about, optimizations=[])


def write_int8(path: Path, module: WindowModule, about: Mapping[str, Any]) -> None:
    """Writes the same with weights of 8 bits, and a scale for each filter."""
    _write(path, module, about, optimizations=[tf.lite.Optimize.DEFAULT])


def load(path: Path) -> tuple[WindowEstimate, dict[str, Any]]:
    """Returns the function of a file, and what it says of itself."""
    with ZipFile(path) as archive:
        about = parse_object(archive.read(ABOUT).decode(), path)
    interpreter = Interpreter(str(path), num_threads=num_cores())
    interpreter.allocate_tensors()
    run = interpreter.get_signature_runner()
    return lambda inputs: run(**inputs)["estimates"], about


def _write(
    path: Path, module: WindowModule, about: Mapping[str, Any], optimizations: Sequence[Any]
) -> None:
    # The names of inputs and outputs come from the signature of a SavedModel.
    folder = str(path.with_suffix(".saved_model"))
    tf.saved_model.save(module, folder, {"serving_default": module.separate})
    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    converter.optimizations = optimizations
    path.write_bytes(converter.convert())
    shutil.rmtree(folder)
    with ZipFile(path, "a") as archive:
        # Of no time, so that the same network gives the same bytes.
        archive.writestr(ZipInfo(ABOUT), json.dumps(about))
