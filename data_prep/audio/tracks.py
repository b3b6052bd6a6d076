"""Says what a track is, whatever its corpus: its files, and decoded a mixture and named sources."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs.instruments import ACCOMPANIMENT
from configs.splits import Split
from data_prep.audio.annotations import Annotations, Note
from data_prep.storage.files import Digest, checksum
from data_prep.storage.stand_ins import StandIns

# (frames, channels), full scale is 1
Waveform = NDArray[np.float32]

# so many frames stay in a processor's cache from one step of their processing to the next
BLOCK_FRAMES = 2**16

# how the mixture's file, stream or sketch is called beside those of the sources
MIXTURE = "mixture"


# takes the file of a part's notes, who plays it, and the rate of the frames that notes count
NotesReader = Callable[[Path, str, int], list[Note]]


class NotesFile(NamedTuple):
    """Is the file with the notes of a part."""

    instrument: str
    path: Path
    # the file with the sound of the part
    stem: Path
    # None: they are text, as URMP's
    reader: NotesReader | None = None


@dataclass(frozen=True)
class TrackFiles:
    """Is a track that a reader of a corpus found, before anything is decoded."""

    name: str
    # None: it takes no part, or the reader leaves the choice to a split file
    split: Split | None
    # None: the sum of the sources is the mixture. A stem file holds the sources as well.
    mixture: Path | None
    # instrument and file of every part
    sources: tuple[tuple[str, Path], ...] = ()
    # what the reader understood but did not expect, a sentence each
    warnings: tuple[str, ...] = ()
    # why the track cannot be read, a sentence each
    errors: tuple[str, ...] = ()
    # whether what cannot be decoded of a file becomes silence, and no error
    read_on: bool = False
    # whether what is mono among its files is heard at both loudspeakers, and all are stereo
    mono_is_stereo: bool = False
    # None: its sources are all that plays, and nothing else is said
    annotations: Annotations | None = None
    # those of every part that has some
    notes: tuple[NotesFile, ...] = ()
    # what was read to find these files
    tables: tuple[Path, ...] = ()
    # instrument of the vocabulary -> a vector from another modality; all have one length
    context: Mapping[str, tuple[float, ...]] = field(default_factory=dict, hash=False)
    # None: the files are there; else they lie in a bucket, and stand-ins in their place
    stand_ins: StandIns | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Returns all the files of sound, the mixture first."""
        sources = tuple(path for _, path in self.sources)
        if self.mixture is None:
            return sources
        return (self.mixture, *sources)

    @property
    def place(self) -> str:
        """Returns the path or the address of the folder that all files of sound are in."""
        path = os.path.commonpath(self.paths)
        return self.stand_ins.named(path) if self.stand_ins else path

    @contextmanager
    def at_hand(self) -> Iterator["TrackFiles"]:
        """Yields the track with files that can be read, of a bucket for as long as the block runs.

        Raises:
            ValueError: comes from the block, with the addresses of files in a bucket.
        """
        stand_ins = self.stand_ins
        if stand_ins is None:
            yield self
            return
        with stand_ins.fetched() as folder:
            try:
                yield self._moved(stand_ins.root, folder)
            except (ValueError, OSError) as error:
                sentence = str(error).replace(str(folder), stand_ins.url)
                raise ValueError(sentence) from error

    def digest(self, path: Path) -> Digest:
        """Returns the size and checksum of one of the files.

        Raises:
            OSError: it cannot be read.
        """
        if self.stand_ins is None:
            return checksum(path)
        return self.stand_ins.digests[path]

    def _moved(self, old: Path, new: Path) -> "TrackFiles":
        """Returns the track with its files in another folder."""

        def moved(path: Path) -> Path:
            return new / path.relative_to(old)

        return replace(
            self,
            mixture=self.mixture and moved(self.mixture),
            sources=tuple((name, moved(path)) for name, path in self.sources),
            notes=tuple(
                notes._replace(path=moved(notes.path), stem=moved(notes.stem))
                for notes in self.notes
            ),
        )


class AudioFormat(NamedTuple):
    """Holds what all waveforms of a track have in common."""

    sample_rate: int
    channels: int


class Original(NamedTuple):
    """Holds the format and the length that a track had in its files."""

    sample_rate: int
    channels: int
    num_frames: int


@dataclass(frozen=True)
class Track:
    """Is one piece of music, decoded. The mixture and all sources have the same shape."""

    name: str
    sample_rate: int
    mixture: Waveform
    # instrument -> waveform
    sources: dict[str, Waveform]
    # instrument -> how many parts of it were summed
    num_parts: dict[str, int]
    # what was mended or is odd, a sentence each
    warnings: tuple[str, ...] = ()
    # level of the mixture less the sum of the sources, relative to the mixture, as in the files
    residual_db: float = -np.inf
    original: Original | None = None
    # whether something of its files could not be decoded, and is silent
    is_damaged: bool = False
    # None: its sources are all that plays, and nothing else is said
    annotations: Annotations | None = None

    @property
    def said(self) -> Annotations:
        """Returns what is said of the piece."""
        if self.annotations is None:
            return Annotations(playing=tuple(self.sources))
        return self.annotations


def with_accompaniment(track: Track, vocabulary: Collection[str]) -> Track:
    """Returns the track with the sources that a vocabulary does not name summed into one.

    The track stays as it is where the vocabulary has no accompaniment, or names all its sources.
    """
    rest = [name for name in track.sources if name not in vocabulary]
    if ACCOMPANIMENT not in vocabulary or not rest:
        return track
    sources = {name: source for name, source in track.sources.items() if name in vocabulary}
    num_parts = {name: track.num_parts[name] for name in sources}
    sources[ACCOMPANIMENT] = np.sum([track.sources[name] for name in rest], axis=0)
    num_parts[ACCOMPANIMENT] = sum(track.num_parts[name] for name in rest)
    annotations = track.annotations
    if annotations is not None:
        annotations = annotations.renamed(dict.fromkeys(rest, ACCOMPANIMENT))
    return replace(track, sources=sources, num_parts=num_parts, annotations=annotations)
