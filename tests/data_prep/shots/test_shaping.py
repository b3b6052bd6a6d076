"""A one-shot is as it is defined."""

import numpy as np
import pytest
import soxr

from data_prep.shots.prepared import ShotSettings
from data_prep.shots.shaping import load_mono, shape
from tests.data_prep.shots.sounds import RATE, drum, write

SETTINGS = ShotSettings(sample_rate=RATE, num_frames=1000, attack_secs=0.02)
ATTACK = 160
# 5 ms
FADE = 40


def with_peak(num_frames, peak, level=0.25):
    sound = np.full(num_frames, 0.1, np.float32)
    sound[peak] = -level
    return sound


@pytest.mark.parametrize(("num_frames", "peak"), [(3000, 700), (3000, 160), (3000, 3), (400, 0)])
def test_the_peak_is_one_and_stands_at_the_attack(num_frames, peak):
    shaped = shape(with_peak(num_frames, peak), SETTINGS, "it")
    assert shaped.waveform.shape == (1000,)
    assert shaped.waveform.dtype == np.float32
    assert np.abs(shaped.waveform).argmax() == ATTACK
    assert shaped.waveform[ATTACK] == -1.0
    assert (shaped.num_frames_before, shaped.peak_frame_before) == (num_frames, peak)


def test_a_long_sound_is_cut_and_faded_at_the_end():
    shaped = shape(with_peak(3000, 700), SETTINGS, "it").waveform
    np.testing.assert_allclose(shaped[:ATTACK], 0.4)
    np.testing.assert_allclose(shaped[ATTACK + 1 : 1000 - FADE], 0.4)
    np.testing.assert_allclose(
        shaped[1000 - FADE :], 0.4 * np.linspace(1, 0, FADE + 1)[1:], rtol=1e-6, atol=1e-9
    )


def test_a_short_sound_is_faded_where_it_ends_and_padded_to_both_sides():
    shaped = shape(with_peak(300, 20), SETTINGS, "it").waveform
    first, stop = ATTACK - 20, ATTACK - 20 + 300
    assert not shaped[:first].any()
    assert not shaped[stop - 1 :].any()
    np.testing.assert_allclose(shaped[first:ATTACK], 0.4)
    np.testing.assert_allclose(shaped[stop - FADE - 1], 0.4)
    assert (np.diff(shaped[stop - FADE - 1 : stop]) < 0).all()


def test_a_sound_that_ends_with_its_peak_keeps_it():
    for num_behind in (0, 1, 10):
        shaped = shape(with_peak(100 + num_behind, 99), SETTINGS, "it").waveform
        assert shaped[ATTACK] == -1.0
        assert np.abs(shaped).argmax() == ATTACK
        assert not shaped[ATTACK + 1 + num_behind :].any()


@pytest.mark.parametrize(
    ("sound", "why"),
    [([], "silent"), ([0.0] * 99, "silent"), ([5e-5] * 99, "silent"), ([np.nan, 1.0], "finite")],
)
def test_what_is_no_sound_is_refused(sound, why):
    with pytest.raises(ValueError, match=f"x.wav .*{why}"):
        shape(np.array(sound, np.float32), SETTINGS, "x.wav")


def test_files_are_read_as_the_mean_of_their_channels_at_the_wanted_rate(tmp_path):
    stereo = np.stack([drum(1, rate=16000), drum(2, rate=16000)], axis=1)
    write(tmp_path / "a.wav", stereo, 16000)
    expected = soxr.resample((stereo[:, 0] + stereo[:, 1]) / 2, 16000, RATE, quality="HQ")
    np.testing.assert_allclose(load_mono(tmp_path / "a.wav", RATE), expected, atol=1e-6)
    write(tmp_path / "b.wav", np.ones(6, np.float32), RATE)
    with pytest.raises(ValueError, match=r"b\.wav lasts 0\.75 ms; expected 1 ms or more"):
        load_mono(tmp_path / "b.wav", RATE)


@pytest.mark.parametrize(
    "change", [{"sample_rate": 0}, {"num_frames": 3}, {"attack_secs": -1.0}, {"attack_secs": 9.0}]
)
def test_sizes_that_make_no_sense_are_refused(change):
    with pytest.raises(ValueError, match=f"--{next(iter(change))} is .*; expected"):
        ShotSettings(**change)
