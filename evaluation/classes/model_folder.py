"""Writes and reads the folder of what was learnt: plain JSON and arrays.

    model.json    what was learnt of which files, by whose ears, and how well
    model.npz     the arrays of the regression, and the features of the files
    held_out.csv  what was said of each file when it was held out
    features      features of single files, which may be deleted

Axes: F files, N features, K classes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from configs.reading import read_object
from data_prep.storage.files import checksum, replacing
from evaluation.classes.labelled import Kind
from evaluation.classes.linear import Linear

FILE_NAME = "model.json"
_ARRAYS = "model.npz"
_VERSION = 1
# A folder with other files is somebody else's.
OWN_NAMES = (FILE_NAME, _ARRAYS, "held_out.csv", "features", "lock")


@dataclass(frozen=True)
class HeardBy:
    """Says whose layers heard the files."""

    workdir: str
    # The experiment.
    name: str
    step: int
    # average or raw.
    weights: str
    # Of the weights and of what of the config changes what they hear.
    checksum: str
    # How many features each layer has.
    layers: tuple[int, ...]


@dataclass(frozen=True)
class KnownFile:
    """Holds what is kept of a file that was learnt from."""

    file: str
    target: str | float
    group: str | None
    sha256: str


@dataclass(frozen=True)
class Model:
    """Holds what was learnt."""

    kind: Kind
    # Without any where numbers were learnt.
    classes: tuple[str, ...]
    heard_by: HeardBy
    linear: Linear
    files: tuple[KnownFile, ...]
    # Of these files, (F, N).
    features: NDArray[np.float32]
    # Figures of the cross-validation, as plain values; empty where none were wanted.
    measured: Mapping[str, Any]


def require_own(folder: Path) -> None:
    """Raises a ``ValueError`` where a folder holds other files than those of a model."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"--out={folder} is a file; expected a folder, or nothing yet.")
    others = [path.name for path in sorted(folder.iterdir()) if not _is_own(path.name)]
    if others:
        raise ValueError(
            f"--out={folder} holds other files ({others[0]}); choose a folder of its own for what "
            f"is learnt."
        )


def _is_own(name: str) -> bool:
    return name in OWN_NAMES or name.startswith(".") or name.endswith(".partial")


def save(folder: Path, model: Model) -> None:
    """Writes a model into a folder; whoever reads it meanwhile is told that it is not whole."""
    linear = model.linear
    with replacing(folder / _ARRAYS) as path, path.open("wb") as file:
        np.savez(
            file,
            mean=linear.mean,
            scale=linear.scale,
            coefficients=linear.coefficients,
            offsets=linear.offsets,
            features=model.features,
        )
    values = {
        "version": _VERSION,
        "kind": model.kind,
        "classes": list(model.classes),
        "heard_by": asdict(model.heard_by),
        "penalty": linear.penalty,
        "measured": model.measured,
        "arrays": checksum(folder / _ARRAYS)._asdict(),
        "files": [asdict(file) for file in model.files],
    }
    with replacing(folder / FILE_NAME) as path:
        text = json.dumps(values, indent=1, allow_nan=False)
        path.write_text(f"{text}\n", encoding="utf-8", newline="\n")


def load(folder: Path) -> Model:
    """Reads the model in a folder.

    Raises:
        ValueError: there is none, or it is damaged.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise ValueError(
            f"there is no {path}; expected a folder that evaluation.classify train wrote."
        )
    values = read_object(path)
    try:
        if values["version"] != _VERSION:
            raise ValueError(f"its version is {values['version']}, expected {_VERSION}")
        if checksum(folder / _ARRAYS)._asdict() != values["arrays"]:
            raise ValueError(f"{_ARRAYS} is of another model")
        return _from_values(values, folder / _ARRAYS)
    except (ValueError, KeyError, TypeError, OSError, BadZipFile) as error:
        raise ValueError(
            f"{path} is not what evaluation.classify train wrote ({error}); train again."
        ) from error


def _from_values(values: Mapping[str, Any], arrays_path: Path) -> Model:
    with arrays_path.open("rb") as opened, np.load(opened) as file:
        arrays = {name: file[name] for name in file.files}
    features = arrays.pop("features")
    described = dict(values["heard_by"])
    described["layers"] = tuple(described["layers"])
    files = tuple(KnownFile(**each) for each in values["files"])
    model = Model(
        kind=values["kind"],
        classes=tuple(values["classes"]),
        heard_by=HeardBy(**described),
        linear=Linear(penalty=float(values["penalty"]), **arrays),
        files=files,
        features=features,
        measured=dict(values["measured"]),
    )
    _require_whole(model)
    return model


def _require_whole(model: Model) -> None:
    num_features = sum(model.heard_by.layers)
    num_answers = len(model.classes) or 1
    linear = model.linear
    shapes: Sequence[tuple[tuple[int, ...], tuple[int, ...]]] = (
        (linear.mean.shape, (num_features,)),
        (linear.scale.shape, (num_features,)),
        (linear.coefficients.shape, (num_answers, num_features)),
        (linear.offsets.shape, (num_answers,)),
        (model.features.shape, (len(model.files), num_features)),
    )
    for found, expected in shapes:
        if found != expected:
            raise ValueError(f"an array has the shape {found}, expected {expected}")
    finite = (linear.mean, linear.scale, linear.coefficients, model.features)
    if not all(np.isfinite(array).all() for array in finite) or np.isnan(linear.offsets).any():
        raise ValueError("an array holds values that are not finite numbers")
    if model.kind not in get_args(Kind) or (model.kind == "class") != bool(model.classes):
        raise ValueError(f"it is of the kind {model.kind!r} with {len(model.classes)} classes")
