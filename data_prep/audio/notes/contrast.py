"""Measures whether notes are those of a recording: how much louder it is where they sound.

Both measures are in dB, and about 0 or less for notes of another time or of another piece. That of
a part takes its stem, that of all notes the mixture alone.
"""

from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.activity import energy
from data_prep.audio.annotations import Note
from data_prep.audio.spectrograms import Floats, power_spectrogram, window_frames
from data_prep.audio.tracks import Waveform

# Below these, notes are hardly those of the recording. Measured on 14 synthetic and rendered pieces
# of 12 and 30 s, with notes that are right, a second late or early, or of another piece: stems with
# the right notes have 41 dB and more, with wrong ones at most 4.1; mixtures with the right ones 3.3
# to 7.0 dB, with wrong ones, or right ones a semitone off or an octave too low, at most 0.2. Notes
# an octave too high have up to 4.4 dB, since their harmonics are some of the right ones; notes
# 0.3 s late up to 4.0, since they still overlap the right ones. Neither is told from right ones,
# and a piece of 5 s is too short for any telling by its mixture.
MIN_PART_CONTRAST_DB = 6.0
MIN_NOTE_CONTRAST_DB = 1.5

# What sounds so long after a note may still be its own, as strings ring on, and rooms.
_RELEASE_SECS = 0.25
# Rests that are shorter, all together, say nothing about a part.
_MIN_REST_SECS = 0.5
# The window is long, so that low notes are told from their neighbours.
_WINDOW_SECS = 0.186
_NUM_HARMONICS = 6
# Half the width of the band of a harmonic: room for vibrato and tuning.
_HALF_BAND_CENTS = 30
_CENTS_OF_OCTAVE = 1200
_CENTS_OF_SEMITONE = 100
# Of the pitch 440 Hz, MIDI's number 69.
_REFERENCE_CENTS = 6900
_REFERENCE_HZ = 440.0
# It stands for the power of silence, which has no logarithm.
_MIN_POWER = 1e-20
# A spectrogram is computed of so many windows at a time, so that a long piece fits in memory.
_WINDOWS_PER_BLOCK = 256


def part_contrast(waveform: Waveform, notes: Iterable[Note], sample_rate: int) -> float | None:
    """Returns how much louder a stem is within its notes than outside of all of them, in dB.

    What follows a note within a quarter of a second, or precedes it, counts as neither.

    Args:
        waveform: is the stem, (T, C).
        notes: are those of the part that plays it.
        sample_rate: is that of the waveform, in whose frames the notes count.

    Returns:
        The ratio of the mean powers; None where nothing can be said: the part has no notes, hardly
        ever rests, or is silent.
    """
    release = round(_RELEASE_SECS * sample_rate)
    # Two of (T,): where a note sounds, and where one may still be heard.
    inside = np.zeros(len(waveform), np.bool_)
    ringing = np.zeros(len(waveform), np.bool_)
    for note in notes:
        inside[note.onset : note.offset] = True
        ringing[max(note.onset - release, 0) : note.offset + release] = True
    num_inside = np.count_nonzero(inside)
    num_outside = np.count_nonzero(~ringing)
    if not num_inside or num_outside < _MIN_REST_SECS * sample_rate:
        return None
    power_inside = energy(waveform[inside]) / num_inside
    power_outside = energy(waveform[~ringing]) / num_outside
    if power_inside == power_outside == 0:
        return None
    ratio = max(power_inside, _MIN_POWER) / max(power_outside, _MIN_POWER)
    return float(10 * np.log10(ratio))


def note_contrast(waveform: Waveform, notes: Iterable[Note], sample_rate: int) -> float | None:
    """Returns how much stronger the harmonics of notes are in a mixture while the notes sound.

    The power in a narrow band around each of the first six harmonics, on average while the note
    sounds, is compared with that in the same band on average wherever no note of that pitch does.

    Args:
        waveform: is the mixture, (T, C).
        notes: are those of all instruments, or of some.
        sample_rate: is that of the waveform, in whose frames the notes count.

    Returns:
        The median over notes of the mean ratio of their harmonics in dB; None without notes, or
        where each pitch sounds all the time.
    """
    window = window_frames(sample_rate, _WINDOW_SECS)
    by_pitch: dict[int, list[Note]] = {}
    for note in notes:
        by_pitch.setdefault(round(note.cents / _CENTS_OF_SEMITONE), []).append(note)
    pitches = [members for members in by_pitch.values() if _bands(members, window, sample_rate)]
    bands = [_bands(members, window, sample_rate) for members in pitches]
    hop = window // 4
    powers = _band_powers(waveform, bands, window, hop)
    ratios = [
        ratio
        for members, power in zip(pitches, powers, strict=True)
        for ratio in _ratios_db(power, members, window, hop)
    ]
    return median(ratios) if ratios else None


def _bands(notes: Sequence[Note], window: int, sample_rate: int) -> list[slice]:
    """Returns the bins of a spectrum around each harmonic of notes of one pitch."""
    cents = median(note.cents for note in notes)
    hertz = _REFERENCE_HZ * 2 ** ((cents - _REFERENCE_CENTS) / _CENTS_OF_OCTAVE)
    spread = 2 ** (_HALF_BAND_CENTS / _CENTS_OF_OCTAVE)
    bands = []
    for order in range(1, _NUM_HARMONICS + 1):
        # In bins, which lie sample_rate / window apart.
        centre = order * hertz * window / sample_rate
        low = int(np.floor(centre / spread))
        high = int(np.ceil(centre * spread))
        if high <= window // 2:
            bands.append(slice(low, high + 1))
    return bands


def _band_powers(
    waveform: Waveform, bands: Sequence[Sequence[slice]], window: int, hop: int
) -> list[Floats]:
    """Returns the power in the bands of every pitch over time, each of shape (harmonics, N)."""
    block = _WINDOWS_PER_BLOCK * hop
    # For each pitch its powers, block by block.
    found: list[list[Floats]] = [[] for _ in bands]
    for start in range(0, len(waveform), block):
        spectrogram = power_spectrogram(waveform[start : start + block], window, hop)
        # The last column of a whole block is the first of the next one.
        columns = spectrogram[:, :_WINDOWS_PER_BLOCK]
        for powers, pitch in zip(found, bands, strict=True):
            powers.append(np.stack([columns[band].sum(axis=0) for band in pitch]))
    return [np.concatenate(powers, axis=1) for powers in found]


def _ratios_db(power: Floats, notes: Sequence[Note], window: int, hop: int) -> list[float]:
    """Returns for each note of a pitch how much stronger its harmonics are than elsewhere, in dB.

    Args:
        power: is that in the bands of the pitch, (harmonics, N).
        notes: are all of the pitch.
        window: is the length of a window; what reaches into a note is not elsewhere.
        hop: is the distance between windows.
    """
    num_columns = power.shape[1]
    # (N,)
    sounds: NDArray[np.bool_] = np.zeros(num_columns, np.bool_)
    for note in notes:
        first = max((note.onset - window // 2) // hop, 0)
        sounds[first : (note.offset + window // 2) // hop + 1] = True
    if sounds.all():
        return []
    # (harmonics,)
    elsewhere = np.maximum(power[:, ~sounds].mean(axis=1), _MIN_POWER)
    ratios = []
    for note in notes:
        first = round(note.onset / hop)
        last = max(round(note.offset / hop), first + 1)
        within = power[:, first:last]
        if within.shape[1]:
            ratio = np.maximum(within.mean(axis=1), _MIN_POWER) / elsewhere
            ratios.append(float(np.mean(10 * np.log10(ratio))))
    return ratios
