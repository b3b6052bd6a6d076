"""Plays notes on instruments that exist nowhere: additive timbres, each with its own spectrum.

No likeness is claimed beyond what tells instruments apart: the register, how fast the harmonics
fall, whether the even ones are missing, where formants lie, how a note starts and fades, vibrato,
and the noise of bow or breath.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

# (frames,)
Signal = NDArray[np.float64]

# of one period; linear interpolation then stays 50 dB below a harmonic of order 40
_TABLE_FRAMES = 2048
_MAX_HARMONICS = 48
# no harmonic above: the records of the smoke run end at 11 kHz
_TOP_HZ = 10_000.0
_NOISE_FRAMES = 2**16
_RELEASE_SECS = 0.03


@dataclass(frozen=True)
class Note:
    """Is one tone of a part."""

    start_secs: float
    secs: float
    # MIDI: 69 is 440 Hz
    pitch: int

    @property
    def hz(self) -> float:
        """Returns the fundamental frequency."""
        return float(440 * 2 ** ((self.pitch - 69) / 12))


@dataclass(frozen=True)
class Timbre:
    """Holds what tells one instrument from another."""

    # lowest and highest MIDI pitch
    low: int
    high: int
    # Harmonic h has the amplitude h ** -rolloff ...
    rolloff: float
    # ... raised around these (Hz, gain).
    formants: tuple[tuple[float, float], ...] = ()
    # factor on the even harmonics
    even: float = 1.0
    attack_secs: float = 0.04
    # time to fall to 1/e, for what is plucked
    decay_secs: float = np.inf
    vibrato_hz: float = 0.0
    vibrato_cents: float = 0.0
    # RMS of bow or breath relative to the tone, and the middle of its band
    noise: float = 0.0
    noise_hz: float = 2000.0

    def varied(self, rng: np.random.Generator) -> "Timbre":
        """Returns another player of the same instrument: everything is a little different."""

        def near(value: float, octaves: float) -> float:
            return float(value * 2 ** rng.uniform(-octaves, octaves))

        return replace(
            self,
            rolloff=near(self.rolloff, 0.1),
            formants=tuple((near(hz, 0.08), near(gain, 0.2)) for hz, gain in self.formants),
            even=near(self.even, 0.2),
            attack_secs=near(self.attack_secs, 0.3),
            decay_secs=near(self.decay_secs, 0.2),
            vibrato_hz=near(self.vibrato_hz, 0.1),
            vibrato_cents=near(self.vibrato_cents, 0.3),
            noise=near(self.noise, 0.3),
            noise_hz=near(self.noise_hz, 0.1),
        )


# low, high, rolloff and formants come without their names
# fmt: off
URMP = {
    "bn": Timbre(36, 62, 0.5, ((470, 4), (1150, 1)),
                 attack_secs=0.025, noise=0.02, noise_hz=3000),
    "cl": Timbre(54, 82, 0.9, ((1500, 1),),
                 even=0.06, noise=0.02, noise_hz=2500),
    "db": Timbre(28, 50, 1.6, ((110, 3),),
                 attack_secs=0.02, decay_secs=0.6, noise=0.04, noise_hz=400),
    "fl": Timbre(62, 90, 2.6,
                 attack_secs=0.06, vibrato_hz=5.0, vibrato_cents=12, noise=0.16, noise_hz=3500),
    "hn": Timbre(42, 68, 1.8, ((370, 3),),
                 attack_secs=0.08, noise=0.01, noise_hz=800),
    "ob": Timbre(60, 84, 0.3, ((1250, 5), (3000, 2)),
                 vibrato_hz=5.8, vibrato_cents=10, noise=0.01),
    "sax": Timbre(52, 78, 0.8, ((750, 2), (2300, 1)),
                  vibrato_hz=4.4, vibrato_cents=40, noise=0.10, noise_hz=5000),
    "tba": Timbre(28, 52, 1.9, ((220, 3),),
                  attack_secs=0.07, noise=0.02, noise_hz=600),
    "tbn": Timbre(40, 65, 0.5, ((600, 3), (1900, 1)),
                  attack_secs=0.05),
    "tpt": Timbre(56, 80, 0.2, ((1500, 2), (2800, 3)),
                  attack_secs=0.02),
    "va": Timbre(52, 76, 1.0, ((1000, 3), (300, 1)),
                 attack_secs=0.10, vibrato_hz=5.2, vibrato_cents=22, noise=0.06),
    "vc": Timbre(38, 64, 1.1, ((500, 3),),
                 attack_secs=0.12, vibrato_hz=4.8, vibrato_cents=18, noise=0.06, noise_hz=1200),
    "vn": Timbre(60, 88, 0.9, ((3200, 4), (600, 1)),
                 attack_secs=0.08, vibrato_hz=6.4, vibrato_cents=35, noise=0.06, noise_hz=6000),
}
# fmt: on
BASS = Timbre(28, 48, 1.2, ((200, 2),), attack_secs=0.01, decay_secs=0.5)
OTHER = Timbre(52, 76, 0.7, ((2500, 2),), even=0.4, attack_secs=0.005, decay_secs=0.35)
_SINGER = Timbre(
    low=55,
    high=76,
    rolloff=0.9,
    attack_secs=0.08,
    vibrato_hz=5.5,
    vibrato_cents=55,
    noise=0.03,
    noise_hz=4000,
)
# a, e, u
VOWELS = (
    replace(_SINGER, formants=((730, 4), (1090, 3), (2440, 1))),
    replace(_SINGER, formants=((530, 4), (1840, 3), (2480, 1))),
    replace(_SINGER, formants=((300, 4), (870, 2))),
)


def play(
    notes: list[Note], timbre: Timbre, sample_rate: int, num_frames: int, rng: np.random.Generator
) -> Signal:
    """Returns the notes of one part as a waveform (num_frames,).

    Every tone has an RMS of about 0.7 to 1 at its loudest. What lies behind the end is cut off.
    """
    part = np.zeros(num_frames)
    noise = _band_noise(timbre.noise_hz, sample_rate, rng)
    for note in notes:
        start = round(note.start_secs * sample_rate)
        length = min(round(note.secs * sample_rate), num_frames - start)
        if length <= 0:
            continue
        tone = _tone(note.hz, timbre, sample_rate, length, rng)
        # from anywhere in the loop of noise, so that no two notes sound alike
        offset = int(rng.integers(_NOISE_FRAMES))
        tone += timbre.noise * np.take(noise, np.arange(offset, offset + length), mode="wrap")
        loudness = rng.uniform(0.7, 1)
        part[start : start + length] += loudness * tone * _envelope(timbre, sample_rate, length)
    return part


def play_drums(
    hits: dict[str, list[float]], sample_rate: int, num_frames: int, rng: np.random.Generator
) -> Signal:
    """Returns kick, snare and hat at the given seconds as a waveform (num_frames,)."""
    # of one stroke
    time = np.arange(round(0.4 * sample_rate)) / sample_rate
    white = rng.standard_normal(len(time) + 1)
    # in cycles: 180 Hz falling to 50 Hz
    sweep = 50 * time + 4 * (1 - np.exp(-time / 0.03))
    sounds = {
        "kick": 2 * np.sin(2 * np.pi * sweep) * np.exp(-time / 0.12),
        "snare": (0.8 * white[1:] + np.sin(2 * np.pi * 190 * time)) * np.exp(-time / 0.08),
        # differences of white noise: a high-pass
        "hat": 0.4 * np.diff(white) * np.exp(-time / 0.025),
    }
    part = np.zeros(num_frames)
    for name, starts in hits.items():
        for start_secs in starts:
            start = round(start_secs * sample_rate)
            length = max(0, min(len(time), num_frames - start))
            part[start : start + length] += rng.uniform(0.7, 1) * sounds[name][:length]
    return part


def _tone(
    hz: float, timbre: Timbre, sample_rate: int, length: int, rng: np.random.Generator
) -> Signal:
    """Returns a steady tone of RMS 1 with its vibrato: (length,)."""
    time = np.arange(length) / sample_rate
    # The vibrato sets in within a quarter of a second, and no player is quite in tune.
    vibrato = np.sin(2 * np.pi * (timbre.vibrato_hz * time + rng.random()))
    swing = vibrato * np.minimum(time / 0.25, 1)
    cents = timbre.vibrato_cents * swing + rng.normal(0, 4)
    # The frequency is hz * 2 ** (cents / 1200), here by its first order; its sum is the position
    # in the table of one period.
    position = np.cumsum(hz * (1 + cents * (np.log(2) / 1200))) * (_TABLE_FRAMES / sample_rate)
    table = _period(hz, timbre)
    index = position.astype(np.int64)
    fraction = position - index
    # modulo the size of the table, a power of two
    index &= _TABLE_FRAMES - 1
    return table[index] + fraction * (table[index + 1] - table[index])


def _period(hz: float, timbre: Timbre) -> Signal:
    """Returns one period of a tone, RMS 1: (_TABLE_FRAMES + 1,).

    Its first frame is repeated at the end, for interpolation.
    """
    num_harmonics = max(1, min(_MAX_HARMONICS, int(_TOP_HZ / hz)))
    # 1 is the fundamental: (harmonics,)
    order = np.arange(1, num_harmonics + 1)
    colour = 0.2 + sum(gain * _bump(order * hz, centre, 0.35) for centre, gain in timbre.formants)
    amplitude = order**-timbre.rolloff * colour * np.where(order % 2, 1, timbre.even)
    spectrum = np.zeros(_TABLE_FRAMES // 2 + 1, np.complex128)
    # -i: sines, so that all players of an instrument have the same shape of the wave
    spectrum[order] = -1j * amplitude
    period = np.fft.irfft(spectrum)
    return np.append(period, period[0]) / np.sqrt(np.mean(period**2))


def _band_noise(centre_hz: float, sample_rate: int, rng: np.random.Generator) -> Signal:
    """Returns a loop of noise, RMS 1, about an octave wide: (_NOISE_FRAMES,)."""
    spectrum = np.fft.rfft(rng.standard_normal(_NOISE_FRAMES))
    hz = np.fft.rfftfreq(_NOISE_FRAMES, 1 / sample_rate)
    # 0 Hz has no octaves
    noise = np.fft.irfft(spectrum * _bump(np.maximum(hz, 1), centre_hz, 0.6))
    return noise / np.sqrt(np.mean(noise**2))


def _bump(hz: Signal, centre_hz: float, width_octaves: float) -> Signal:
    """Returns 1 at the centre, falling like a Gaussian over octaves."""
    return np.exp(-0.5 * (np.log2(hz / centre_hz) / width_octaves) ** 2)


def _envelope(timbre: Timbre, sample_rate: int, length: int) -> Signal:
    """Returns how loud a note is over its time, from 0 to 1: (length,)."""
    frames = np.arange(length)
    time = frames / sample_rate
    attack = 1 - np.exp(-3 * time / timbre.attack_secs)
    decay = np.exp(-time / timbre.decay_secs)
    # to 0 at the end, without a click
    release = np.minimum((length - frames) / (_RELEASE_SECS * sample_rate), 1)
    return attack * decay * release
