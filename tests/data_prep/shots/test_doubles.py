"""Sounds that are the same are found, and no others."""

import numpy as np
import pytest
import scipy.fft

from data_prep.fingerprints.leaks import MIN_CORRELATION, best_lag
from data_prep.shots.doubles import band_norms, leave_out
from tests.data_prep.shots.sounds import RATE, drum


@pytest.fixture
def drums():
    return [np.pad(drum(seed), (160, 240)) for seed in range(12)]


def left_out(sounds, order=None):
    order = range(len(sounds)) if order is None else order
    left = leave_out(sounds, order, RATE)
    return {number: (one.kept, one.is_exact) for number, one in left.items()}


def test_different_sounds_stay(drums):
    assert left_out(drums) == {}


def test_a_copy_to_the_last_sample_is_exact(drums):
    assert left_out([*drums, drums[3].copy(), drums[3].copy()]) == {12: (3, True), 13: (3, True)}


@pytest.mark.parametrize("change", ["softer", "upside down", "later", "noisy"])
def test_a_changed_copy_is_near(drums, change):
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(drums[0]))
    copy = {
        "softer": 0.3 * drums[5],
        "upside down": -drums[5],
        "later": np.roll(drums[5], 37),
        "noisy": drums[5] + noise,
    }[change].astype(np.float32)
    left = leave_out([*drums, copy], range(13), RATE)
    assert list(left) == [12]
    assert left[12].kept == 5
    assert not left[12].is_exact
    assert 0.97 <= left[12].correlation <= 1 + 1e-6


def test_none_is_passed_over_that_comparing_all_would_find():
    """Tones that decay, of near frequencies: some pairs lie on each side of the bound."""
    times = np.arange(1600) / RATE
    sounds = [
        (np.exp(-20 * times) * np.sin(2 * np.pi * pitch * times)).astype(np.float32)
        for pitch in np.linspace(100, 110, 25)
    ]

    def correlation(one, other):
        return best_lag(sounds[one], sounds[other], round(0.15 * RATE))[1]

    kept = []
    expected = set()
    for i in range(25):
        if any(correlation(i, other) >= MIN_CORRELATION for other in kept):
            expected.add(i)
        else:
            kept.append(i)
    assert 3 < len(kept) < 20
    left = leave_out(sounds, range(25), RATE)
    assert set(left) == expected
    for number, one in left.items():
        assert one.kept in kept
        assert correlation(number, one.kept) == one.correlation


def test_the_bound_of_bands_is_one(drums):
    """For all lags, by the whole circular correlation."""
    size = 2 * len(drums[0])
    on_a_step = drums[4] + np.float32(drums[4].std())
    for one, other in [(drums[0], drums[1]), (drums[2], drums[7]), (drums[4], on_a_step)]:
        spectra = [scipy.fft.rfft(sound, size) for sound in (one, other)]
        correlation = np.abs(scipy.fft.irfft(spectra[0] * spectra[1].conj(), size)).max()
        correlation /= np.linalg.norm(one) * np.linalg.norm(other)
        assert correlation <= band_norms(one) @ band_norms(other) + 1e-5 < 0.97
    assert band_norms(drums[4]) @ band_norms(drums[4]) == pytest.approx(1, abs=1e-5)


def test_of_each_set_of_doubles_the_first_in_order_stays(drums):
    # 0 and 12, 13 are equal; 14 is near 1, and so is 15, which equals 14
    near = (0.5 * drums[1]).astype(np.float32)
    sounds = [*drums, drums[0], drums[0], near, near]
    assert left_out(sounds) == {12: (0, True), 13: (0, True), 14: (1, False), 15: (1, True)}
    assert left_out(sounds, range(15, -1, -1)) == {
        12: (13, True),
        0: (13, True),
        14: (15, True),
        1: (15, False),
    }


def test_what_the_check_of_corpora_would_refuse_is_left_out():
    """A melody of three seconds that begins a second later in the one than in the other."""
    pitches = np.random.default_rng(5).choice(np.arange(200, 900, 20), 40)
    melody = np.sin(2 * np.pi * np.cumsum(np.repeat(pitches, RATE // 10)) / RATE)
    sounds = [melody[start * RATE : (start + 3) * RATE].astype(np.float32) for start in (0, 1)]
    other = np.pad(drum(3), (0, 3 * RATE - RATE // 5))
    left = left_out([other, *sounds, sounds[1]])
    assert left == {2: (1, False), 3: (1, True)}
