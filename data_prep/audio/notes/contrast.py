"""Measures whether notes are those of a mixture: how much stronger it is where and when they sound.

It is some dB, and about 0 or less for notes of another time or of another piece.
"""

from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.annotations import Note
from data_prep.audio.spectrograms import Floats, power_spectrogram, window_frames
from data_prep.audio.tracks import Waveform

# Below it, notes are hardly those of the mixture. Measured on 14 synthetic and rendered pieces of
# 12 and 30 s: the right notes have 3.3 to 7.0 dB; notes a second late or early or of another
# piece, and the right ones a semitone off or an octave too low, at most 0.2. Notes an octave too
# high have up to 4.4 dB, since their harmonics are some of the right ones; notes 0.3 s late up to
# 4.0, since they still overlap the right ones. Neither is told from right ones, and a piece of 5
# s is too short.
MIN_NOTE_CONTRAST_DB = 1.5

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
