"""Sounds are found where they begin, and those that stand alone are cut."""

import numpy as np
import pytest

from data_prep.shots.onsets import find_alone, find_onsets
from data_prep.shots.prepared import ShotSettings
from tests.data_prep.shots.sounds import drum

RATE = 16000
SETTINGS = ShotSettings(sample_rate=RATE, num_frames=4000)
# 3 ms
NEAR = 48


def stem(events, secs=4.0):
    """Sounds (seed, second, dB) in one waveform (T,), over noise 80 dB below full scale."""
    rng = np.random.default_rng(0)
    waveform = 1e-4 * rng.standard_normal(round(secs * RATE))
    for seed, at_secs, level_db in events:
        sound = drum(seed, secs=0.5, rate=RATE) * 10 ** (level_db / 20)
        start = round(at_secs * RATE)
        waveform[start : start + len(sound)] += sound[: len(waveform) - start]
    return waveform.astype(np.float32)


def is_near(found, expected_secs):
    expected = np.array(expected_secs) * RATE
    return len(found) == len(expected) and bool((np.abs(np.array(found) - expected) <= NEAR).all())


def test_onsets_are_found_within_three_ms():
    at_secs = [0.0, 0.4, 0.55, 1.3, 1.42, 2.0, 2.71, 3.4]
    levels = [0, -6, 0, -12, -3, 0, -9, 0]
    events = [(i, at, level) for i, (at, level) in enumerate(zip(at_secs, levels, strict=True))]
    assert is_near(find_onsets(stem(events), RATE), at_secs)


def test_tones_begin_where_they_begin():
    times = np.arange(2 * RATE) / RATE
    waveform = np.where(
        times >= 0.7, np.sin(2 * np.pi * 220 * times) * np.exp(-3 * (times - 0.7)), 0
    )
    assert is_near(find_onsets(waveform.astype(np.float32), RATE), [0.7])


@pytest.mark.parametrize("waveform", [np.zeros(RATE), np.zeros(0), np.zeros(10)])
def test_silence_has_no_onset(waveform):
    assert len(find_onsets(waveform.astype(np.float32), RATE)) == 0
    assert find_alone(waveform.astype(np.float32), SETTINGS) == []


def test_what_stands_alone_is_kept():
    # 0.25 s each: the second one begins in time for the first, the third one within the second
    events = [(1, 0.5, 0), (2, 1.0, 0), (3, 1.1, 0), (4, 2.0, 0)]
    cuts = find_alone(stem(events), SETTINGS)
    assert is_near([cut.onset for cut in cuts], [0.5, 1.1, 2.0])
    for cut in cuts:
        assert cut.onset - cut.start == 0.005 * RATE
        assert (
            0 <= cut.stop - (cut.onset + SETTINGS.num_frames - SETTINGS.attack_frame) < 0.1 * RATE
        )


@pytest.mark.parametrize(("level_db", "is_kept"), [(0, False), (-14, False), (-26, True)])
def test_an_overlap_spoils_a_sound_unless_it_is_soft(level_db, is_kept):
    cuts = find_alone(stem([(1, 0.5, 0), (2, 0.65, level_db)]), SETTINGS)
    assert any(abs(cut.onset - 0.5 * RATE) <= NEAR for cut in cuts) == is_kept


def test_a_sound_at_the_end_is_cut_there():
    (cut,) = find_alone(stem([(1, 0.95, 0)], secs=1.0), SETTINGS)
    assert cut.stop == RATE
