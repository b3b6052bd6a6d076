"""Drums by dice: the same seed plays the same, and classes sound as their names say."""

import numpy as np
import pytest

from data_prep.synthesis.drums.dice import draw_character, draw_kit
from data_prep.synthesis.drums.recipes import RECIPES
from data_prep.synthesis.drums.render import render

RATE = 16_000


def sounds(name: str, num_sounds: int = 15) -> list[np.ndarray]:
    """Sounds of one class, each of another kit."""
    found = []
    for seed in range(num_sounds):
        rng = np.random.default_rng(seed)
        patch = RECIPES[name](rng, draw_character(rng))
        found.append(render(patch, RATE, rng, max_secs=0.5))
    return found


def centroid_hz(waveform: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(waveform)) ** 2
    return float(np.sum(power * np.fft.rfftfreq(len(waveform), 1 / RATE)) / np.sum(power))


def test_the_same_seed_draws_the_same_kit() -> None:
    first, again, other = (draw_kit(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert list(first) == list(RECIPES)
    for seed in range(8):
        kit = draw_kit(np.random.default_rng(seed))
        assert 10 <= sum(len(patches) for patches in kit.values()) <= 14


@pytest.mark.parametrize("name", RECIPES)
def test_sounds_of_a_class_are_loud_and_differ(name: str) -> None:
    found = sounds(name, 10)
    for waveform in found:
        assert np.isfinite(waveform).all()
        assert np.abs(waveform).max() > 0.1
    assert len({waveform.tobytes() for waveform in found}) == len(found)


def test_classes_lie_where_real_drums_lie() -> None:
    """Medians of recorded kits: kick 86, tom 155, snare 617, clap 1679, hat 3481 Hz."""
    centroids = {name: np.median([centroid_hz(w) for w in sounds(name)]) for name in RECIPES}
    assert centroids["kick"] < 150
    assert centroids["kick"] < centroids["tom"] < centroids["snare"] < centroids["clap"]
    assert centroids["clap"] < centroids["hat"]
    assert 300 < centroids["snare"] < 1200
    assert 2000 < centroids["cymbal"] < 5000


def test_the_sounds_of_a_kit_share_their_character() -> None:
    """What one snare of a kit has, such as its room, tells of the next one."""
    pairs = []
    for seed in range(24):
        kit = draw_kit(np.random.default_rng(seed))
        pairs.append([np.log(patch.bands[2].envelope.end_secs) for patch in kit["snare"][:2]])
    assert np.corrcoef(np.transpose(pairs))[0, 1] > 0.4
