"""Says what the layout of a corpus is, and lists the tracks of a corpus in one; decodes nothing.

A layout is a declaration: patterns of where tracks lie, the file that describes each, whether there
is a mixture, who chooses the splits, and the split file whose map says what its sources are called
in the vocabulary.
"""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from configs.splits import SPLITS, Split, Splits, load_splits
from data_prep.audio.decoding import is_sound_name
from data_prep.audio.tracks import MIXTURE, TrackFiles
from data_prep.corpora.layouts.places import Place, iter_places
from data_prep.corpora.layouts.sidecars import Fields, read_sidecar
from data_prep.corpora.layouts.tables import iter_rows
from data_prep.corpora.layouts.tracks import FoundTrack, Part

# Of all artists, for each of validation and test.
_SHARE = 0.15
_COLUMNS = ("track", "source", "file")
_SPLIT = "split"
# Stands for it where a place does not say it.
_NO_SPLIT = ""
_OWN_SPLITS: Mapping[str, Split] = {split: split for split in SPLITS}


@dataclass(frozen=True)
class Layout:
    """Declares how a corpus is laid out."""

    # its name in sentences
    title: str
    # what has to lie in its folder, in words
    expected: str
    # patterns of where tracks lie, of which the first that finds some counts; ``places`` has more
    places: tuple[str, ...] = ()
    # the table that names the files instead
    table: str | None = None
    # paths of the file that describes a track, from the root, or with {place} from its folder; the
    # first that is there counts. None: what ``places`` matches are the files of the sources
    sidecars: tuple[str, ...] = ()
    # yields the sources of a track from its folder and the fields of its sidecar
    parts: Callable[[Path, Fields], Iterator[Part]] | None = None
    # its name in the folder of a track; None: the sum of the sources is the mixture
    mixture: str | None = None
    # whether mono files stand beside stereo ones, and are heard at both loudspeakers
    mono_is_stereo: bool = False
    # what stands for {split} in a place -> split
    splits: Mapping[str, Split] = field(default_factory=lambda: _OWN_SPLITS)
    # the part of a place, or the field of a sidecar, whose hash chooses the split
    group: str | None = None
    # the shipped split file whose map of names holds where a user's has none
    names: str | None = None

    def find_tracks(self, root: Path, splits: Splits | None) -> list[TrackFiles]:
        """Lists the tracks under ``root``, with a sentence for all that is wrong with one.

        Raises:
            ValueError: there are none, one of them is there twice, or sources have names that the
                map does not know, which are listed with how often they occur.
        """
        places = list(self._iter_places(root))
        if not places:
            raise ValueError(f"{root} has no {self.title} tracks; expected {self.expected}.")
        by_track: dict[str, list[Place]] = {}
        for place in places:
            by_track.setdefault(place.fields["track"], []).append(place)
        if self.sidecars:
            found = [self._described(root, places) for places in by_track.values()]
        else:
            found = [self._listed(root, places) for places in by_track.values()]
        names = splits
        if self.names is not None and (splits is None or splits.names is None):
            names = load_splits(self.names)
        labels = _labels(root, [part.name for track in found for part in track.parts], names)
        return [track.files(labels) for track in found]

    def _iter_places(self, root: Path) -> Iterator[Place]:
        """Yields the folders of tracks, or the files of sources, with the names of their tracks."""
        if self.table is not None:
            yield from _rows(root / self.table)
        elif self.sidecars:
            yield from self._folders(root)
        else:
            yield from self._files(root)

    def _files(self, root: Path) -> Iterator[Place]:
        for pattern in self.places:
            for path, fields in iter_places(root, pattern):
                if is_sound_name(path) and path.is_file():
                    yield Place(path, {**fields, "track": path.stem})

    def _folders(self, root: Path) -> list[Place]:
        """Returns the folders of tracks: those with a sidecar, and those that should have one."""
        for pattern in self.places:
            places = [
                Place(path, {**fields, "track": path.name})
                for path, fields in iter_places(root, pattern)
                if path.is_dir() and fields.get(_SPLIT, _NO_SPLIT) in (*self.splits, _NO_SPLIT)
            ]
            has_sidecar = [self._sidecar(root, place).is_file() for place in places]
            # Without any, it is the pattern of another level, with all sounds deep below it.
            if any(has_sidecar):
                return [
                    place
                    for place, is_described in zip(places, has_sidecar, strict=True)
                    if is_described or _has_sounds(place.path)
                ]
        return []

    def _sidecar(self, root: Path, place: Place) -> Path:
        """Returns the path of the file that describes a track, the first where none is there."""
        track = place.fields["track"]
        where = place.path.relative_to(root).as_posix()
        paths = [root / each.format(track=track, place=where) for each in self.sidecars]
        return next((path for path in paths if path.is_file()), paths[0])

    def _described(self, root: Path, places: Sequence[Place]) -> FoundTrack:
        """Returns a track as its sidecar describes it."""
        place = places[0]
        name = place.fields["track"]
        if len(places) > 1:
            raise ValueError(
                f"{root} has the track {name!r} more than once, in {place.path} and "
                f"{places[1].path}; expected it once, remove the other."
            )
        sidecar = self._sidecar(root, place)
        track = FoundTrack(name, place.path, sidecar, mono_is_stereo=self.mono_is_stereo)
        track.split = self._split_of(place, None)
        assert self.parts is not None
        try:
            fields = read_sidecar(sidecar)
            track.split = self._split_of(place, fields)
            track.parts.extend(self.parts(place.path, fields))
        except FileNotFoundError:
            track.errors.append(f"{sidecar} is missing; copy it again from the corpus.")
        except OSError as error:
            track.errors.append(f"{sidecar} cannot be read: {error.strerror}.")
        except ValueError as error:
            track.errors.append(str(error))
        if self.mixture is not None:
            mixture = self.mixture.format(track=name)
            track.parts.insert(0, Part(MIXTURE, place.path / mixture))
        return track

    def _split_of(self, place: Place, fields: Fields | None) -> Split:
        """Returns the split of a track, by its group or by where it lies.

        Args:
            place: of the track.
            fields: of its sidecar; None: it cannot be read, and the track is a group of its own.
        """
        if self.group is None:
            return self.splits[place.fields[_SPLIT]]
        group = place.fields.get(self.group)
        if group is None and fields is not None:
            group = fields.text(self.group)
        return split_of_group(group or place.fields["track"])

    def _listed(self, root: Path, places: Sequence[Place]) -> FoundTrack:
        """Returns a track whose files a table names, or patterns find."""
        name = places[0].fields["track"]
        table = None if self.table is None else root / self.table
        track = FoundTrack(name, root, table)
        track.parts.extend(Part(place.fields["source"], place.path) for place in places)
        said = list(dict.fromkeys(place.fields.get(_SPLIT) for place in places))
        if len(said) > 1:
            raise ValueError(f"{table} says {said[0]} and {said[1]} of {name}; expected one split.")
        track.split = self.splits[said[0]] if said[0] is not None else None
        return track


def split_of_group(group: str) -> Split:
    """Returns the split of all tracks of an artist, which depends on the name alone.

    So a copy that lacks tracks, or has more, has the others where they were.
    """
    name = unicodedata.normalize("NFC", group)
    # 32 bits of a hash are as good as dice: from 0 to below 1.
    place = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32
    if place < _SHARE:
        return "test"
    return "valid" if place < 2 * _SHARE else "train"


def _rows(path: Path) -> Iterator[Place]:
    """Yields the files that a table names; ``ValueError`` where it is none."""
    if not path.is_file():
        return
    expected = f"{', '.join(_COLUMNS)}, and {_SPLIT} if there are any"
    for number, cells in iter_rows(path, _COLUMNS, expected):
        empty = [name for name in _COLUMNS if not cells[name]]
        if empty:
            raise ValueError(f"line {number} of {path} has no {empty[0]}; expected one.")
        if cells.get(_SPLIT, SPLITS[0]) not in SPLITS:
            raise ValueError(
                f"line {number} of {path} says the split {cells[_SPLIT]!r}; expected one of "
                f"{', '.join(SPLITS)}."
            )
        yield Place(path.parent / cells["file"], cells)


def _has_sounds(folder: Path) -> bool:
    return any(is_sound_name(path) for path in folder.rglob("*"))


def _labels(root: Path, sources: Iterable[str], names: Splits | None) -> dict[str, str | None]:
    """Returns the labels of sources by what the corpus calls them, None for what is ignored.

    Raises:
        ValueError: the map of names does not know some of them; it lists all with their counts.
    """
    labels: dict[str, str | None] = {MIXTURE: MIXTURE}
    unknown = []
    counts = Counter(sources)
    for source, count in sorted(counts.items()):
        if source == MIXTURE:
            continue
        try:
            labels[source] = source if names is None else names.label_of_name(source)
        except ValueError:
            unknown.append(f"{source} ({count})")
    if unknown and names is not None:
        raise ValueError(
            f"{root} has sources that the splits {names.name!r} do not name: {', '.join(unknown)}; "
            f"add them to 'names' of a split file, null ignores one."
        )
    return labels
