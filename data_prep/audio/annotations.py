"""Says what is known of a piece beside its sound: labels, tags, notes, context."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

# the grade from which on an instrument plays
PLAYS_FROM = 0.5


class Note(NamedTuple):
    """Is a note of an instrument; frames count from the beginning of the track."""

    onset: int
    # the first frame behind it
    offset: int
    # pitch in cents of MIDI numbers: 6900 is 440 Hz
    cents: int
    instrument: str


@dataclass(frozen=True)
class Annotations:
    """Holds what is said of a piece; nothing of it follows from its sources."""

    # the instruments of the piece, whether they sound at a place or rest
    playing: tuple[str, ...] = ()
    # those that are known to have no part in it; None: all that are not playing
    absent: tuple[str, ...] | None = None
    # words for the piece as a whole
    tags: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    # instrument -> a vector from another modality; all have one length. A mapping has no hash, so
    # that it plays no part in that of a piece
    context: Mapping[str, tuple[float, ...]] = field(default_factory=dict, hash=False)
    # how much there is of an instrument, above 0 and below 1, where somebody said more than that it
    # plays, which is from ``PLAYS_FROM`` on
    grades: Mapping[str, float] = field(default_factory=dict, hash=False)

    def renamed(self, names: Mapping[str, str]) -> "Annotations":
        """Returns the same under other names of some instruments; several may become one."""
        playing = dict.fromkeys(names.get(name, name) for name in self.playing)
        notes = [
            note._replace(instrument=names.get(note.instrument, note.instrument))
            for note in self.notes
        ]
        grades = {names.get(name, name): grade for name, grade in self.grades.items()}
        return replace(self, playing=tuple(playing), grades=grades, notes=tuple(notes))

    def label_of(self, instrument: str) -> int:
        """Returns 1 for what plays, 0 for what does not, -1 where nobody knows."""
        if instrument in self.playing:
            return 1
        if self.absent is None or instrument in self.absent:
            return 0
        return -1
