"""The bands of published taggers are those of librosa, by its numbers and by its formula."""

from pathlib import Path

import numpy as np
import pytest

import configs
from tests.trainer.networks.tagger.librosa_formula import log_bands, rising_tone
from trainer.networks.tagger.front import MelFront

FILE = Path(__file__).with_name("librosa_bands.npz")


def bands_of(config, sound):
    model = config.model
    half = model.window_frames // 2
    front = MelFront(model, config.audio.sample_rate)
    return np.asarray(front(np.pad(sound, half)[None]))[0]


@pytest.mark.parametrize("name", ["musicnn", "singing_cnn"])
def test_they_are_what_librosa_made(name):
    config = configs.load(name)
    rate = config.audio.sample_rate
    found = bands_of(config, rising_tone(rate // 2, rate))
    expected = np.load(FILE)[name]
    assert found.shape == expected.shape
    assert expected.std() > 0.5
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(found, log_bands(config, rising_tone(rate // 2, rate)), atol=1e-4)
