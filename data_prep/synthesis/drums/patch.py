"""Says what a drum sounds like: its parts, each with an envelope, and what is done to their sum.

A patch is numbers alone, checked where it is made; ``render`` plays it at any rate. The parts are
those of the drum machines of the 1980s and of DrumSynth: tones whose pitch falls, noise of some
colour, two overtones that act on each other, bands of noise, a filter that moves, and distortion.
The modes of a membrane are tones of their own.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# (frames,)
Signal = NDArray[np.float64]

WAVES = ("sine", "squared_sine", "triangle", "saw", "square")
"""Forms of one period of an overtone."""

METHODS = ("add", "fm", "ring", "cymbal")
"""How the second overtone acts on the first."""

_MAX_HZ = 1e6
_MAX_SECS = 3600.0
_MAX_GAIN = 100.0


@dataclass(frozen=True)
class Envelope:
    """Holds a level over time: straight lines between points (secs, level).

    Raises:
        ValueError: there is no point, or times fall or lie outside 0 to an hour.
    """

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """Checks the points."""
        if not self.points:
            raise ValueError("an envelope has no points; give at least one as (secs, level).")
        before = 0.0
        for secs, level in self.points:
            _check("the time of a point in seconds", secs, before, _MAX_SECS)
            _check("the level of a point", level, 0.0, _MAX_HZ)
            before = secs

    @property
    def end_secs(self) -> float:
        """Returns the time of the last point."""
        return self.points[-1][0]

    def at(self, secs: Signal) -> Signal:
        """Returns the level at each time; before and behind the points it stays as it is there."""
        times, levels = np.transpose(self.points)
        return np.interp(secs, times, levels)


@dataclass(frozen=True)
class Tone:
    """Is a sine whose frequency falls, or rises, from one value to another.

    ``droop`` is how bent the fall is: the number of e-folds within the envelope's length. 0 is a
    straight line, 5 is nearly at the end after half of the time. ``phase`` is in radians.
    """

    gain: float
    start_hz: float
    end_hz: float
    envelope: Envelope
    droop: float = 0.0
    phase: float = 0.0

    def __post_init__(self) -> None:
        """Checks the ranges."""
        _check("the gain of a tone", self.gain, 0.0, _MAX_GAIN)
        _check("the first frequency of a tone in Hz", self.start_hz, 0.0, _MAX_HZ)
        _check("the last frequency of a tone in Hz", self.end_hz, 0.0, _MAX_HZ)
        _check("the droop of a tone", self.droop, 0.0, 100.0)
        _check("the phase of a tone in radians", self.phase, -1e4, 1e4)


@dataclass(frozen=True)
class Noise:
    """Is noise of RMS ``gain`` whose spectrum has a slope, in dB an octave; 0 is white."""

    gain: float
    envelope: Envelope
    slope_db: float = 0.0

    def __post_init__(self) -> None:
        """Checks the ranges."""
        _check("the gain of noise", self.gain, 0.0, _MAX_GAIN)
        _check("the slope of noise in dB an octave", self.slope_db, -48.0, 48.0)


@dataclass(frozen=True)
class Band:
    """Is noise of RMS ``gain`` around ``hz``, 6 dB softer at the edges of ``width_hz``."""

    gain: float
    hz: float
    width_hz: float
    envelope: Envelope

    def __post_init__(self) -> None:
        """Checks the ranges."""
        _check("the gain of a band", self.gain, 0.0, _MAX_GAIN)
        _check("the centre of a band in Hz", self.hz, 1.0, _MAX_HZ)
        _check("the width of a band in Hz", self.width_hz, 1.0, _MAX_HZ)


@dataclass(frozen=True)
class Partial:
    """Is one of two overtones; its pitch may follow the first tone's fall."""

    hz: float
    envelope: Envelope
    wave: str = "sine"
    follows_tone: bool = False

    def __post_init__(self) -> None:
        """Checks the ranges."""
        _check("the frequency of an overtone in Hz", self.hz, 0.0, _MAX_HZ)
        _check_name("the wave of an overtone", self.wave, WAVES)


@dataclass(frozen=True)
class Overtones:
    """Are two partials and how they act on each other.

    ``amount`` goes from 0 to 1: of ``add`` it is the drive of both, of ``fm`` how far the second
    bends the phase of the first, of ``ring`` how much of the first becomes the product of both. Of
    ``cymbal`` it is how far six squares between the two frequencies lie off their even spacing.
    """

    gain: float
    first: Partial
    second: Partial
    method: str = "add"
    amount: float = 0.0
    # whether the patch's filter acts on them, too
    is_filtered: bool = True

    def __post_init__(self) -> None:
        """Checks the ranges."""
        _check("the gain of the overtones", self.gain, 0.0, _MAX_GAIN)
        _check("the amount of the overtones' method", self.amount, 0.0, 1.0)
        _check_name("the method of the overtones", self.method, METHODS)


@dataclass(frozen=True)
class Filter:
    """Is a low-pass or high-pass of second order whose cutoff, in Hz, is an envelope.

    ``resonance`` goes from 0, flat, to 1, a peak of 24 dB at the cutoff.
    """

    cutoff: Envelope
    is_high_pass: bool = False
    resonance: float = 0.0

    def __post_init__(self) -> None:
        """Checks the ranges."""
        _check("the resonance of a filter", self.resonance, 0.0, 1.0)


@dataclass(frozen=True)
class Distortion:
    """Is what cheap or hot equipment does: it clips at full scale, rounds, and holds frames."""

    drive_db: float = 0.0
    # A soft one bends everything, as tape does; a hard one leaves alone what is below full scale.
    is_soft: bool = False
    bits: int = 24
    # how often the waveform takes another value; None: at every frame
    rate_hz: float | None = None

    def __post_init__(self) -> None:
        """Checks the ranges."""
        _check("the drive of a distortion in dB", self.drive_db, -60.0, 80.0)
        _check("the number of bits of a distortion", self.bits, 2, 24)
        if self.rate_hz is not None:
            _check("the rate of a distortion in Hz", self.rate_hz, 100.0, _MAX_HZ)


@dataclass(frozen=True)
class Patch:
    """Is all that ``render`` needs to know of a sound; what is absent is silent."""

    tones: tuple[Tone, ...] = ()
    noises: tuple[Noise, ...] = ()
    bands: tuple[Band, ...] = ()
    overtones: Overtones | None = None
    filter: Filter | None = None
    distortion: Distortion | None = None
    gain_db: float = 0.0

    def __post_init__(self) -> None:
        """Checks the gain."""
        _check("the gain of a patch in dB", self.gain_db, -60.0, 60.0)

    @property
    def secs(self) -> float:
        """Returns when the last envelope of a part ends.

        A tone of gain 0 is no part of the sound: only its pitch is needed, by overtones.
        """
        envelopes = [tone.envelope for tone in self.tones if tone.gain > 0]
        envelopes += [noise.envelope for noise in self.noises]
        envelopes += [band.envelope for band in self.bands]
        if self.overtones is not None:
            envelopes += [self.overtones.first.envelope, self.overtones.second.envelope]
        return max((envelope.end_secs for envelope in envelopes), default=0.0)


class Times(NamedTuple):
    """Are the seconds of a waveform's frames (frames,), and their rate."""

    secs: Signal
    sample_rate: int


def _check(what: str, value: float, low: float, high: float) -> None:
    # NaN is in no range.
    if not low <= value <= high:
        raise ValueError(f"{what} is {value:g}; expected {low:g} to {high:g}.")


def _check_name(what: str, name: str, legal: tuple[str, ...]) -> None:
    if name not in legal:
        raise ValueError(f"{what} is {name!r}; expected one of {', '.join(legal)}.")
