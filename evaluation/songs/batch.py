"""Separates many songs, one after the other; what is wrong with one is no harm to the others."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from configs import instruments
from data_prep.audio.decoding import DecodedFile
from data_prep.audio.encoding import FORMATS, TooManyChannelsError, read_tags
from data_prep.audio.tracks import Waveform
from data_prep.storage import open_folder
from data_prep.storage.files import checksum
from data_prep.storage.folder import making
from data_prep.storage.lock import keeping
from evaluation.estimates.bars import make_bar
from evaluation.songs.choice import naming
from evaluation.songs.finished import Finished
from evaluation.songs.places import (
    DEFAULT_NAME,
    Place,
    require_apart,
    require_name,
    stem_places,
)
from evaluation.songs.separators import SongSeparator
from evaluation.songs.stems import OpenSong, Wanted


@dataclass(frozen=True)
class Destination:
    """Says where stems go."""

    # Path or address of a folder.
    out: str
    # Of each, without its suffix.
    name: str = DEFAULT_NAME
    overwrite: bool = False


def separate_songs(
    separator: SongSeparator, paths: Sequence[Path], wanted: Wanted, destination: Destination
) -> list[str]:
    """Writes the stems of every song; those that are there already are left as they are.

    Args:
        separator: estimates the sources.
        paths: of the songs.
        wanted: of each.
        destination: of all stems.

    Returns:
        The paths or addresses of the stems, also of those that were there.

    Raises:
        ValueError: a label is unknown, two stems would have one name, or some songs cannot be
            separated; the others are separated first, and of those nothing is written.
    """
    stems = wanted.stems.names
    require_name(destination.name, len(stems))
    # Refuses labels that it does not know, before the first song is read.
    with naming("--labels"):
        separator.label_vector(wanted.labels)
    suffix = FORMATS[wanted.form].suffix
    places = {
        path: stem_places(path, stems, destination.out, destination.name, suffix) for path in paths
    }
    require_apart(places)
    written = []
    refusals = []
    lengths = {path: announced_secs(path) for path in paths}
    made_by = separator.identity()
    with make_bar("all songs", sum(lengths.values()), stays=False) as bar:
        for path in paths:
            begun_secs = bar.n
            try:
                written += _separate_song(
                    separator, path, wanted, destination, places[path], made_by, bar.update
                )
            except ValueError as error:
                named = str(path) in str(error)
                refusals.append(str(error) if named else f"{path}: {error}")
                continue
            finally:
                # A song may be longer or shorter than it says, refused, or there already.
                bar.update(begun_secs + lengths[path] - bar.n)
    if refusals:
        of_all = ""
        if len(paths) > 1:
            of_all = f"{len(refusals)} of {len(paths)} were not separated: "
        raise ValueError(of_all + " ".join(refusals))
    return written


def announced_secs(path: Path) -> float:
    """Returns how long a song says it is; 0 where it does not, or cannot be opened."""
    try:
        song = DecodedFile(path)
    except ValueError:
        return 0.0
    song.close()
    return (song.num_announced or 0) / song.audio_format.sample_rate


def _open_blocks(path: Path, downmix: bool) -> Iterator[Waveform]:
    """Yields the blocks of a song, (frames, C), from its beginning."""
    sound = DecodedFile(path, downmix=downmix)
    try:
        yield from sound.iter_blocks()
    finally:
        sound.close()


def _as_heard(path: Path, wanted: Wanted, heard: Sequence[str]) -> Wanted:
    """Returns what is wanted of a song in which instruments were heard, and says which.

    Raises:
        ValueError: none was, and nothing else is wanted.
    """
    names = [instruments.name_of(label) for label in heard]
    print(f"{path.name}: heard {', '.join(names) or 'no instrument'}", flush=True)
    of_song = wanted.with_labels(heard)
    if not of_song.stems.names:
        raise ValueError(
            f"{path}: no instrument was heard in it, so that there is nothing to write; name those "
            "that play with --labels, or the stems with --write."
        )
    return of_song


def _separate_song(
    separator: SongSeparator,
    path: Path,
    wanted: Wanted,
    destination: Destination,
    places: Mapping[str, Place],
    made_by: Mapping[str, Any],
    progress: Callable[[float], Any],
) -> list[str]:
    """Writes the stems of one song that are not there, all or none; returns where all are."""
    # Before any folder is made.
    sound = DecodedFile(path, downmix=wanted.downmix)
    for_song = separator.for_song(partial(_open_blocks, path, wanted.downmix), sound.audio_format)
    if for_song.labels_heard is not None:
        wanted = _as_heard(path, wanted, for_song.labels_heard)
        places = {name: places[name] for name in wanted.stems.names}
    try:
        song = OpenSong(for_song, sound, read_tags(path), wanted)
    except TooManyChannelsError as error:
        raise ValueError(f"{error} --downmix does so.") from error
    made_of = {"song": checksum(path)._asdict(), **made_by}
    makings = {name: {**made_of, **wanted.of_stem(name)} for name in places}
    folders = {place.folder: open_folder(place.folder) for place in places.values()}
    with ExitStack() as stack:
        finished = {}
        for url, folder in folders.items():
            stack.enter_context(keeping(folder, "--out"))
            finished[url] = Finished(folder, destination.overwrite)
        missing = {
            name: place
            for name, place in places.items()
            if finished[place.folder].lacks(place.file, makings[name])
        }
        if not missing:
            print(f"{path.name}: there already", flush=True)
            return list(map(str, places.values()))
        # Each appears under its name when this stack is left, when all of them are whole.
        with ExitStack() as putting:
            files = {
                name: putting.enter_context(making(folders[place.folder], place.file))
                for name, place in missing.items()
            }
            scratch = next(iter(folders.values())).scratch
            made = song.write_stems(files, scratch, progress)
            for name, place in missing.items():
                finished[place.folder].note(place.file, makings[name], checksum(files[name]))
            for of_folder in finished.values():
                of_folder.write()
    for warning in made.warnings:
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    remark = made.remark(wanted.form)
    line = f"{path.name}: {', '.join(places)} -> {', '.join(folders)}"
    print(f"{line}; {remark}" if remark else line, flush=True)
    return list(map(str, places.values()))
