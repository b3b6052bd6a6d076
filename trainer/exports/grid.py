"""Separates whole waveforms by windows, with nothing but what an exported file says of itself.

It is what docs/separating.md shows to those who have no more than such a file.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.tracks import Waveform

WindowEstimate = Callable[[Mapping[str, NDArray[np.float32]]], NDArray[np.float32]]
"""Inputs by name (mixture (1, T_mix, C), labels (1, K)) -> estimates (1, K, hop, C)."""


def separate(
    estimate: WindowEstimate,
    about: Mapping[str, Any],
    waveform: Waveform,
    labels: NDArray[np.float32],
) -> Waveform:
    """Returns estimates (K, T, C) of a waveform (T, C) at the rate and channels of the network.

    Args:
        estimate: of one window.
        about: what the file says of itself.
        waveform: of one frame at least.
        labels: (K,), which a network without labels does not get.
    """
    hop_frames = about["hop_frames"]
    mixture_frames = about["mixture_frames"]
    padded = np.pad(waveform, ((about["lead_frames"], mixture_frames), (0, 0)))
    inputs = {}
    if about["takes_labels"]:
        inputs["labels"] = labels[None]
    pieces = []
    for start in range(0, len(waveform), hop_frames):
        inputs["mixture"] = padded[None, start : start + mixture_frames]
        pieces.append(estimate(inputs)[0])
    return np.concatenate(pieces, axis=1)[:, : len(waveform)]
