"""Computes along what a map lays out sounds, and its sliders move them.

Axes: N sounds, Z numbers of a sound, K directions.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# With more, sliders are no help; numbers along other directions stay as they are.
_MOST_DIRECTIONS = 128
# Where all sounds are alike, a map still has a width.
_LEAST_SPREAD = 1e-3
# How far a map reaches at least from the middle of its sounds, and beyond the last one, of the
# width of what it shows.
_REACH = 2.5
_MARGIN = 0.06


class MapAxes(NamedTuple):
    """Holds the directions of a map, the two of the map itself first."""

    # (Z,), where all coordinates are 0.
    middle: Floats
    # (K, Z), each of length 1, at right angles.
    directions: Floats
    # (K,), of the coordinates of sounds: their standard deviations.
    spreads: Floats

    def coordinates(self, latents: Floats) -> Floats:
        """Returns where numbers (N, Z) are, (N, K)."""
        return (latents - self.middle) @ self.directions.T


def principal_axes(latents: Floats) -> MapAxes:
    """Returns the directions along which sounds (N, Z) differ most, the first one the most.

    Pearson, "On lines and planes of closest fit to systems of points in space", 1901.
    """
    num_sounds, num_latents = latents.shape
    num_directions = min(num_latents, _MOST_DIRECTIONS)
    middle = latents.mean(axis=0, dtype=np.float64)
    # Rows of zeros change no direction, and give few sounds as many as the others have.
    missing = max(0, num_directions - num_sounds)
    centred = np.pad(latents - middle, [(0, missing), (0, 0)])
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    directions = directions[:num_directions]
    # The sign is arbitrary: the largest part of each direction is positive.
    largest = np.abs(directions).argmax(axis=1)
    directions *= np.sign(directions[np.arange(num_directions), largest])[:, None]
    spreads = singular[:num_directions] / np.sqrt(num_sounds)
    return _as_axes(middle, directions, spreads)


def axes_of_sounds(latents: Floats) -> MapAxes:
    """Returns the axes of a map of sounds (N, Z): up to two numbers as they are, else principal."""
    num_latents = latents.shape[1]
    if num_latents > 2:
        return principal_axes(latents)
    return _as_axes(np.zeros(num_latents), np.eye(num_latents), latents.std(axis=0))


def axes_of_prior(num_latents: int, prior: str) -> MapAxes:
    """Returns the axes of a map without sounds, the first numbers themselves.

    Args:
        num_latents: Z.
        prior: normal or uniform, from -1 to 1; three spreads are all of these.
    """
    num_directions = min(num_latents, _MOST_DIRECTIONS)
    spread = 1.0
    if prior == "uniform":
        spread = 1 / 3
    directions = np.eye(num_directions, num_latents)
    return _as_axes(np.zeros(num_latents), directions, np.full(num_directions, spread))


def map_limits(axes: MapAxes, latents: Floats) -> Floats:
    """Returns the least and the greatest coordinate of a map, (2 or 1, 2), that shows all sounds.

    Args:
        axes: of the map.
        latents: of its sounds, (N, Z); none of a map without sounds.
    """
    places = axes.coordinates(latents)[:, :2]
    spreads = axes.spreads[:2]
    if not len(places):
        return np.stack([-3 * spreads, 3 * spreads], axis=1)
    centre = places.mean(axis=0)
    least = np.minimum(places.min(axis=0), centre - _REACH * spreads)
    greatest = np.maximum(places.max(axis=0), centre + _REACH * spreads)
    margin = _MARGIN * (greatest - least)
    return np.stack([least - margin, greatest + margin], axis=1)


def _as_axes(middle: NDArray[Any], directions: NDArray[Any], spreads: NDArray[Any]) -> MapAxes:
    return MapAxes(
        middle.astype(np.float32),
        directions.astype(np.float32),
        np.maximum(spreads, _LEAST_SPREAD).astype(np.float32),
    )
