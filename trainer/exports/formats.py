"""Lists the formats of exported networks; needs no TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import NamedTuple


class Tolerance(NamedTuple):
    """Says how far the estimates of a file may be from those of the network."""

    # Of full scale, at any frame.
    max_error: float
    # The estimates in relation to their error, in dB.
    min_snr_db: float


# A third of a step of 16 bits, so that no file of sound of 16 bits can hold the difference; the
# ratio is for networks whose estimates are quiet.
EXACT = Tolerance(max_error=1e-5, min_snr_db=60.0)
# For numbers of 8 bits. An error 25 dB below an estimate that is r dB above its own error adds
# 10 log10(1 + 10^((r - 25) / 10)) dB to that: 0.05 dB for r = 6, 0.4 dB for r = 15. Networks that
# were trained lie above 32 dB, and lose 0.01 dB of their improvement over the mixture.
ROUNDED = Tolerance(max_error=float("inf"), min_snr_db=25.0)


@dataclass(frozen=True)
class Format:
    """Is a kind of file that other programs run."""

    # For readers.
    title: str
    # Its name in the folder of the exports.
    file: str
    tolerance: Tolerance
    # The modules beyond TensorFlow that make and check it.
    modules: tuple[str, ...] = ()


SAVED_MODEL = "saved_model"
# By the names that --format gives them.
FORMATS = {
    SAVED_MODEL: Format("SavedModel", "saved_model", EXACT),
    "onnx": Format("ONNX", "model.onnx", EXACT, ("onnx", "onnxruntime", "tf2onnx")),
    "tflite": Format("TFLite", "model.tflite", EXACT, ("ai_edge_litert",)),
    "tflite_int8": Format(
        "TFLite with int8 weights", "model_int8.tflite", ROUNDED, ("ai_edge_litert",)
    ),
}


def parse_formats(text: str) -> list[str]:
    """Returns the formats that a flag names, with commas between them, each once.

    Raises:
        ValueError: it names none, or one that is unknown.
    """
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in FORMATS:
            raise ValueError(
                f"--format: there is no format {name!r}; expected some of {', '.join(FORMATS)}, "
                f"with commas between them."
            )
    return names


def require_packages(names: Sequence[str]) -> None:
    """Raises a ``ValueError`` where packages that make formats are not installed."""
    wanted = dict.fromkeys(module for name in names for module in FORMATS[name].modules)
    missing = [module.replace("_", "-") for module in wanted if find_spec(module) is None]
    if missing:
        raise ValueError(
            f"--format={','.join(names)} needs packages that are not installed; install them with "
            f"pip install {' '.join(missing)}."
        )
