"""Pitches and timbres that change: by the figures that were drawn, and nothing beside them."""

import numpy as np
import pytest
import scipy.signal

from trainer.batches.timbre import NUM_POINTS, Timbre, detuned, equalised

RATE = 8000


def sine(hertz, num_frames, phase=0.0):
    """Its middle is where its phase is; (T,)."""
    seconds = (np.arange(num_frames) - (num_frames - 1) / 2) / RATE
    return np.sin(2 * np.pi * hertz * seconds + phase).astype(np.float32)


@pytest.mark.parametrize("cents", [-200.0, -37.0, 0.0, 50.0, 700.0])
def test_a_tone_sounds_so_many_cents_higher(cents):
    tones = np.stack([sine(hertz, 3200) for hertz in (110, 440)])[:, :, None]
    stereo = np.concatenate([tones, -tones], axis=2)
    found = np.asarray(detuned(stereo, np.full(2, cents, np.float32), 1500))
    expected = np.stack([sine(hertz * 2 ** (cents / 1200), 1500) for hertz in (110, 440)])
    np.testing.assert_allclose(found[:, :, 0], expected, atol=4e-3)
    np.testing.assert_array_equal(found[:, :, 1], -found[:, :, 0])


def test_what_is_not_tuned_is_what_it_was():
    waveforms = np.random.default_rng(0).standard_normal((2, 101, 1)).astype(np.float32)
    found = np.asarray(detuned(waveforms, np.zeros(2, np.float32), 91))
    np.testing.assert_array_equal(found, waveforms[:, 5:96])


def test_an_equaliser_is_the_filter_that_its_curve_describes():
    rng = np.random.default_rng(0)
    waveforms = rng.standard_normal((3, 562, 2)).astype(np.float32)
    # Level; straight over octaves; as it may be drawn.
    slope = np.linspace(-10, 10, NUM_POINTS)
    curves = np.stack([np.full(NUM_POINTS, -6.0), slope, rng.uniform(-12, 12, NUM_POINTS)])
    found = np.asarray(equalised(waveforms, curves.astype(np.float32)))
    np.testing.assert_allclose(found[0], 10 ** (-6 / 20) * waveforms[0, 31:-31], atol=1e-5)
    impulse = np.zeros((3, 125, 1), np.float32)
    impulse[:, 62] = 1
    responses = np.asarray(equalised(impulse, curves.astype(np.float32)))[:, :, 0]
    np.testing.assert_allclose(responses, responses[:, ::-1], atol=1e-6)
    for response, waveform, filtered in zip(responses, waveforms, found, strict=True):
        expected = scipy.signal.convolve(waveform, response[:, None], mode="valid")
        np.testing.assert_allclose(filtered, expected, atol=1e-5)
    # An octave lower is a point lower; between them it is straight.
    hertz, gains = scipy.signal.freqz(
        responses[1], worN=RATE // 2 // np.array([1, 2, 4, 8]) - 1, fs=RATE
    )
    points = NUM_POINTS - 1 + np.log2(hertz / (RATE / 2))
    levels = 20 * np.log10(np.abs(gains))
    np.testing.assert_allclose(levels, np.interp(points, np.arange(NUM_POINTS), slope), atol=0.5)


def test_so_much_is_read_that_nothing_is_made_up():
    """The frames at both ends are those of a longer stretch, too."""
    rng = np.random.default_rng(1)
    waveform = rng.standard_normal((2, 4000, 1)).astype(np.float32)
    cents = np.array([100.0, -100.0], np.float32)
    curves = rng.uniform(-9, 9, (2, NUM_POINTS)).astype(np.float32)
    found = []
    for num_frames in (500, 1000):
        timbre = Timbre(100.0, 9.0, num_frames)
        margin = (4000 - num_frames) // 2 - timbre.extra_frames
        read = waveform[:, margin : 4000 - margin]
        found.append(np.asarray(timbre.change(read, cents, curves)))
    assert [len(each[0]) for each in found] == [500, 1000]
    np.testing.assert_allclose(found[0], found[1][:, 250:750], atol=1e-4)
    assert Timbre(0.0, 0.0, 500).extra_frames == 0
