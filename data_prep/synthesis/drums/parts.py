"""Plays the parts of a patch, each as a waveform (frames,) with its gain and its envelope.

Nothing sounds above half of the sample rate: a tone is silent for as long as its frequency lies
there. Behind the last point of its envelope a part is silent, too.
"""

import numpy as np

from data_prep.synthesis.drums.patch import (
    Band,
    Envelope,
    Noise,
    Overtones,
    Partial,
    Signal,
    Times,
    Tone,
)

# how far FM bends the phase at most, in radians
_MAX_BEND = 2 * np.pi
# of the six squares of a cymbal, where they lie off the even spacing, in spacings
_OFFSETS = np.array([0.0, 0.31, -0.27, 0.43, -0.36, 0.0])
# below it noise rises no more towards 0 Hz
_LOWEST_HZ = 20.0


def play_tone(tone: Tone, times: Times) -> Signal:
    """Returns a tone; its phase is the integral of the falling frequency."""
    hz, cycles = _fall(tone, times)
    is_audible = hz < times.sample_rate / 2
    wave = np.sin(2 * np.pi * cycles + tone.phase) * is_audible
    return tone.gain * _levels(tone.envelope, times) * wave


def play_noise(noise: Noise, times: Times, rng: np.random.Generator) -> Signal:
    """Returns noise of which each octave has ``slope_db`` more power density than the one below."""
    hz = _bins(times)
    # 20 log10(2) dB are a factor of 2
    exponent = noise.slope_db / (20 * np.log10(2))
    shape = (np.maximum(hz, _LOWEST_HZ) / 1000) ** exponent
    return noise.gain * _levels(noise.envelope, times) * _shaped_noise(shape, times, rng)


def play_band(band: Band, times: Times, rng: np.random.Generator) -> Signal:
    """Returns noise through two band-passes in a row, whose width is that at -6 dB."""
    hz = np.maximum(_bins(times), 1e-3)
    # |H|^2 of a resonant circuit is 1 / (1 + ((f^2 - f0^2) / (f w))^2); of two in a row, |H| is
    detuning = (hz**2 - band.hz**2) / (hz * band.width_hz)
    shape = 1 / (1 + detuning**2)
    return band.gain * _levels(band.envelope, times) * _shaped_noise(shape, times, rng)


def play_overtones(overtones: Overtones, tone: Tone | None, times: Times) -> Signal:
    """Returns both partials as their method has it.

    Args:
        overtones: the partials.
        tone: whose fall they may follow.
        times: of the frames.
    """
    if overtones.method == "cymbal":
        return overtones.gain * _cymbal(overtones, times)
    first_levels = _levels(overtones.first.envelope, times)
    second = _levels(overtones.second.envelope, times)
    second = second * _partial(overtones.second, tone, times, bend=None)
    if overtones.method == "fm":
        bend = _MAX_BEND * overtones.amount * second
        return overtones.gain * first_levels * _partial(overtones.first, tone, times, bend)
    first = first_levels * _partial(overtones.first, tone, times, bend=None)
    if overtones.method == "ring":
        product = first * second
        return overtones.gain * ((1 - overtones.amount) * first + overtones.amount * product)
    # Driven into saturation the sum has new partials, and still a peak of at most 2.
    drive = 1 + 9 * overtones.amount
    total = (first + second) / 2
    return overtones.gain * 2 * np.tanh(drive * total) / np.tanh(drive)


def _fall(tone: Tone, times: Times) -> tuple[Signal, Signal]:
    """Returns a tone's frequency in Hz and its integral in cycles, both (frames,).

    With x = t / T from 0 to 1 and r the droop, the frequency is f2 + (f1 - f2) g(x), where g falls
    from 1 to 0: g(x) = (exp(-r x) - exp(-r)) / (1 - exp(-r)), for small r the line 1 - x.
    """
    length = max(tone.envelope.end_secs, 1 / times.sample_rate)
    x = np.minimum(times.secs / length, 1)
    droop = tone.droop
    if droop < 1e-3:
        falling = 1 - x
        integral = x - x**2 / 2
    else:
        end = np.exp(-droop)
        bent = np.exp(-droop * x)
        falling = (bent - end) / (1 - end)
        integral = ((1 - bent) / droop - end * x) / (1 - end)
    step_hz = tone.start_hz - tone.end_hz
    hz = tone.end_hz + step_hz * falling
    return hz, tone.end_hz * times.secs + step_hz * length * integral


def _partial(partial: Partial, tone: Tone | None, times: Times, bend: Signal | None) -> Signal:
    """Returns a partial between -1 and 1, its phase bent by so many radians at each frame."""
    hz: Signal | float = partial.hz
    cycles = partial.hz * times.secs
    if partial.follows_tone and tone is not None and tone.start_hz > 0:
        tone_hz, tone_cycles = _fall(tone, times)
        ratio = partial.hz / tone.start_hz
        hz = ratio * tone_hz
        cycles = ratio * tone_cycles
    if bend is not None:
        cycles = cycles + bend / (2 * np.pi)
    return _wave(partial.wave, cycles) * (hz < times.sample_rate / 2)


def _wave(name: str, cycles: Signal) -> Signal:
    """Returns a wave between -1 and 1 at positions in cycles; all but the saw begin at 0."""
    if name == "sine":
        return np.sin(2 * np.pi * cycles)
    if name == "squared_sine":
        sine = np.sin(2 * np.pi * cycles)
        return sine * np.abs(sine)
    if name == "triangle":
        return 1 - 4 * np.abs((cycles + 0.25) % 1 - 0.5)
    if name == "saw":
        return 2 * (cycles % 1) - 1
    return np.where(cycles % 1 < 0.5, 1.0, -1.0)


def _cymbal(overtones: Overtones, times: Times) -> Signal:
    """Returns six squares between two frequencies, which the envelopes fade from one to another."""
    low = overtones.first.hz
    step = (overtones.second.hz - low) / (len(_OFFSETS) - 1)
    frequencies = low + step * (np.arange(len(_OFFSETS)) + overtones.amount * _OFFSETS)
    first_levels = _levels(overtones.first.envelope, times)
    second_levels = _levels(overtones.second.envelope, times)
    total = np.zeros(len(times.secs))
    for weight, hz in zip(np.linspace(1, 0, len(_OFFSETS)), frequencies, strict=True):
        if 0 < hz < times.sample_rate / 2:
            levels = weight * first_levels + (1 - weight) * second_levels
            total += levels * _wave("square", hz * times.secs)
    return total / np.sqrt(len(_OFFSETS))


def _levels(envelope: Envelope, times: Times) -> Signal:
    """Returns an envelope at each frame, 0 behind its last point."""
    return envelope.at(times.secs) * (times.secs <= envelope.end_secs)


def _num_loop_frames(times: Times) -> int:
    """Returns the next power of two, of which Fourier transforms are quick."""
    return 1 << max(6, (len(times.secs) - 1).bit_length())


def _bins(times: Times) -> Signal:
    """Returns the frequencies in Hz of a loop of noise: (bins,)."""
    return np.fft.rfftfreq(_num_loop_frames(times), 1 / times.sample_rate)


def _shaped_noise(shape: Signal, times: Times, rng: np.random.Generator) -> Signal:
    """Returns noise of RMS 1 whose spectrum has the shape (bins,): (frames,).

    The spectrum of white noise is white noise, so it is drawn at once.
    """
    # Single precision is 140 dB below the noise, and twice as quick.
    spectrum = np.empty(len(shape), np.complex64)
    spectrum.real = rng.standard_normal(len(shape), np.float32)
    spectrum.imag = rng.standard_normal(len(shape), np.float32)
    spectrum *= shape.astype(np.float32)
    # neither an offset nor half of a frequency
    spectrum[0] = 0
    spectrum[-1] = 0
    # By Parseval the mean square of the waveform is this over the square of its length.
    power = 2 * np.vdot(spectrum, spectrum).real
    num_frames = _num_loop_frames(times)
    noise = np.fft.irfft(spectrum, num_frames)
    return noise[: len(times.secs)] * (num_frames / np.sqrt(max(float(power), 1e-24)))
