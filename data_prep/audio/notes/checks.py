"""Finds what is wrong with the notes of a part: their range, repetitions, and the wrong music."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from data_prep.audio.annotations import Note
from data_prep.audio.notes.contrast import MIN_PART_CONTRAST_DB, part_contrast
from data_prep.audio.tracks import Waveform

# MIDI numbers 0 to 127.
_MAX_CENTS = 12700
# Notes that overlap by less follow each other: files round, and hands are no machines.
_OVERLAP_SECS = 0.02


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
