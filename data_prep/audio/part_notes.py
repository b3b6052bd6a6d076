"""Reads the notes of a part, and compares them with the sound of the part.

A file is text as URMP has it, unless its corpus brings another reader: each line has three numbers,
onset in seconds from the beginning, pitch in Hz, duration in seconds.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from data_prep.audio.activity import energy
from data_prep.audio.annotations import Note
from data_prep.audio.tracks import NotesFile, Waveform

# A stem is so much louder within its notes. Measured on the 49 parts of 14 synthetic and rendered
# pieces: with the right notes 41 dB and more, with notes a second late or early or of another piece
# 4.1 at most.
MIN_PART_CONTRAST_DB = 6.0

_CENTS_OF_OCTAVE = 1200
# Of the pitch 440 Hz, MIDI's number 69.
_REFERENCE_CENTS = 6900
_REFERENCE_HZ = 440.0
# MIDI numbers 0 to 127.
_MAX_CENTS = 12700
# Notes that overlap by less follow each other: files round, and hands are no machines.
_OVERLAP_SECS = 0.02
# What sounds so long after a note may still be its own, as strings ring on, and rooms.
_RELEASE_SECS = 0.25
# Rests that are shorter, all together, say nothing about a part.
_MIN_REST_SECS = 0.5
# Stands for the power of silence, which has no logarithm.
_MIN_POWER = 1e-20


def notes_of(file: NotesFile, instrument: str, sample_rate: int) -> list[Note]:
    """Returns the notes of a part from its file, of whatever kind that is.

    Args:
        file: holds them.
        instrument: plays them.
        sample_rate: of the frames that they count in.

    Raises:
        ValueError: the file holds something else.
        OSError: it cannot be read.
    """
    reader = file.reader or read_notes
    return reader(file.path, instrument, sample_rate)


def read_notes(path: Path, instrument: str, sample_rate: int) -> list[Note]:
    """Returns the notes of a part, in the order of the file.

    Args:
        path: of the text file.
        instrument: plays them.
        sample_rate: of the frames that they count in.

    Raises:
        ValueError: a line is of no note.
        OSError: the file cannot be read.
    """
    notes = []
    # Whatever bytes are no text are no number either.
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            onset_secs, hz, secs = map(float, line.split())
            is_note = onset_secs >= 0 and secs >= 0 and 0 < hz < math.inf
            if not (is_note and math.isfinite(onset_secs + secs)):
                raise ValueError(line)
        except ValueError:
            raise ValueError(
                f"line {number} of {path} is {line.strip()[:40]!r}; expected the onset of a note "
                f"in seconds, its pitch in Hz and its duration in seconds."
            ) from None
        onset = round(onset_secs * sample_rate)
        offset = max(round((onset_secs + secs) * sample_rate), onset + 1)
        cents = _REFERENCE_CENTS + round(_CENTS_OF_OCTAVE * math.log2(hz / _REFERENCE_HZ))
        notes.append(Note(onset, offset, cents, instrument))
    return notes


def iter_errors(
    file: str, notes: Sequence[Note], num_frames: int, sample_rate: int
) -> Iterator[str]:
    """Yields a sentence where notes lie out of range, and one where they lie behind the end.

    Args:
        file: names the file of the notes.
        notes: are those of a part, in the order of their onsets.
        num_frames: is the length of the piece.
        sample_rate: is that of the frames.
    """
    strange = [note for note in notes if not 0 <= note.cents <= _MAX_CENTS]
    if strange:
        onset_secs = strange[0].onset / sample_rate
        yield (
            f"{file} has a note at {onset_secs:.3f} s whose MIDI number would be "
            f"{strange[0].cents / 100:.2f}; expected 0 to 127 (8.2 to 12544 Hz)."
        )
    late = [note for note in notes if note.onset >= num_frames]
    if late:
        onset_secs = late[0].onset / sample_rate
        yield (
            f"{file} has a note of MIDI number {late[0].cents / 100:.2f} that begins at "
            f"{onset_secs:.3f} s, behind the end of the piece at {num_frames / sample_rate:.3f} s; "
            f"are these notes of this recording?"
        )


def iter_warnings(
    file: str, notes: Sequence[Note], stem: str, waveform: Waveform, sample_rate: int
) -> Iterator[str]:
    """Yields a sentence where notes are repeated, and one where the stem does not sound in them.

    Args:
        file: names the file of the notes.
        notes: are those of a part, in the order of their onsets.
        stem: names the file of the sound.
        waveform: is that sound, (T, C).
        sample_rate: is that of the frames.
    """
    repeated = _repeated(notes, sample_rate)
    if repeated:
        yield (
            f"{file} has {len(repeated)} of {len(notes)} notes that begin while one of the same "
            f"pitch still sounds, the first at {repeated[0].onset / sample_rate:.3f} s; are lines "
            f"there twice?"
        )
    contrast = part_contrast(waveform, notes, sample_rate)
    if contrast is not None and contrast < MIN_PART_CONTRAST_DB:
        yield (
            f"{stem} is {contrast:.1f} dB louder within the notes of {file} than outside of them, "
            f"expected {MIN_PART_CONTRAST_DB:.0f} or more: are these notes of this recording?"
        )


def _repeated(notes: Sequence[Note], sample_rate: int) -> list[Note]:
    """Returns the notes that begin while another one of the same pitch still sounds."""
    found = []
    # By pitch, then by time: neighbours of one pitch stand beside each other.
    for before, note in pairwise(sorted(notes, key=lambda note: (note.cents, note.onset))):
        overlap_secs = (before.offset - note.onset) / sample_rate
        if before.cents == note.cents and overlap_secs > _OVERLAP_SECS:
            found.append(note)
    return sorted(found)


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
