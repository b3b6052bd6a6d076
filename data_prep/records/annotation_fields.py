"""Turns what is said of a piece into the numbers of a record's fields, and back.

Axes: K slots, N notes, D numbers of a vector.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs import instruments
from data_prep.audio.annotations import PLAYS_FROM, Annotations

# Of a note: onset, offset, cents, slot.
_NOTE_FIELDS = 4


def label_numbers(said: Annotations, vocabulary: tuple[str, ...]) -> list[int]:
    """Returns the label of every slot, (K,).

    Raises:
        ValueError: an instrument is not in the vocabulary.
    """
    for name in (*said.playing, *(said.absent or ())):
        instruments.slot_of(name, vocabulary)
    return [said.label_of(name) for name in vocabulary]


def grade_numbers(said: Annotations, vocabulary: tuple[str, ...]) -> list[float]:
    """Returns the grade of every slot, (K,): its label where nobody said more; empty of none."""
    if not said.grades:
        return []
    return [said.grades.get(name, float(said.label_of(name))) for name in vocabulary]


def note_numbers(said: Annotations, vocabulary: tuple[str, ...]) -> list[int]:
    """Returns the numbers of all notes, one note after the other, (4 N,).

    Raises:
        ValueError: an instrument is not in the vocabulary.
    """
    numbers = []
    for note in said.notes:
        slot = instruments.slot_of(note.instrument, vocabulary)
        numbers += [note.onset, note.offset, note.cents, slot]
    return numbers


def context_numbers(said: Annotations, vocabulary: tuple[str, ...]) -> list[float]:
    """Returns the vectors of all slots, one after the other, (K D,); zeros where there is none.

    Raises:
        ValueError: an instrument is not in the vocabulary, or vectors differ in size.
    """
    sizes = sorted({len(vector) for vector in said.context.values()})
    if len(sizes) > 1:
        raise ValueError(f"the vectors of a context have {sizes} numbers; expected one size.")
    vectors = dict.fromkeys(vocabulary, (0.0,) * sum(sizes))
    for name, vector in said.context.items():
        instruments.slot_of(name, vocabulary)
        vectors[name] = vector
    return [value for vector in vectors.values() for value in vector]


def grades_from(numbers: NDArray[np.float32], labels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the grades of a record, (K,), its labels where it has none.

    Raises:
        ValueError: the numbers are no grades of such labels.
    """
    if not len(numbers):
        return labels
    plays = (numbers >= PLAYS_FROM) & (numbers <= 1)
    rests = (numbers >= 0) & (numbers < PLAYS_FROM)
    # What none of these is, is not a number of any label.
    said = np.select([plays, rests, numbers == -1], [1, 0, -1], default=np.nan)
    if not np.array_equal(said, labels):
        raise ValueError("the record has grades that are none of its labels.")
    return numbers


def notes_from(numbers: NDArray[np.int64], num_slots: int) -> NDArray[np.int32]:
    """Returns the notes of a record, (N, 4).

    Raises:
        ValueError: the numbers are no notes of these slots.
    """
    if len(numbers) % _NOTE_FIELDS:
        raise ValueError(f"the record has {len(numbers)} numbers of notes; each note has 4.")
    notes = numbers.reshape(-1, _NOTE_FIELDS)
    onsets, offsets, _, slots = notes.T
    are_in_time = (onsets >= 0) & (onsets < offsets)
    if not (are_in_time & (slots >= 0) & (slots < num_slots)).all():
        raise ValueError("the record has a note that ends before it begins, or is of no slot.")
    return notes.astype(np.int32)


def most_onsets(notes: NDArray[np.int32], num_frames: int) -> int:
    """Returns how many of the notes (N, 4) begin within so many frames of each other, at most."""
    onsets = np.sort(notes[:, 0].astype(np.int64))
    # From each onset on: how many lie before the end of a stretch that begins there.
    counts = np.searchsorted(onsets, onsets + num_frames) - np.arange(len(onsets))
    return int(counts.max(initial=0))


def context_from(numbers: NDArray[np.float32], num_slots: int) -> NDArray[np.float32]:
    """Returns the vectors of a record, (K, D), D being 0 where there are none.

    Raises:
        ValueError: the numbers are no vectors of these slots.
    """
    if len(numbers) % num_slots:
        raise ValueError(f"the record has {len(numbers)} numbers of context for {num_slots} slots.")
    if not np.isfinite(numbers).all():
        raise ValueError("the record has a context that is no finite number.")
    context: NDArray[Any] = numbers.reshape(num_slots, len(numbers) // num_slots)
    return context
