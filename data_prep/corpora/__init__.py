"""Lists the corpora that can be read, and tells which of their tracks take part.

A reader is a module here: it has ``NUM_TRACKS`` and ``SAMPLE_RATE``, as they were published, or
None, and ``find_tracks``, which lists files and decodes nothing.

bach10   reads Bach10
folder   reads any folder of a user's own
layouts  reads what is declared: MoisesDB, Slakh2100, MedleyDB, folders per instrument, a table
music    reads any folder of sound files, of which nothing else is known
musdb    reads MUSDB18 and MUSDB18-HQ
one_shots  reads single sounds that data_prep.one_shots prepared
urmp     reads URMP
unused   names what no track uses
labels_file  reads what a user says of the tracks of a folder
context_file  reads vectors that a user has of the instruments of tracks
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from configs.splits import Splits, load_splits, shipped_splits
from data_prep.audio.tracks import TrackFiles
from data_prep.corpora import bach10, folder, musdb, music, one_shots, urmp
from data_prep.corpora.labels_file import FILE_NAME
from data_prep.corpora.layouts import csv_table, instruments, medleydb, moisesdb, slakh
from data_prep.corpora.unused import find_unused

# the splits that a corpus itself brings
OFFICIAL = "official"


@dataclass(frozen=True)
class Corpus:
    """Holds a reader, and what was published of its corpus; None where nothing was."""

    find_tracks: Callable[[Path, Splits | None], list[TrackFiles]]
    num_tracks: int | None
    sample_rate: int | None
    # what may be done with it, a sentence; None where this program does not know
    terms: str | None = None
    # what lies in its folder beside the tracks
    own_files: tuple[str, ...] = ()
    # patterns of folders that take no part -> the reason
    left_out: Mapping[str, str] = field(default_factory=dict)


# by the names that --corpus gives them
CORPORA = {
    "bach10": Corpus(bach10.find_tracks, bach10.NUM_TRACKS, bach10.SAMPLE_RATE),
    "csv": Corpus(csv_table.LAYOUT.find_tracks, csv_table.NUM_TRACKS, csv_table.SAMPLE_RATE),
    "folder": Corpus(folder.find_tracks, folder.NUM_TRACKS, folder.SAMPLE_RATE),
    "instruments": Corpus(
        instruments.LAYOUT.find_tracks, instruments.NUM_TRACKS, instruments.SAMPLE_RATE
    ),
    "medleydb": Corpus(
        medleydb.LAYOUT.find_tracks,
        medleydb.NUM_TRACKS,
        medleydb.SAMPLE_RATE,
        left_out=medleydb.LEFT_OUT,
    ),
    "moisesdb": Corpus(moisesdb.LAYOUT.find_tracks, moisesdb.NUM_TRACKS, moisesdb.SAMPLE_RATE),
    "music": Corpus(music.find_tracks, music.NUM_TRACKS, music.SAMPLE_RATE),
    "musdb": Corpus(musdb.find_tracks, musdb.NUM_TRACKS, musdb.SAMPLE_RATE, musdb.TERMS),
    "one_shots": Corpus(
        one_shots.find_tracks,
        one_shots.NUM_TRACKS,
        one_shots.SAMPLE_RATE,
        own_files=one_shots.OWN_FILES,
    ),
    "slakh": Corpus(
        slakh.LAYOUT.find_tracks, slakh.NUM_TRACKS, slakh.SAMPLE_RATE, left_out=slakh.LEFT_OUT
    ),
    "urmp": Corpus(urmp.find_tracks, urmp.NUM_TRACKS, urmp.SAMPLE_RATE),
}


@dataclass(frozen=True)
class Listing:
    """Holds the tracks of a corpus before anything is decoded."""

    corpus: str
    # The path of its folder, or the address.
    root: str
    # None, or without lists: official
    splits: Splits | None
    # those that take part, by name
    tracks: tuple[TrackFiles, ...]
    # the names of all tracks, with those that the splits exclude
    all_names: frozenset[str]
    # what lies in the folder and no track uses, a sentence each
    unused: tuple[str, ...] = ()


def list_tracks(corpus: str, root: Path, splits: str, beside: Sequence[Path] = ()) -> Listing:
    """Lists the tracks of a corpus and the splits to which they belong.

    Args:
        corpus: a name in ``CORPORA``.
        root: its folder.
        splits: ``official``, a name in configs/splits, or the path of a split file.
        beside: files that are read beside the tracks, should they lie in the folder.

    Raises:
        ValueError: there are no such splits, or no tracks, or no track takes part.
    """
    split_file = None
    if splits != OFFICIAL:
        split_file = load_splits(splits)
    all_tracks = CORPORA[corpus].find_tracks(root, split_file)
    all_tracks.sort(key=lambda track: track.name)
    if split_file is not None and not split_file.official:
        _refuse_foreign(split_file, all_tracks, root)
        all_tracks = [replace(track, split=split_file.split_of(track.name)) for track in all_tracks]
    elif any(track.split is None for track in all_tracks):
        raise ValueError(
            f"the corpus {corpus} has no official splits; choose a split file or one of "
            f"{', '.join(_splits_with_lists())}."
        )
    tracks = tuple(track for track in all_tracks if track.split is not None)
    if not tracks:
        raise ValueError(
            f"the splits {splits!r} exclude every track of {root}; choose other splits."
        )
    used = [path for track in all_tracks for path in track.paths]
    is_labelled = any(track.annotations for track in all_tracks)
    tables = [*beside, *(notes.path for track in all_tracks for notes in track.notes)]
    tables += [path for track in all_tracks for path in track.tables]
    tables += [root / name for name in CORPORA[corpus].own_files]
    if is_labelled:
        tables.append(root / FILE_NAME)
    return Listing(
        corpus=corpus,
        root=str(root),
        splits=split_file,
        tracks=tracks,
        all_names=frozenset(track.name for track in all_tracks),
        unused=tuple(find_unused(root, used, tables, CORPORA[corpus].left_out)),
    )


def _splits_with_lists() -> list[str]:
    """Returns the names of the shipped splits that name tracks."""
    return [name for name in shipped_splits() if not load_splits(name).official]


def _refuse_foreign(splits: Splits, tracks: list[TrackFiles], root: Path) -> None:
    """Raises a ``ValueError`` where splits name none of the tracks: they are of another corpus."""
    if not tracks or any(splits.lists_with(track.name) for track in tracks):
        return
    others = [name for name in _splits_with_lists() if name != splits.name]
    raise ValueError(
        f"the splits {splits.name!r} name no track of {root}, such as {tracks[0].name!r}; there "
        f"are also {', '.join(others)}, or --splits=MINE.json: an object with the field 'rule', "
        f"a sentence, and lists of names or patterns in 'train', 'valid' and 'test'."
    )
