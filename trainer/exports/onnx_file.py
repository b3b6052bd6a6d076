"""Writes and runs ONNX files of a network's window."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import tf2onnx

from configs.reading import parse_object
from trainer.exports.grid import WindowEstimate
from trainer.exports.window import WindowModule

OPSET = 17
# Under which the metadata of a file holds what it says of itself, as JSON.
ABOUT = "about"


def write(path: Path, module: WindowModule, about: Mapping[str, Any]) -> None:
    """Writes a file with inputs ``mixture`` and ``labels``, and the output ``estimates``."""
    model, _ = tf2onnx.convert.from_function(
        module.separate, input_signature=module.signature, opset=OPSET
    )
    onnx.helper.set_model_props(model, {ABOUT: json.dumps(about)})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def load(path: Path) -> tuple[WindowEstimate, dict[str, Any]]:
    """Returns the function of a file, and what it says of itself."""
    # From version 1.29 on the package tells Microsoft of its use, unless it finds this when it is
    # imported.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    about = parse_object(session.get_modelmeta().custom_metadata_map[ABOUT], path)
    return lambda inputs: session.run(["estimates"], dict(inputs))[0], about
