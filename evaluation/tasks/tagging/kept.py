"""Keeps what was heard in a track as text, so that an interrupted evaluation continues.

Axes: K instruments, J columns.
"""

import base64
import io
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class KeptTrack(NamedTuple):
    """Holds the columns of a track."""

    name: str
    labels: tuple[str, ...]
    # (K, J), where each instrument is audible.
    truth: NDArray[np.bool_]
    # System -> (K, J).
    activity: Mapping[str, NDArray[np.float32]]


def to_text(track: KeptTrack) -> str:
    """Returns a track as text."""
    file = io.BytesIO()
    np.savez_compressed(
        file, truth=track.truth, **{f"of {k}": v for k, v in track.activity.items()}
    )
    arrays = base64.b64encode(file.getvalue()).decode()
    return json.dumps({"name": track.name, "labels": track.labels, "arrays": arrays})


def from_text(text: str) -> KeptTrack:
    """Returns the track that a text of ``to_text`` holds."""
    values: dict[str, Any] = json.loads(text)
    with np.load(io.BytesIO(base64.b64decode(values["arrays"])), allow_pickle=False) as arrays:
        activity = {
            name.removeprefix("of "): arrays[name] for name in arrays.files if name != "truth"
        }
        return KeptTrack(values["name"], tuple(values["labels"]), arrays["truth"], activity)
