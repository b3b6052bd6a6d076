"""What patches say is what is heard: pitches, slopes, envelopes, overtones, filters, distortion."""

import numpy as np
import pytest
import scipy.signal

from data_prep.synthesis.drums.patch import (
    METHODS,
    WAVES,
    Band,
    Distortion,
    Envelope,
    Filter,
    Noise,
    Overtones,
    Partial,
    Patch,
    Tone,
)
from data_prep.synthesis.drums.render import render

RATE = 16_000
STEADY = Envelope(((0.0, 1.0), (1.0, 1.0)))


def play(patch: Patch, seed: int = 0) -> np.ndarray:
    return render(patch, RATE, np.random.default_rng(seed)).astype(np.float64)


def spectrum(waveform: np.ndarray) -> np.ndarray:
    """Amplitudes by Hz, of a second."""
    window = np.hanning(len(waveform))
    return np.abs(np.fft.rfft(waveform * window)) / (window.sum() / 2)


def peaks_hz(waveform: np.ndarray, least: float = 0.05) -> list[int]:
    found, _ = scipy.signal.find_peaks(spectrum(waveform[:RATE]), height=least, distance=5)
    return [int(hz) for hz in found]


@pytest.mark.parametrize("droop", [0.0, 1.0, 5.0])
def test_the_pitch_falls_as_its_formula_says(droop: float) -> None:
    waveform = play(Patch(tones=(Tone(0.5, 800, 200, STEADY, droop),)))
    phase = np.unwrap(np.angle(scipy.signal.hilbert(waveform)))
    hz = np.diff(phase) * RATE / (2 * np.pi)
    for x in (0.2, 0.5, 0.8):
        falling = 1 - x
        if droop:
            falling = (np.exp(-droop * x) - np.exp(-droop)) / (1 - np.exp(-droop))
        assert hz[round(x * RATE)] == pytest.approx(200 + 600 * falling, rel=0.01)


def test_a_tone_is_silent_above_half_of_the_rate() -> None:
    waveform = play(Patch(tones=(Tone(1.0, 16_000, 0, STEADY),)))
    assert not waveform[: RATE // 2 - 1].any()
    assert np.abs(waveform[RATE // 2 + 1 :]).max() > 0.99


@pytest.mark.parametrize("slope_db", [-12.0, -3.0, 0.0, 6.0])
def test_noise_has_its_slope_and_its_level(slope_db: float) -> None:
    waveform = play(Patch(noises=(Noise(0.1, STEADY, slope_db),)))
    hz, power = scipy.signal.welch(waveform, RATE, nperseg=512)
    inside = (hz > 200) & (hz < 6000)
    slope, _ = np.polyfit(np.log2(hz[inside]), 10 * np.log10(power[inside]), 1)
    assert slope == pytest.approx(slope_db, abs=0.5)
    assert np.sqrt(np.mean(waveform**2)) == pytest.approx(0.1, rel=0.05)


def test_a_band_is_around_its_frequency() -> None:
    waveform = play(Patch(bands=(Band(0.2, 2000, 400, STEADY),)))
    hz, power = scipy.signal.welch(waveform, RATE, nperseg=1024)
    level_db = 10 * np.log10(power / power.max())
    assert abs(hz[power.argmax()] - 2000) < 150
    # From 1810 to 2210 Hz; beyond its skirts fall by 12 dB an octave.
    inside = hz[level_db > -8]
    assert 250 < inside.max() - inside.min() < 550
    assert level_db[(hz < 1000) | (hz > 4000)].max() < -25


def test_envelopes_are_straight_lines_and_end_in_silence() -> None:
    envelope = Envelope(((0.0, 0.0), (0.1, 1.0), (0.1, 0.5), (0.5, 0.0)))
    ones = Patch(noises=(Noise(0.0, STEADY),), tones=(Tone(1.0, 0, 0, envelope, phase=np.pi / 2),))
    waveform = play(ones)
    for secs, level in ((0.05, 0.5), (0.0999, 1.0), (0.1001, 0.5), (0.3, 0.25), (0.7, 0.0)):
        assert waveform[round(secs * RATE)] == pytest.approx(level, abs=0.01)
    assert len(waveform) == RATE


def test_overtones_lie_at_their_frequencies() -> None:
    first = Partial(1000.0, STEADY)
    second = Partial(300.0, STEADY)
    assert peaks_hz(play(Patch(overtones=Overtones(0.5, first, second)))) == [300, 1000]
    ring = Overtones(1.0, first, second, "ring", 1.0)
    assert peaks_hz(play(Patch(overtones=ring))) == [700, 1300]
    bent = peaks_hz(play(Patch(overtones=Overtones(1.0, first, second, "fm", 0.2))))
    assert {400, 700, 1000, 1300, 1600} <= set(bent)


@pytest.mark.parametrize(
    ("wave", "harmonics"),
    [
        ("sine", {1: 1.0, 2: 0.0, 3: 0.0}),
        ("squared_sine", {1: 8 / (3 * np.pi), 2: 0.0, 3: 8 / (15 * np.pi)}),
        ("triangle", {1: 8 / np.pi**2, 2: 0.0, 3: 8 / (9 * np.pi**2)}),
        ("saw", {1: 2 / np.pi, 2: 1 / np.pi, 3: 2 / (3 * np.pi)}),
        ("square", {1: 4 / np.pi, 2: 0.0, 3: 4 / (3 * np.pi)}),
    ],
)
def test_waves_have_their_fourier_series(wave: str, harmonics: dict[int, float]) -> None:
    silent = Partial(100.0, Envelope(((0.0, 0.0), (1.0, 0.0))))
    overtones = Overtones(1.0, Partial(101.0, STEADY, wave), silent, "ring", 0.0)
    amplitudes = spectrum(play(Patch(overtones=overtones))[:RATE])
    for order, amplitude in harmonics.items():
        assert amplitudes[101 * order] == pytest.approx(amplitude, abs=0.02)


def test_overtones_follow_the_tone() -> None:
    tone = Tone(0.0, 800, 200, STEADY, 5.0)
    silent = Partial(100.0, Envelope(((0.0, 0.0), (1.0, 0.0))))
    overtones = Overtones(1.0, Partial(1600.0, STEADY, follows_tone=True), silent, "ring", 0.0)
    ending = play(Patch((tone,), overtones=overtones))[-RATE // 2 :]
    # Half of a second has a bin every 2 Hz: 400 Hz at the end, twice the tone's 200.
    assert 400 <= 2 * np.argmax(spectrum(ending)) < 450


def test_a_cymbal_lies_between_its_frequencies() -> None:
    partials = (Partial(500.0, STEADY), Partial(1500.0, STEADY))
    found = peaks_hz(play(Patch(overtones=Overtones(1.0, *partials, "cymbal", 0.0))), least=0.3)
    # Above lie what squares have at three times their frequency and so on.
    assert found[:6] == [500, 700, 900, 1100, 1300, 1500]


def test_filters_take_away_and_resonate() -> None:
    noise = (Noise(0.1, STEADY),)
    hz, plain = scipy.signal.welch(play(Patch(noises=noise)), RATE, nperseg=512)
    cutoff = Envelope(((0.0, 1000.0), (1.0, 1000.0)))
    for is_high_pass in (False, True):
        for resonance, peak_db in ((0.0, -3), (0.5, 10.5)):
            patch = Patch(noises=noise, filter=Filter(cutoff, is_high_pass, resonance))
            _, power = scipy.signal.welch(play(patch), RATE, nperseg=512)
            gain_db = 10 * np.log10(power / plain)
            assert gain_db[hz == 1000] == pytest.approx(peak_db, abs=2)
            far = 4000 if not is_high_pass else 250
            assert gain_db[hz == far] == pytest.approx(-24, abs=2.5)
            near = 250 if not is_high_pass else 4000
            assert gain_db[hz == near] == pytest.approx(0, abs=1.5)


def test_a_filter_follows_its_envelope() -> None:
    cutoff = Envelope(((0.0, 8000.0), (0.4, 8000.0), (0.6, 100.0)))
    tone = Tone(1.0, 3000, 3000, STEADY)
    waveform = play(Patch(tones=(tone,), filter=Filter(cutoff)))
    assert np.abs(waveform[:4800]).max() == pytest.approx(1, abs=0.1)
    assert np.abs(waveform[-4800:]).max() < 0.01


def test_distortion_clips_rounds_and_holds() -> None:
    tone = (Tone(0.5, 100, 100, STEADY),)
    hard = play(Patch(tone, distortion=Distortion(drive_db=12)))
    assert np.abs(hard).max() == 1
    assert np.mean(np.abs(hard) == 1) > 0.5
    soft = play(Patch(tone, distortion=Distortion(drive_db=12, is_soft=True)))
    assert np.abs(soft).max() == pytest.approx(np.tanh(0.5 * 10**0.6), abs=1e-3)
    rounded = play(Patch(tone, distortion=Distortion(bits=4)))
    assert set(np.unique(np.abs(rounded * 8))) == {0, 1, 2, 3, 4}
    held = play(Patch(tone, distortion=Distortion(rate_hz=RATE / 4)))
    assert np.array_equal(held[: RATE // 4 * 4 : 4].repeat(4), held[: RATE // 4 * 4])
    assert len(np.unique(held[:40])) == 10


def test_a_long_sound_is_cut_and_fades() -> None:
    patch = Patch(noises=(Noise(0.1, Envelope(((0.0, 1.0), (60.0, 1.0)))),))
    waveform = render(patch, RATE, np.random.default_rng(0), max_secs=0.25)
    assert (waveform.dtype, waveform.shape) == (np.float32, (RATE // 4,))
    assert np.abs(waveform[-3:]).max() < 0.01


def test_the_dice_decide_every_sample() -> None:
    patch = Patch(noises=(Noise(0.1, STEADY),), bands=(Band(0.1, 500, 100, STEADY),))
    assert np.array_equal(play(patch, 1), play(patch, 1))
    assert not np.array_equal(play(patch, 1), play(patch, 2))


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Envelope(()), "an envelope has no points; give at least one"),
        (lambda: Envelope(((1.0, 1.0), (0.5, 1.0))), "in seconds is 0.5; expected 1 to 3600"),
        (lambda: Envelope(((0.0, -1.0),)), "the level of a point is -1; expected 0 to"),
        (lambda: Tone(1.0, float("nan"), 0, STEADY), "first frequency of a tone in Hz is nan"),
        (lambda: Noise(1.0, STEADY, 99.0), "the slope of noise in dB an octave is 99"),
        (lambda: Band(1.0, 0.0, 1.0, STEADY), "the centre of a band in Hz is 0; expected 1 to"),
        (lambda: Partial(1.0, STEADY, "round"), f"'round'; expected one of {', '.join(WAVES)}"),
        (
            lambda: Overtones(1.0, Partial(1.0, STEADY), Partial(1.0, STEADY), "mix"),
            f"'mix'; expected one of {', '.join(METHODS)}",
        ),
        (lambda: Filter(STEADY, resonance=2.0), "the resonance of a filter is 2; expected 0 to 1"),
        (lambda: Distortion(bits=1), "the number of bits of a distortion is 1; expected 2 to 24"),
        (lambda: Patch(gain_db=100.0), "the gain of a patch in dB is 100; expected -60 to 60"),
    ],
)
def test_impossible_patches_are_refused(make, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"expected|give") as caught:
        make()
    assert complaint in str(caught.value)
