"""Sounds that are alike in bandwidth and level."""

import numpy as np
import pytest

from benchmarks.corpora.narrow import at_level, low_passed, rms

RATE = 16_000


def tone(hz, rate=RATE, secs=1.0):
    return np.sin(2 * np.pi * hz / rate * np.arange(round(secs * rate))).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050])
def test_what_is_above_the_cutoff_is_gone_and_what_is_below_stays_in_place(rate):
    inner = slice(rate // 4, -rate // 4)
    for hz in (200, 3200):
        signal = tone(hz, rate)
        np.testing.assert_allclose(low_passed(signal, rate)[inner], signal[inner], atol=2e-3)
    for hz in (3600, 3900):
        # -80 dB of the window, and what of a tone of whole power is left
        assert 20 * np.log10(rms(low_passed(tone(hz, rate), rate)[inner])) < -75


def test_a_level_is_the_root_mean_square_and_silence_stays():
    assert 20 * np.log10(rms(at_level(tone(300), -20))) == pytest.approx(-20, abs=1e-4)
    assert not at_level(np.zeros(10, np.float32), -20).any()
