"""Measures how evenly a sound becomes another one on the straight line between their numbers.

Axes: P paths, S sounds of a path, Z numbers of a sound, T frames, J columns, F bins.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.tasks.generation.sound_sets import SoundSet
from trainer.tasks.generation.distances import Levels, log_spectral_distances
from trainer.tasks.generation.making import Latents, Maker
from trainer.tasks.generation.sounds import Sounds

NUM_PATHS = 20
NUM_POINTS = 11

Floats = NDArray[np.float64]


class Evenness(NamedTuple):
    """Holds means over paths; paths whose sounds are all the same are left out."""

    # The largest step over the mean one: 1 where all are equal, S - 1 where one is all the way.
    largest_step: float
    # The sum of the steps over the distance of the ends.
    detour: float


class Walks(NamedTuple):
    """Holds the evenness of paths, beside that of cross-fades between the same ends."""

    made: Evenness | None
    cross_faded: Evenness | None


def walk(maker: Maker, latents: Latents) -> Walks:
    """Walks from the sounds of the first half to those of the second, and measures the steps.

    Args:
        maker: makes the sounds.
        latents: numbers of the ends, (2 P, Z).
    """
    begins, ends = np.split(latents, 2)
    on_lines = between(begins, ends)
    num_paths = len(begins)
    flat = on_lines.reshape(-1, latents.shape[1])
    # (P S, T) -> (P, S, T)
    made = maker.make(flat).reshape(num_paths, NUM_POINTS, -1)
    return Walks(_evenness_of(made), _evenness_of(between(made[:, 0], made[:, -1])))


def between(begins: NDArray[np.float32], ends: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns points at equal distances on straight lines, ends included: (P, Z) -> (P, S, Z)."""
    shares = np.linspace(0, 1, NUM_POINTS, dtype=np.float32)[None, :, None]
    points: NDArray[np.float32] = (1 - shares) * begins[:, None] + shares * ends[:, None]
    return points


def evenness(paths: Levels) -> Evenness | None:
    """Measures the steps of paths (P, S, J, F); None where no sound ever changes."""
    largest = []
    detours = []
    for levels in paths:
        steps = log_spectral_distances(levels[:-1], levels[1:])
        direct = float(log_spectral_distances(levels[:1], levels[-1:])[0])
        if direct > 0:
            largest.append(steps.max() / steps.mean())
            detours.append(steps.sum() / direct)
    if not largest:
        return None
    return Evenness(float(np.mean(largest)), float(np.mean(detours)))


def _evenness_of(sounds: Sounds) -> Evenness | None:
    """Measures the steps of paths as waveforms, (P, S, T)."""
    num_paths, num_points, num_frames = sounds.shape
    levels = SoundSet(sounds.reshape(-1, num_frames)).levels
    return evenness(levels.reshape(num_paths, num_points, *levels.shape[1:]))
