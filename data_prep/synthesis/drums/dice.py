"""Draws kits by dice: a character, and for every class of drums a few patches that share it."""

import numpy as np

from data_prep.synthesis.drums.patch import Distortion, Patch
from data_prep.synthesis.drums.recipes import RECIPES, Character
from data_prep.synthesis.drums.shapes import log_uniform, near

# how many sounds of a class a kit has, at least and at most: 11 to 14 in all
_NUM_SOUNDS = {
    "kick": (2, 2),
    "snare": (3, 4),
    "tom": (2, 3),
    "hat": (2, 3),
    "cymbal": (1, 1),
    "clap": (1, 1),
}


def draw_kit(rng: np.random.Generator) -> dict[str, list[Patch]]:
    """Returns the patches of a kit by class, as ``RECIPES`` names the classes."""
    character = draw_character(rng)
    kit = {}
    for name, (fewest, most) in _NUM_SOUNDS.items():
        num_sounds = int(rng.integers(fewest, most + 1))
        kit[name] = [RECIPES[name](rng, character) for _ in range(num_sounds)]
    return kit


def draw_character(rng: np.random.Generator) -> Character:
    """Returns what the sounds of a kit share: one room, one hand, one chain of equipment."""
    is_dry = rng.random() < 0.2
    return Character(
        tuning=near(rng, 1.0, 0.15),
        sustain=near(rng, 1.0, 0.35),
        brightness_db=rng.normal(0, 1.5),
        room_gain=0.0 if is_dry else log_uniform(rng, 0.01, 0.25),
        room_secs=log_uniform(rng, 0.3, 1.2),
        distortion=_draw_distortion(rng),
    )


def _draw_distortion(rng: np.random.Generator) -> Distortion | None:
    """Returns nothing for half of the kits, tape for most others, and an old sampler for a few."""
    kind = rng.random()
    if kind < 0.5:
        return None
    drive_db = rng.uniform(-6, 6)
    if kind < 0.9:
        return Distortion(drive_db, is_soft=True)
    bits = int(rng.integers(8, 13))
    return Distortion(drive_db, is_soft=True, bits=bits, rate_hz=log_uniform(rng, 11_000, 40_000))
