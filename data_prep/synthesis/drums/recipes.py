"""Draws patches for one class of drums each, within ranges that real drums have.

What the sounds of a kit share is its character: every recipe bends its draws by it. The ranges were
set by comparison with recorded kits, in eleven bands of frequency at six times. Of their snares,
half have the fundamental at 160 to 250 Hz and lose the first 10 dB within 40 ms, and their
noise falls by about 4 dB an octave.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data_prep.synthesis.drums.patch import (
    METHODS,
    WAVES,
    Band,
    Distortion,
    Noise,
    Overtones,
    Partial,
    Patch,
    Tone,
)
from data_prep.synthesis.drums.shapes import (
    bursts,
    click,
    decay,
    log_uniform,
    membrane,
    metal,
    near,
    ringing,
    wash,
)


@dataclass(frozen=True)
class Character:
    """Is what the sounds of a kit have in common."""

    # factors on pitches and on decay times
    tuning: float
    sustain: float
    # added to the slopes of noise, in dB an octave
    brightness_db: float
    # the part of a sound that falls as slowly as the room does, and its fall by 60 dB
    room_gain: float
    room_secs: float
    distortion: Distortion | None


def kick(rng: np.random.Generator, character: Character) -> Patch:
    """Returns a kick: a low membrane whose pitch falls far, a stroke, and little noise."""
    tones = membrane(
        rng,
        hz=near(rng, 54 * character.tuning, 0.35),
        secs=near(rng, 0.3 * character.sustain, 0.5),
        num_modes=int(rng.integers(1, 5)),
        tilt=rng.uniform(1, 3),
        fall_octaves=abs(rng.normal(0, 1)),
    )
    skin = wash(
        rng,
        gain=log_uniform(rng, 0.003, 0.08),
        slope_db=rng.normal(-8, 2.5) + character.brightness_db,
        secs=near(rng, 0.12 * character.sustain, 0.6),
        tail=0.3 * character.room_gain,
        tail_secs=near(rng, character.room_secs, 0.3),
    )
    return Patch(tones, (click(rng, 0.05),), skin, distortion=character.distortion)


def snare(rng: np.random.Generator, character: Character) -> Patch:
    """Returns a snare: a membrane, its wires as bands of noise, a stroke and the room."""
    hz = near(rng, 195 * character.tuning, 0.25)
    tones = membrane(
        rng,
        hz=hz,
        secs=near(rng, 0.25 * character.sustain, 0.75),
        num_modes=int(rng.integers(1, 8)),
        tilt=rng.uniform(1.7, 4.5),
        fall_octaves=abs(rng.normal(0, 0.25)),
    )
    wires = wash(
        rng,
        gain=log_uniform(rng, 0.04, 0.45),
        slope_db=rng.normal(-4, 2.5) + character.brightness_db,
        secs=near(rng, 0.25 * character.sustain, 0.6),
        tail=character.room_gain,
        tail_secs=near(rng, character.room_secs, 0.3),
    )
    overtones = _shell(rng, hz, 0.15 * character.sustain) if rng.random() < 0.2 else None
    return Patch(tones, (click(rng, 0.2),), wires, overtones, distortion=character.distortion)


def tom(rng: np.random.Generator, character: Character) -> Patch:
    """Returns a tom: a membrane that sounds long, and some noise."""
    tones = membrane(
        rng,
        hz=near(rng, 125 * character.tuning, 0.45),
        secs=near(rng, 0.9 * character.sustain, 0.8),
        num_modes=int(rng.integers(1, 9)),
        tilt=rng.uniform(0.8, 3),
        fall_octaves=abs(rng.normal(0, 0.3)),
    )
    skin = wash(
        rng,
        gain=log_uniform(rng, 0.01, 0.15),
        slope_db=rng.normal(-6, 2.5) + character.brightness_db,
        secs=near(rng, 0.2 * character.sustain, 0.6),
        tail=character.room_gain,
        tail_secs=near(rng, character.room_secs, 0.3),
    )
    return Patch(tones, (click(rng, 0.1),), skin, distortion=character.distortion)


def hat(rng: np.random.Generator, character: Character) -> Patch:
    """Returns a hi-hat, from closed to open: bright noise and metal."""
    return _struck_metal(rng, character, log_uniform(rng, 0.07, 1.5) * character.sustain)


def cymbal(rng: np.random.Generator, character: Character) -> Patch:
    """Returns a crash or a ride: what a hi-hat is, for seconds."""
    return _struck_metal(rng, character, log_uniform(rng, 1, 4) * character.sustain)


def clap(rng: np.random.Generator, character: Character) -> Patch:
    """Returns hands: bursts of noise around 1 kHz that end in a tail."""
    secs = near(rng, 0.15 * character.sustain, 0.4)
    bands = []
    for level in (1.0, log_uniform(rng, 0.1, 1), log_uniform(rng, 0.03, 0.5)):
        hz = near(rng, 1300 * character.tuning, 0.5)
        envelope = bursts(rng, near(rng, secs, 0.2), character.room_gain, character.room_secs)
        bands.append(Band(level, hz, hz * log_uniform(rng, 0.25, 1.2), envelope))
    slope_db = rng.normal(-3, 2.5) + character.brightness_db
    air = Noise(log_uniform(rng, 0.02, 0.3), bursts(rng, secs, 0.0, 0.1), slope_db)
    return Patch(noises=(air,), bands=tuple(bands), distortion=character.distortion)


RECIPES: dict[str, Callable[[np.random.Generator, Character], Patch]] = {
    "kick": kick,
    "snare": snare,
    "tom": tom,
    "hat": hat,
    "cymbal": cymbal,
    "clap": clap,
}
"""How each class of drums is drawn, by the name of its folder."""


def _shell(rng: np.random.Generator, hz: float, secs: float) -> Overtones:
    """Returns two overtones of a drum, as drum machines add them to it."""
    first_hz = hz * log_uniform(rng, 1, 3)
    second_hz = hz * log_uniform(rng, 1, 6)
    first = Partial(first_hz, decay(near(rng, secs, 0.5)), str(rng.choice(WAVES)))
    second = Partial(second_hz, decay(near(rng, secs, 0.5)), str(rng.choice(WAVES)))
    method = str(rng.choice(METHODS[:3]))
    return Overtones(log_uniform(rng, 0.05, 0.4), first, second, method, rng.random())


def _struck_metal(rng: np.random.Generator, character: Character, secs: float) -> Patch:
    """Returns noise about as loud in all octaves, with tones of metal that fall in ``secs``."""
    tones: tuple[Tone, ...] = ringing(rng, 0.15, secs, 250, 2500)
    noise = wash(
        rng,
        gain=1.0,
        slope_db=rng.normal(-0.5, 2.5) + character.brightness_db,
        secs=secs,
        tail=character.room_gain,
        tail_secs=max(secs, character.room_secs),
        attack_secs=log_uniform(rng, 0.0005, 0.01),
    )
    overtones = metal(rng, log_uniform(rng, 0.05, 2), decay(secs)) if rng.random() < 0.5 else None
    # What is summed is far above full scale, which a distortion would take for drive.
    return Patch(tones, (click(rng, 0.5),), noise, overtones, gain_db=-12.0)
