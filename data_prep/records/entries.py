"""Defines what a manifest says of a track and of a shard, and reads it from plain values."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from data_prep.storage.files import plain_name

# Begins the label of a file of notes.
NOTES = "notes of"
# Is the name and the label of the vectors of a track, whichever file they are from.
CONTEXT = "context"
# Fields of a track that hold texts.
_LISTS = ("warnings", "playing", "unknown", "tags")


@dataclass(frozen=True)
class TrackEntry:
    """Holds what is known of a track as it was written."""

    name: str
    num_frames: int
    num_excerpts: int
    # Source -> parts summed into it.
    num_parts: dict[str, int]
    # Mixture against the sum of the sources, None where it is exactly the sum: JSON has no -inf.
    residual_db: float | None
    warnings: tuple[str, ...] = ()
    # Whether something of its files could not be decoded, and is silent.
    is_damaged: bool = False
    # The instruments of the piece; None, as in manifests of version 1: its sources.
    playing: tuple[str, ...] | None = None
    # Instruments of which nobody knows whether they play.
    unknown: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    num_notes: int = 0
    # Of the vector of a slot from another modality; 0: there is none.
    context_size: int = 0
    # Instrument -> how much there is of it, where that is more than a label.
    grades: dict[str, float] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """Returns the instruments that are known to play."""
        return tuple(self.num_parts) if self.playing is None else self.playing


def require_sources(track: TrackEntry, folder: str) -> None:
    """Refuses a track of which sources, or labels, are not all known.

    Raises:
        ValueError: it has a label and no such source, or a label that nobody knows.
    """
    missing = [name for name in track.labels if name not in track.num_parts]
    if missing or track.unknown:
        what = f"no source of {', '.join(missing)}"
        if not missing:
            what = f"no label of {', '.join(track.unknown)}"
        raise ValueError(
            f"separation takes tracks with all their sources and labels; {track.name} in "
            f"{folder} has {what}. Write records of others."
        )


@dataclass(frozen=True)
class ShardEntry:
    """Holds what is known of a shard, and the whole tracks in it, in order."""

    name: str
    num_bytes: int
    # In base64 of the big-endian checksum, as Cloud Storage states it.
    crc32c: str
    tracks: tuple[TrackEntry, ...]


@dataclass(frozen=True)
class CorpusFile:
    """Holds what is known of a file of a corpus from which records were made."""

    # Without its folder, which is that of the track.
    name: str
    # What the file is of the track: the mixture, an instrument, or the notes of one.
    label: str
    num_bytes: int
    crc32c: str


def corpus_files_from_values(values: dict[str, Any]) -> dict[str, tuple[CorpusFile, ...]]:
    """Returns the files of every track that ``dataclasses.asdict`` turned into plain values.

    Raises:
        TypeError, AttributeError: the values are not those of files.
    """
    found = {track: tuple(CorpusFile(**file) for file in files) for track, files in values.items()}
    for files in found.values():
        for file in files:
            require_types((file.name, file.label, file.crc32c), (file.num_bytes,))
    return found


def shard_from_values(values: dict[str, Any]) -> ShardEntry:
    """Returns the entry that ``dataclasses.asdict`` turned into plain values.

    Raises:
        KeyError, TypeError, AttributeError: the values are not those of an entry.
        ValueError: the name of the shard leads out of the folder.
    """
    tracks = tuple(track_from_values(track) for track in values["tracks"])
    entry = ShardEntry(**{**values, "tracks": tracks})
    plain_name(entry.name)
    require_types(texts=(entry.crc32c,), counts=(entry.num_bytes,))
    return entry


def track_from_values(values: dict[str, Any]) -> TrackEntry:
    """Returns the entry that ``dataclasses.asdict`` turned into plain values.

    Raises:
        KeyError, TypeError, AttributeError: the values are not those of an entry.
    """
    # Lists, as JSON has them; those that manifests of version 1 lack keep their defaults.
    lists = {name: tuple(values[name]) for name in _LISTS if values.get(name) is not None}
    entry = TrackEntry(**{**values, **lists})
    require_types(
        texts=(
            *(entry.name, *entry.num_parts, *entry.warnings),
            *(*entry.labels, *entry.unknown, *entry.tags, *entry.grades),
        ),
        counts=(
            *(entry.num_frames, entry.num_excerpts, *entry.num_parts.values()),
            *(entry.num_notes, entry.context_size),
        ),
    )
    if not isinstance(entry.is_damaged, bool):
        raise TypeError(f"is_damaged is {entry.is_damaged}")
    for grade in entry.grades.values():
        if not (type(grade) is float and 0 < grade < 1):
            raise TypeError(f"{grade!r} is no grade")
    if entry.residual_db is not None and not math.isfinite(entry.residual_db):
        raise TypeError(f"residual_db is {entry.residual_db}")
    return entry


def require_types(texts: Iterable[object], counts: Iterable[object]) -> None:
    """Raises ``TypeError`` for values of other types: JSON may hold whatever its writer liked."""
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"{text!r} is no text")
    for count in counts:
        # A truth value is an int to isinstance; TensorFlow holds no int beyond 63 bits.
        if not (type(count) is int and 0 <= count < 2**63):
            raise TypeError(f"{count!r} is no count")
