"""Puts clips in order by their edges alone: what ends and what begins alike are neighbours.

Axes: P clips, T frames of a clip, C channels, F bins.
"""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from evaluation.tasks.ordering.scores import Floats, Places

_EDGE_SECS = 0.03
# Below the loudest bin of an edge a bin counts as silent.
_RANGE_DB = 60.0
# Of more clips not every order is tried: then each clip is followed by the nearest one that is
# left, from the best of all first ones on.
_MOST_TRIED = 8


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
    order = _shortest_path(distances)
    places = np.empty(len(order), np.int64)
    places[list(order)] = np.arange(len(order))
    return places


def _levels(edges: Floats) -> NDArray[np.float64]:
    """Returns the levels of bins (P, T, C) -> (P, F) in dB, around their mean."""
    window = np.hanning(edges.shape[1] + 2)[1:-1]
    power = np.square(np.abs(np.fft.rfft(edges.mean(axis=2) * window, axis=1)))
    loudest = power.max(axis=1, keepdims=True)
    floor = np.maximum(loudest * 10 ** (-_RANGE_DB / 10), 1e-30)
    levels = 10 * np.log10(np.maximum(power, floor))
    centred: NDArray[np.float64] = levels - levels.mean(axis=1, keepdims=True)
    return centred


def _shortest_path(distances: NDArray[np.float64]) -> Sequence[int]:
    """Returns the order in which the sum of the distances of neighbours is the least."""
    num_clips = len(distances)
    if num_clips <= _MOST_TRIED:
        tried: list[Sequence[int]] = list(permutations(range(num_clips)))
    else:
        tried = [_nearest_first(distances, first) for first in range(num_clips)]
    orders = np.array(tried)
    lengths = distances[orders[:, :-1], orders[:, 1:]].sum(axis=1)
    return tried[int(lengths.argmin())]


def _nearest_first(distances: NDArray[np.float64], first: int) -> Sequence[int]:
    order = [first]
    left = set(range(len(distances))) - {first}
    while left:
        nearest = min(left, key=lambda clip: float(distances[order[-1], clip]))
        order.append(nearest)
        left.remove(nearest)
    return order
