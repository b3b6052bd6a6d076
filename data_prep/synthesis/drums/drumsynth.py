"""Reads patches from the files of DrumSynth (``.ds``), a drum synthesiser of the 1990s.

Such a file is text in the form of an INI file: sections General, Tone, Noise, Overtones, NoiseBand,
NoiseBand2 and Distortion. Times of its envelopes are frames at 44.1 kHz, levels go from 0 to 100.
Only the format is DrumSynth's. What our synthesiser does with the numbers is our own, so a sound is
similar to what its author heard, and not the same:

- ``Level`` 128 is full scale, and twice as much is four times as loud (181 is 6 dB above 128).
- ``Droop`` 100 is a fall of the pitch by ten e-folds; ``Slope`` 100 is 6 dB an octave.
- ``dF`` is the width of a band in percent of its frequency.
- ``FilterEnv`` goes from 20 Hz at 0 to 20 kHz at 100, in equal ratios.
- ``Bits`` takes away two of 16 bits a step; ``Rate`` divides 44.1 kHz by 1 to 8.
- ``Stretch`` below 10 % is 10 %. ``FixedSeq`` says nothing here, where a seed decides all noise.
"""

import math
from pathlib import Path
from typing import NamedTuple

from data_prep.synthesis.drums.drumsynth_file import MAX_BYTES, RATE, Section, parse_sections
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

SUFFIX = ".ds"

_MAX_HZ = 1e6
# of full scale: the RMS of noise at Level 128, whose peaks then are near full scale
_NOISE_RMS = 0.3


def read_patch(path: Path) -> Patch:
    """Reads a file; sections and keys that are unknown here are ignored.

    Raises:
        ValueError: it is no file of DrumSynth, or a value makes no sense; names file, section and
            value.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    try:
        return parse_patch(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def parse_patch(content: bytes) -> Patch:
    """Returns the patch that the bytes of a file describe.

    Raises:
        ValueError: they are no file of DrumSynth, or a value makes no sense; names section and
            value.
    """
    sections = parse_sections(content)
    general = sections["General"]
    if not general.text("Version").startswith("DrumSynth"):
        raise ValueError(
            f"[General] Version is {general.text('Version')!r}; "
            f"expected DrumSynth v1.0 or DrumSynth v2.0."
        )
    scale = _Scale(
        pitch=2 ** (general.number("Tuning", 0, -96, 96) / 12),
        time=max(general.number("Stretch", 100, 0, 100_000), 10) / 100,
    )
    overtones = _overtones(sections["Overtones"], scale)
    return Patch(
        tones=_tones(sections["Tone"], scale, overtones),
        noises=_noises(sections["Noise"], scale),
        bands=_bands(sections["NoiseBand"], scale) + _bands(sections["NoiseBand2"], scale),
        overtones=overtones,
        filter=_filter(general, scale),
        distortion=_distortion(sections["Distortion"]),
        gain_db=general.number("Level", 0, -60, 60),
    )


class _Scale(NamedTuple):
    """Holds the factors on all pitches and on all times."""

    pitch: float
    time: float

    def hz(self, written: float) -> float:
        """Returns a frequency as it sounds, limited to what a patch takes."""
        return min(written * self.pitch, _MAX_HZ)


def _tones(section: Section, scale: _Scale, overtones: Overtones | None) -> tuple[Tone, ...]:
    """Returns the tone; one that is off is silent where overtones follow its pitch."""
    is_followed = overtones is not None and (
        overtones.first.follows_tone or overtones.second.follows_tone
    )
    if not section.is_on and not is_followed:
        return ()
    tone = Tone(
        gain=section.level() if section.is_on else 0.0,
        start_hz=scale.hz(section.number("F1", 200, 0, _MAX_HZ)),
        end_hz=scale.hz(section.number("F2", 120, 0, _MAX_HZ)),
        envelope=section.envelope("Envelope", scale.time),
        droop=section.number("Droop", 0, 0, 100) / 10,
        phase=math.radians(section.number("Phase", 0, -1e5, 1e5)),
    )
    return (tone,)


def _noises(section: Section, scale: _Scale) -> tuple[Noise, ...]:
    if not section.is_on:
        return ()
    slope_db = section.number("Slope", 0, -100, 100) * 6 / 100
    envelope = section.envelope("Envelope", scale.time)
    return (Noise(_NOISE_RMS * section.level(), envelope, slope_db),)


def _bands(section: Section, scale: _Scale) -> tuple[Band, ...]:
    if not section.is_on:
        return ()
    hz = max(scale.hz(section.number("F", 1000, 0, _MAX_HZ)), 1.0)
    width_hz = max(hz * section.number("dF", 50, 0, 1000) / 100, 1.0)
    envelope = section.envelope("Envelope", scale.time)
    return (Band(_NOISE_RMS * section.level(), hz, min(width_hz, _MAX_HZ), envelope),)


def _overtones(section: Section, scale: _Scale) -> Overtones | None:
    if not section.is_on:
        return None
    partials = []
    for number in ("1", "2"):
        partial = Partial(
            hz=scale.hz(section.number(f"F{number}", 200, 0, _MAX_HZ)),
            envelope=section.envelope(f"Envelope{number}", scale.time),
            wave=section.choice(f"Wave{number}", WAVES),
            follows_tone=section.number(f"Track{number}", 0, 0, 1) > 0,
        )
        partials.append(partial)
    return Overtones(
        gain=section.level(),
        first=partials[0],
        second=partials[1],
        method=section.choice("Method", METHODS),
        amount=section.number("Param", 50, 0, 100) / 100,
        is_filtered=section.number("Filter", 0, 0, 1) > 0,
    )


def _filter(section: Section, scale: _Scale) -> Filter | None:
    if section.number("Filter", 0, 0, 1) == 0:
        return None
    levels = section.envelope("FilterEnv", scale.time).points
    cutoff = tuple((secs, 20.0 * 1000 ** min(level, 1.0)) for secs, level in levels)
    is_high_pass = section.number("HighPass", 0, 0, 1) > 0
    return Filter(Envelope(cutoff), is_high_pass, section.number("Resonance", 0, 0, 100) / 100)


def _distortion(section: Section) -> Distortion | None:
    if not section.is_on:
        return None
    return Distortion(
        drive_db=section.number("Clipping", 0, 0, 60),
        bits=16 - 2 * int(section.number("Bits", 0, 0, 7)),
        rate_hz=RATE / (1 + section.number("Rate", 0, 0, 7)),
    )
