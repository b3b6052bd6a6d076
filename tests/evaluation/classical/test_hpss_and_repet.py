"""HPSS and REPET: known answers, the song again, the same in any blocks."""

import numpy as np
import pytest
import scipy.signal

from data_prep.audio import activity
from evaluation.classical import repet
from evaluation.classical.hpss import HarmonicPercussive
from evaluation.classical.repet import Repetition, beat_spectrum
from evaluation.estimates import short_time
from evaluation.estimates.short_time import CONTEXT, hop_frames

RATE = 8000


def separate(method, song, num_blocks=1):
    blocks = np.array_split(song, num_blocks)
    return np.concatenate(list(method.iter_stream_separated(blocks, RATE, None)), axis=1)


def tone(hertz, num_frames):
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(num_frames) / RATE)


def two_sides(waveform):
    """A waveform (frames,) in two channels, (frames, 2)."""
    return (waveform[:, None] * np.array([1.0, 0.5])).astype(np.float32)


def tone_and_clicks(num_frames=2 * RATE):
    clicks = np.zeros(num_frames)
    clicks[RATE // 4 :: RATE // 2] = 0.9
    return two_sides(tone(440, num_frames)), two_sides(clicks)


def loop_and_sweep(num_frames=13 * RATE):
    """Notes and noise that repeat every 1.5 s, and a tone that glides."""
    rng = np.random.default_rng(0)
    times = np.arange(num_frames) / RATE
    bar = 0.1 * rng.standard_normal(RATE * 3 // 2) * np.repeat(rng.uniform(0, 1, 12), RATE // 8)
    for hertz in (220, 330):
        bar += tone(hertz, len(bar)) * np.repeat(rng.integers(0, 2, 12), RATE // 8)
    loop = np.resize(bar, num_frames)
    glide = 0.3 * np.sin(2 * np.pi * (800 * times - 400 / 1.3 * np.cos(1.3 * times)))
    return two_sides(loop), two_sides(glide)


def test_hpss_tells_a_tone_from_clicks():
    harmonic, percussive = tone_and_clicks()
    estimates = separate(HarmonicPercussive(), harmonic + percussive)
    inside = slice(RATE // 4 - 100, -RATE // 4)
    for truth, estimate, least in zip((harmonic, percussive), estimates, (35, 15), strict=True):
        assert activity.snr(truth[None, inside], estimate[None, inside]).item() > least


def test_repet_tells_a_loop_from_a_glide():
    loop, glide = loop_and_sweep()
    background, foreground = separate(Repetition(), loop + glide)
    for truth, estimate in ((loop, background), (glide, foreground)):
        assert abs(activity.snr(truth[None], (loop + glide)[None]).item()) < 2
        assert activity.snr(truth[None], estimate[None]).item() > 14


def test_the_beat_spectrum_is_highest_at_the_period():
    loop, _ = loop_and_sweep()
    magnitudes = np.abs(np.concatenate(list(short_time.iter_spectra([loop], hop_frames(RATE)))))
    beats = beat_spectrum(magnitudes)
    period = 1.5 * RATE / hop_frames(RATE)
    assert beats[0] == pytest.approx(1)
    assert abs(beats[30:80].argmax() + 30 - period) < 1
    # The definition, bin by bin.
    powers = np.square(magnitudes[:, 0])
    expected = [np.mean(powers[: len(powers) - lag] * powers[lag:], axis=0).sum() for lag in (0, 7)]
    both = beat_spectrum(magnitudes[:, :1])
    assert both[7] == pytest.approx(expected[1] / expected[0])


@pytest.mark.parametrize("method", [HarmonicPercussive, Repetition])
@pytest.mark.parametrize("num_frames", [1, 3000, 4 * RATE + 77])
def test_both_stems_are_the_song_whatever_the_blocks(monkeypatch, method, num_frames):
    monkeypatch.setattr(repet, "_STEP_SECS", 1.3)
    rng = np.random.default_rng(1)
    song = (0.1 * rng.standard_normal((num_frames, 2))).astype(np.float32)
    song[num_frames // 3 : num_frames // 2] = 0
    whole = separate(method(), song)
    assert whole.shape == (2, num_frames, 2)
    assert np.isfinite(whole).all()
    np.testing.assert_allclose(whole.sum(axis=0), song, atol=1e-6)
    monkeypatch.setattr(short_time, "_BLOCK_WINDOWS", 7)
    found = separate(method(), song, num_blocks=min(num_frames, 11))
    np.testing.assert_allclose(found, whole, atol=1e-6)


def test_channels_are_separated_each_for_itself():
    harmonic, percussive = tone_and_clicks(RATE)
    song = np.stack([harmonic[:, 0], percussive[:, 0]], axis=1)
    both = separate(HarmonicPercussive(), song)
    alone = separate(HarmonicPercussive(), song[:, :1])
    np.testing.assert_allclose(both[:, :, :1], alone, atol=1e-6)


def test_the_period_may_change_along_a_song():
    """Of a song whose first and second half have other loops, each half has its own period."""
    loop, _ = loop_and_sweep(20 * RATE)
    slower = scipy.signal.resample_poly(loop, 5, 4)[: 20 * RATE]
    song = np.concatenate([loop, slower]).astype(np.float32)
    background, _ = separate(Repetition(), song)
    for part in (slice(2 * RATE, 14 * RATE), slice(26 * RATE, 38 * RATE)):
        assert activity.snr(song[None, part], background[None, part]).item() > 15


def test_the_masks_of_two_stretches_fade_into_each_other(monkeypatch):
    """The first stretch is all foreground, the second one all background."""
    monkeypatch.setattr(repet, "_STEP_SECS", 1.0)
    masks = iter([0.0, 1.0])
    monkeypatch.setattr(
        repet, "background_mask", lambda magnitudes, _: np.full(magnitudes.shape, next(masks))
    )
    hop = hop_frames(RATE)
    step = round(RATE / hop)
    # As many windows as three halves of a stretch have.
    song = tone(440, (3 * step - CONTEXT) * hop)[:, None].astype(np.float32)
    background, _ = separate(Repetition(), song)
    levels = np.abs(background[:, 0]).reshape(-1, hop).max(axis=1) / 0.3
    assert levels[: step - 4].max() < 1e-6
    assert levels[2 * step :].min() > 0.99
    # In between it rises evenly.
    assert np.diff(levels[step + 2 : 2 * step - 4]).min() > 0.5 / step


def test_what_is_below_any_voice_is_background():
    magnitudes = np.random.default_rng(0).uniform(0.1, 1, (200, 1, 2 * hop_frames(RATE) + 1))
    mask = repet.background_mask(magnitudes, RATE)
    frequencies = np.linspace(0, RATE / 2, magnitudes.shape[2])
    assert (mask[:, :, frequencies < 100] == 1).all()
    assert mask[:, :, frequencies >= 100].min() < 0.5
