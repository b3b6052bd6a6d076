"""The corpora that can be read, by the name that ``--corpus`` gives them, and which of their tracks take part."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from configs.splits import Splits, load_splits, shipped_splits
from data_prep.audio.tracks import TrackFiles
from data_prep.corpora import bach10, folder, musdb, urmp

OFFICIAL = "official"  # the splits that a corpus itself brings


@dataclass(frozen=True)
class Corpus:
    """A reader, and what was published of its corpus; None where nothing was."""

    find_tracks: Callable[[Path, Splits | None], list[TrackFiles]]
    num_tracks: int | None
    sample_rate: int | None


CORPORA = {
    reader.__name__.rpartition(".")[2]: Corpus(
        reader.find_tracks, reader.NUM_TRACKS, reader.SAMPLE_RATE
    )
    for reader in (bach10, folder, musdb, urmp)
}


@dataclass(frozen=True)
class Listing:
    """What is there of a corpus, before anything is decoded."""

    corpus: str
    root: Path
    splits: Splits | None  # None: official
    tracks: tuple[TrackFiles, ...]  # those that take part, by name
    found: frozenset[str]  # the names of all, with those that the splits exclude


def list_tracks(corpus: str, root: Path, splits: str) -> Listing:
    """The tracks of a corpus and the splits to which they belong.

    Args:
        corpus: a name in ``CORPORA``.
        root: its folder.
        splits: ``official``, a name in configs/splits, or the path of a split file.

    Raises:
        ValueError: there are no such splits, or no tracks, or no track takes part.
    """
    chosen = None if splits == OFFICIAL else load_splits(splits)
    found = sorted(CORPORA[corpus].find_tracks(root, chosen), key=lambda track: track.name)
    if chosen is not None:
        if found and not any(chosen.lists_with(track.name) for track in found):
            raise ValueError(
                f"the splits {splits!r} name no track of {root}, such as {found[0].name!r}; there are also "
                f"{', '.join(name for name in shipped_splits() if name != splits)}, or --splits=MINE.json: an object "
                f"with the field 'rule', a sentence, and lists of names or patterns in 'train', 'valid' and 'test'."
            )
        found = [replace(track, split=chosen.split_of(track.name)) for track in found]
    elif any(track.split is None for track in found):
        raise ValueError(
            f"the corpus {corpus} has no official splits; choose a split file or one of {', '.join(shipped_splits())}."
        )
    tracks = tuple(track for track in found if track.split is not None)
    if not tracks:
        raise ValueError(
            f"the splits {splits!r} exclude every track of {root}; choose other splits."
        )
    return Listing(corpus, root, chosen, tracks, frozenset(track.name for track in found))
