"""Makes a track of the parts that describe it, with a sentence for each that is wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from configs.splits import Split
from data_prep.audio.notes.midi import read_part
from data_prep.audio.tracks import MIXTURE, NotesFile, TrackFiles

# In a sentence.
_MOST_NAMES = 3


class Part(NamedTuple):
    """Is a sound file of a track, as its corpus describes it."""

    # what the corpus calls it; ``MIXTURE`` for the mixture
    name: str
    path: Path
    # MIDI of what is played
    notes: Path | None = None
    # whether other sources are heard in it
    has_bleed: bool = False


@dataclass
class FoundTrack:
    """Is a track of which no file was looked for yet."""

    name: str
    # its own, or that of the corpus
    folder: Path
    # the file that names its files; None: they were found
    sidecar: Path | None
    split: Split | None = None
    mono_is_stereo: bool = False
    parts: list[Part] = field(default_factory=list)
    # why it cannot be read, a sentence each
    errors: list[str] = field(default_factory=list)

    def files(self, labels: Mapping[str, str | None]) -> TrackFiles:
        """Returns the track with its sources under their labels, and all that is wrong with it.

        Args:
            labels: the name of a part -> its label, None where it is ignored.
        """
        parts = [(labels[part.name], part) for part in self.parts]
        kept = [(label, part) for label, part in parts if label is not None]
        mixtures = [part.path for label, part in kept if label == MIXTURE]
        sources = [(label, part) for label, part in kept if label != MIXTURE]
        errors = [*self.errors, *self._file_errors([part for _, part in kept])]
        if len(mixtures) > 1:
            errors.append(
                f"the track {self.name} has {len(mixtures)} mixtures, {mixtures[0]} and "
                f"{mixtures[1]}; expected one."
            )
        if not sources and not self.errors:
            errors.append(
                f"the track {self.name} in {self.folder} has no source; expected one or more."
            )
        return TrackFiles(
            name=self.name,
            split=self.split,
            mixture=next(iter(mixtures), None),
            sources=tuple((label, part.path) for label, part in sources),
            warnings=tuple(self._bleed_warnings([part for _, part in sources])),
            errors=tuple(errors),
            mono_is_stereo=self.mono_is_stereo,
            notes=tuple(
                NotesFile(label, part.notes, part.path, read_part)
                for label, part in sources
                if part.notes is not None
            ),
            tables=() if self.sidecar is None else (self.sidecar,),
        )

    def _file_errors(self, parts: list[Part]) -> Iterator[str]:
        """Yields a sentence for each file that is missing, or there twice."""
        said = "" if self.sidecar is None else f", which {self.sidecar.name} names"
        # A sound has one name, of whatever kind its file is.
        seen: dict[Path, Path] = {}
        for part in parts:
            if not part.path.is_file():
                yield f"{part.path} is missing{said}; copy the track again."
            if part.notes is not None and not part.notes.is_file():
                yield f"{part.notes} is missing, the notes of {part.path.name}; copy it again."
            other = seen.setdefault(part.path.with_suffix(""), part.path)
            if other is not part.path:
                yield (
                    f"the track {self.name} has {other} and {part.path.name}, one sound twice; "
                    f"expected one of them."
                )

    def _bleed_warnings(self, parts: list[Part]) -> Iterator[str]:
        """Yields a sentence where other sources are heard in some."""
        bleeding = [part for part in parts if part.has_bleed]
        if bleeding:
            # Records keep it, wherever the corpus lies.
            names = [
                part.path.relative_to(self.folder).as_posix() for part in bleeding[:_MOST_NAMES]
            ]
            num_more = len(bleeding) - len(names)
            more = f" and {num_more} more" if num_more else ""
            yield f"other sources are heard in {', '.join(names)}{more}, as has_bleed says."
