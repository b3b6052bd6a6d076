"""Draws what the patches of several drums are made of: decays, membranes, washes of noise."""

import numpy as np

from data_prep.synthesis.drums.patch import Band, Envelope, Noise, Overtones, Partial, Tone

# of an ideal membrane, in fundamentals: zeros of Bessel functions over the first one
MEMBRANE_MODES = (1.0, 1.593, 2.136, 2.296, 2.653, 2.918, 3.156, 3.501)
_BAND_HZ = (120.0, 350.0, 700.0, 1400.0, 2800.0, 5600.0, 11200.0)
# The lowest is softer than the slope of the others says, as skins and metal let lows pass.
_LOWEST_BAND_DB = -12.0
# at which a wash has its gain, whatever its slope
_MIDDLE_HZ = 1400.0


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Returns a number between two others, every octave being as likely as any."""
    return float(low * (high / low) ** rng.random())


def near(rng: np.random.Generator, value: float, octaves: float) -> float:
    """Returns a number about a value, with a normal deviation of so many octaves."""
    return float(value * 2 ** rng.normal(0, octaves))


def decay(
    secs: float, attack_secs: float = 0.001, tail: float = 0.0, tail_secs: float = 0.0
) -> Envelope:
    """Returns an envelope that falls by 60 dB within ``secs``, with a slower tail.

    Args:
        secs: time of the fall by 60 dB.
        attack_secs: how long it rises before.
        tail: the part of the level that falls slower.
        tail_secs: time of the tail's fall by 60 dB.
    """
    length = max(secs, tail_secs) if tail > 0 else secs
    # dense at the beginning, where the level falls fast
    times = length * np.linspace(0, 1, 17) ** 2
    levels = (1 - tail) * 10 ** (-3 * times / secs)
    if tail > 0:
        levels = levels + tail * 10 ** (-3 * times / tail_secs)
    points = [(0.0, 0.0)]
    points += [(attack_secs + float(t), float(v)) for t, v in zip(times, levels, strict=True)]
    points.append((attack_secs + length * 1.05, 0.0))
    return Envelope(tuple(points))


def membrane(
    rng: np.random.Generator,
    hz: float,
    secs: float,
    *,
    num_modes: int,
    tilt: float,
    fall_octaves: float,
) -> tuple[Tone, ...]:
    """Returns the modes of a struck membrane, each a little out of tune.

    Args:
        rng: the dice.
        hz: the fundamental.
        secs: time of its fall by 60 dB.
        num_modes: how many modes sound.
        tilt: exponent by which higher modes are softer.
        fall_octaves: how far the pitch falls from the stroke on.
    """
    tones = []
    droop = log_uniform(rng, 5, 60)
    attack_secs = log_uniform(rng, 0.0005, 0.006)
    for ratio in MEMBRANE_MODES[:num_modes]:
        end_hz = near(rng, hz * ratio, 0.04)
        gain = near(rng, ratio**-tilt, 0.6)
        mode_secs = near(rng, secs * ratio**-0.5, 0.4)
        envelope = decay(mode_secs, attack_secs, rng.uniform(0, 0.3), 2.5 * mode_secs)
        start_hz = end_hz * 2**fall_octaves
        phase = rng.uniform(0, 0.6)
        tones.append(Tone(gain, start_hz, end_hz, envelope, droop, phase))
    return tuple(tones)


def wash(
    rng: np.random.Generator,
    gain: float,
    slope_db: float,
    secs: float,
    *,
    tail: float,
    tail_secs: float,
    attack_secs: float = 0.001,
) -> tuple[Band, ...]:
    """Returns bands of noise, about an octave each, of which every one has its level and decay.

    Args:
        rng: the dice.
        gain: RMS of the band at 1400 Hz.
        slope_db: what an octave has more power density than the one below, in dB.
        secs: time of the fall by 60 dB.
        tail: the part of the level that falls slower.
        tail_secs: time of the tail's fall by 60 dB.
        attack_secs: how long it rises before.
    """
    bands = []
    # The decay is faster or slower towards high frequencies, by so many octaves an octave.
    skew = rng.normal(0.03, 0.12)
    for centre in _BAND_HZ:
        octaves = np.log2(centre / _MIDDLE_HZ)
        # An octave is twice as wide as the one below: at the same density it has 3 dB more.
        level_db = (slope_db + 3) * octaves + rng.normal(0, 3.5)
        if centre == _BAND_HZ[0]:
            level_db += _LOWEST_BAND_DB
        level = gain * 10 ** (level_db / 20)
        length = near(rng, secs * 2 ** (skew * octaves), 0.25)
        slow = near(rng, tail_secs * 2 ** (skew * octaves), 0.25)
        envelope = decay(length, attack_secs, tail, slow)
        hz = near(rng, centre, 0.15)
        bands.append(Band(min(level, 10.0), hz, 0.8 * hz, envelope))
    return tuple(bands)


def click(rng: np.random.Generator, gain: float) -> Noise:
    """Returns the stroke itself: a few milliseconds of dark noise, of about this RMS."""
    envelope = decay(log_uniform(rng, 0.006, 0.06), log_uniform(rng, 0.0002, 0.001))
    return Noise(near(rng, gain, 1.0), envelope, rng.normal(-4, 3))


def bursts(rng: np.random.Generator, secs: float, tail: float, tail_secs: float) -> Envelope:
    """Returns the envelope of several hands that do not clap at once.

    Args:
        rng: the dice.
        secs: time of the last burst's fall by 60 dB.
        tail: the part of the last burst that falls slower.
        tail_secs: time of the tail's fall by 60 dB.
    """
    points = [(0.0, 0.0)]
    start = 0.0
    for _ in range(int(rng.integers(1, 5))):
        gap = rng.uniform(0.006, 0.016)
        level = rng.uniform(0.4, 1)
        points.append((start + 0.0005, level))
        points.append((start + 0.4 * gap, 0.35 * level))
        points.append((start + gap, 0.1 * level))
        start += gap
    last = decay(secs, 0.0005, tail, tail_secs)
    # The last one begins where the one before has ended, and not in silence.
    points += [(start + point_secs, level) for point_secs, level in last.points[1:]]
    return Envelope(tuple(points))


def metal(rng: np.random.Generator, gain: float, envelope: Envelope) -> Overtones:
    """Returns six squares off their even spacing, as the cymbals of drum machines have them."""
    low_hz = log_uniform(rng, 150, 900)
    high_hz = low_hz * log_uniform(rng, 2, 12)
    partials = (Partial(low_hz, envelope, "square"), Partial(high_hz, envelope, "square"))
    return Overtones(gain, *partials, method="cymbal", amount=rng.random())


def ringing(
    rng: np.random.Generator, gain: float, secs: float, low_hz: float, high_hz: float
) -> tuple[Tone, ...]:
    """Returns a few steady tones anywhere between two frequencies, as metal has them.

    Args:
        rng: the dice.
        gain: about how loud each is.
        secs: about the time of their fall by 60 dB.
        low_hz: where they lie at least.
        high_hz: where they lie at most.
    """
    tones = []
    for _ in range(int(rng.integers(0, 7))):
        hz = log_uniform(rng, low_hz, high_hz)
        envelope = decay(near(rng, secs, 0.6), log_uniform(rng, 0.0005, 0.004))
        tones.append(Tone(near(rng, gain, 1.2), hz, hz, envelope, phase=rng.uniform(0, 6.28)))
    return tuple(tones)
