"""Voices over music: at the ratio that is asked for, in turns that do not overlap."""

import numpy as np
import pytest

from benchmarks.corpora.narrow import rms
from benchmarks.singing.mixtures import at_ratio, take_turns

RNG = np.random.default_rng(0)
MUSIC = RNG.normal(size=5000).astype(np.float32)
VOICES = {
    "singing": RNG.normal(size=1000).astype(np.float32),
    "speech": 0.01 * RNG.normal(size=800).astype(np.float32),
}


@pytest.mark.parametrize("ratio_db", [-6, 0, 6])
def test_each_voice_has_the_ratio_to_the_music_of_its_turn(ratio_db):
    stems = take_turns(VOICES, ("speech", "singing"), MUSIC, 100, ratio_db)
    assert {name: len(stem) for name, stem in stems.items()} == dict.fromkeys(
        ["singing", "speech", "music"], 2100
    )
    turns = {"speech": slice(100, 900), "singing": slice(1000, 2000)}
    for name, turn in turns.items():
        found = 20 * np.log10(rms(stems[name][turn]) / rms(MUSIC[turn]))
        assert found == pytest.approx(ratio_db, abs=1e-3)
        np.testing.assert_allclose(
            np.corrcoef(stems[name][turn], VOICES[name])[0, 1], 1.0, atol=1e-5
        )
        outside = np.ones(2100, bool)
        outside[turn] = False
        assert not stems[name][outside].any()
    np.testing.assert_array_equal(stems["music"], MUSIC[:2100])


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="2000 frames; expected 2100 or more"):
        take_turns(VOICES, ("speech", "singing"), MUSIC[:2000], 100, 0)
    with pytest.raises(ValueError, match="silent; no ratio"):
        at_ratio(np.zeros(5, np.float32), MUSIC[:5], 0)
