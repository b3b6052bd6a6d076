"""Reads vectors from another modality, such as pictures of the players, for tracks of any corpus.

They come as an npz file that ``numpy.savez`` writes: for each ``TRACK/INSTRUMENT`` one vector, all
of one size.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from configs.instruments import ACCOMPANIMENT
from data_prep.audio.annotations import Annotations
from data_prep.audio.tracks import TrackFiles
from data_prep.corpora import Listing

Vector = tuple[float, ...]

# In a sentence.
_MOST_NAMES = 5


def with_context(listing: Listing, vocabulary: Sequence[str], path: Path) -> Listing:
    """Returns the tracks of a corpus with the vectors of their instruments.

    A track, or an instrument, of which the file has none gets zeros.

    Args:
        listing: holds the tracks.
        vocabulary: names the slots of the records.
        path: is that of the npz file.

    Raises:
        ValueError: it is no such file, its vectors differ in size, or it names what is no track of
            the corpus, or no instrument that may play in it.
    """
    vectors = _read(path)
    by_track: dict[str, dict[str, Vector]] = {}
    for key, vector in vectors.items():
        # Names of tracks may have a / in them, those of instruments have none.
        track, _, instrument = key.rpartition("/")
        by_track.setdefault(track, {})[instrument] = vector
    strange = []
    known = {track.name: _instruments(track, vocabulary) for track in listing.tracks}
    # Of a track that the splits exclude nothing is asked.
    excluded = listing.all_names - set(known)
    for track, context in by_track.items():
        if track not in excluded:
            legal = known.get(track, ())
            strange += [f"{track}/{name}" for name in context if name not in legal]
    if strange:
        more = f" and {len(strange) - _MOST_NAMES} more" if len(strange) > _MOST_NAMES else ""
        raise ValueError(
            f"{path} has vectors of {', '.join(strange[:_MOST_NAMES])}{more}, which name no track "
            f"of {listing.root}, or no instrument of the vocabulary that plays in it; expected "
            f"TRACK/INSTRUMENT, such as {_example(listing.tracks, vocabulary)}."
        )
    size = len(next(iter(vectors.values())))
    nothing = {vocabulary[0]: (0.0,) * size}
    tracks = [replace(each, context=by_track.get(each.name, nothing)) for each in listing.tracks]
    return replace(listing, tracks=tuple(tracks))


def _read(path: Path) -> dict[str, Vector]:
    """Returns the vectors of an npz file by their names; ``ValueError`` where it is none."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            found = {name: np.asarray(arrays[name], np.float32) for name in arrays.files}
    except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, BadZipFile):
        raise ValueError(
            f"{path} cannot be read as an npz file of vectors; expected one by numpy.savez, with a "
            f"vector of numbers for each TRACK/INSTRUMENT."
        ) from None
    shapes = sorted({vector.shape for vector in found.values()})
    if len(shapes) != 1 or len(shapes[0]) != 1 or not shapes[0][0]:
        raise ValueError(
            f"{path} has arrays of the shapes {', '.join(map(str, shapes)) or '(none at all)'}; "
            f"expected vectors, all of one size."
        )
    for name, vector in found.items():
        if not np.isfinite(vector).all():
            raise ValueError(f"{path} has a vector of {name} with what is no finite number.")
    return {name: tuple(vector.tolist()) for name, vector in found.items()}


def _instruments(track: TrackFiles, vocabulary: Sequence[str]) -> tuple[str, ...]:
    """Returns the instruments of the vocabulary that play in a track, or of which nobody knows."""
    said = track.annotations
    if said is None:
        if not track.sources:
            # A stem file holds sources of which only decoding tells.
            return tuple(vocabulary)
        said = Annotations(playing=tuple(name for name, _ in track.sources))
    if ACCOMPANIMENT in vocabulary:
        rest = [name for name in said.playing if name not in vocabulary]
        said = said.renamed(dict.fromkeys(rest, ACCOMPANIMENT))
    return tuple(name for name in vocabulary if said.label_of(name) != 0)


def _example(tracks: Sequence[TrackFiles], vocabulary: Sequence[str]) -> str:
    instruments = _instruments(tracks[0], vocabulary) or tuple(vocabulary)
    return f"{tracks[0].name}/{instruments[0]}"
