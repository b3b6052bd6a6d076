"""Holds what a network may be told of a piece beside its labels: its notes, and a context.

Axes: K slots, N notes, D numbers of a vector.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs import Config
from configs.instruments import slot_of
from data_prep.audio.annotations import Note
from trainer.networks.notes import UNKNOWN_NOTE

_UNKNOWN_NOTES = np.array([UNKNOWN_NOTE], np.int64)


class Told(NamedTuple):
    """Says what is known of a piece; None is what nobody knows."""

    # (N, 4): onset frame, offset frame, cents and slot, at the rate of the network.
    notes: NDArray[Any] | None = None
    # (K, D)
    context: NDArray[np.float32] | None = None

    def later(self, num_frames: int) -> "Told":
        """Returns the same of a piece that begins so many frames later."""
        if self.notes is None:
            return self
        moved = np.array([num_frames, num_frames, 0, 0])
        return self._replace(notes=self.notes + moved)

    def identity(self) -> dict[str, str]:
        """Returns what tells it from others, as plain values; nothing where nothing is told."""
        known = {"notes": self.notes, "context": self.context}
        return {
            name: hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
            for name, values in known.items()
            if values is not None
        }


NOTHING = Told()


def rows_of(notes: Iterable[Note], sources: Sequence[str]) -> NDArray[np.int64]:
    """Returns notes of instruments as a network takes them, (N, 4).

    Raises:
        ValueError: an instrument is none of the sources.
    """
    rows = [
        (note.onset, note.offset, note.cents, slot_of(note.instrument, tuple(sources)))
        for note in notes
    ]
    return np.array(rows, np.int64).reshape(-1, 4)


def note_rows(told: Told, config: Config) -> NDArray[np.int64]:
    """Returns the notes that a network takes for what is told, (N, 4).

    Raises:
        ValueError: nobody knows them, and the network never learnt to do without.
    """
    if told.notes is not None:
        return told.notes.astype(np.int64)
    if not config.takes_unknown_notes:
        raise ValueError(
            "this network is told the notes of a piece and never learns to do without "
            "(augmentation.note_dropout is 0); give them, as with evaluation.separate --notes."
        )
    return _UNKNOWN_NOTES


def context_vectors(told: Told, config: Config) -> NDArray[np.float32]:
    """Returns the vectors that a network takes for what is told, (K, D).

    Raises:
        ValueError: they have another size, or nobody knows them and the network never learnt to do
            without.
    """
    shape = (len(config.data.sources), config.model.context_numbers)
    if told.context is not None and told.context.shape[1]:
        if told.context.shape != shape:
            raise ValueError(
                f"the network takes vectors of {shape[1]} numbers for {shape[0]} slots; got "
                f"{told.context.shape[1]} for {told.context.shape[0]}."
            )
        return told.context
    if not config.augmentation.context_dropout:
        raise ValueError(
            "this network is told a vector for each instrument and never learns to do without "
            "(augmentation.context_dropout is 0); separate tracks whose records have vectors."
        )
    return np.zeros(shape, np.float32)
