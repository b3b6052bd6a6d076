"""Puts clips in order by their edges alone: what ends and what begins alike are neighbours.

Axes: P clips, T frames of a clip, C channels, F bins.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.tasks.ordering.scores import Floats, Places
from trainer.tasks.ordering.answers import places_on_path

_EDGE_SECS = 0.03
# Below the loudest bin of an edge a bin counts as silent.
_RANGE_DB = 60.0


def places_by_edges(clips: Floats, sample_rate: int) -> Places:
    """Returns the orders whose neighbouring ends have the nearest spectra, (B, P).

    The gain of a clip plays no part.

    Args:
        clips: (B, P, T, C).
        sample_rate: frames per second.
    """
    return np.stack([_places(each, sample_rate) for each in clips])


def _places(clips: Floats, sample_rate: int) -> NDArray[np.int64]:
    num_frames = min(round(_EDGE_SECS * sample_rate), clips.shape[1])
    # (P, F)
    begins = _levels(clips[:, :num_frames])
    ends = _levels(clips[:, -num_frames:])
    # (P, P): from the end of one to the begin of another.
    distances = np.sqrt(np.square(ends[:, None] - begins[None]).mean(axis=2))
    return places_on_path(distances)


def _levels(edges: Floats) -> NDArray[np.float64]:
    """Returns the levels of bins (P, T, C) -> (P, F) in dB, around their mean."""
    window = np.hanning(edges.shape[1] + 2)[1:-1]
    power = np.square(np.abs(np.fft.rfft(edges.mean(axis=2) * window, axis=1)))
    loudest = power.max(axis=1, keepdims=True)
    floor = np.maximum(loudest * 10 ** (-_RANGE_DB / 10), 1e-30)
    levels = 10 * np.log10(np.maximum(power, floor))
    centred: NDArray[np.float64] = levels - levels.mean(axis=1, keepdims=True)
    return centred
