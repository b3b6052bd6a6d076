"""Keeps what was heard in a track as text, so that an interrupted evaluation continues.

Axes: K instruments, J columns.
"""

import base64
import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs.reading import parse_object


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
    values = {
        "name": track.name,
        "labels": track.labels,
        "shape": track.truth.shape,
        "truth": _encode(track.truth.astype(np.uint8)),
        "activity": {system: _encode(each) for system, each in track.activity.items()},
    }
    return json.dumps(values)


def from_text(text: str) -> KeptTrack:
    """Returns the track that a text of ``to_text`` holds."""
    values = parse_object(text, "what was heard")
    shape = tuple(values["shape"])

    def decode(encoded: str, dtype: str) -> NDArray[np.generic]:
        return np.frombuffer(base64.b64decode(encoded), dtype).reshape(shape)

    activity = {
        system: decode(each, "<f4").astype(np.float32)
        for system, each in values["activity"].items()
    }
    truth = decode(values["truth"], "u1").astype(bool)
    return KeptTrack(values["name"], tuple(values["labels"]), truth, activity)


def _encode(values: NDArray[np.generic]) -> str:
    little_end_first = values.astype(values.dtype.newbyteorder("<"))
    return base64.b64encode(little_end_first.tobytes()).decode()
