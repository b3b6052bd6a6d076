"""Records back to whole tracks, for everything that needs a track in full length."""

from collections.abc import Iterator
from itertools import chain, groupby
from typing import NamedTuple

import numpy as np

from data_prep.audio.tracks import Waveform
from data_prep.records.format import Record
from data_prep.records.manifest import Manifest


class FullTrack(NamedTuple):
    """A track as the network and the scores see it. K slots, T frames, C channels."""

    name: str
    labels: tuple[str, ...]
    mixture: Waveform  # (T, C)
    references: Waveform  # (K, T, C), zeros where a slot is silent


class Piece(NamedTuple):
    """The frames of a track that one record owns."""

    start: int
    mixture: Waveform  # (T, C)
    sources: dict[str, Waveform]  # (T, C) each; what is silent is not there


class StoredPieces(NamedTuple):
    """A track piece by piece, for whoever cannot hold it in memory."""

    name: str
    num_frames: int
    labels: tuple[str, ...]
    pieces: Iterator[Piece]  # in order, once


def iter_tracks(manifest: Manifest, folder: str, split: str) -> Iterator[StoredPieces]:
    """The tracks of a split; the pieces of one are gone when the next one is asked for.

    Raises:
        ValueError: a record cannot be read, or (from the pieces) the records of a track do not tile it.
    """
    entries = {track.name: track for track in manifest.tracks(split)}
    for name, records in groupby(
        manifest.iter_records(folder, split), key=lambda record: record.track
    ):
        if name not in entries:
            raise ValueError(
                f"{folder} holds records of {name}, which its manifest does not name; write them again."
            )
        ours = iter(records)
        first = next(ours)
        vocabulary, num_frames = manifest.layout.sources, entries[name].num_frames
        labels = tuple(
            source for source, label in zip(vocabulary, first.labels, strict=True) if label
        )
        pieces = _pieces(
            chain([first], ours), vocabulary, f"the records of {name} in {folder}", num_frames
        )
        yield StoredPieces(name, num_frames, labels, pieces)


def _pieces(
    records: Iterator[Record], vocabulary: tuple[str, ...], what: str, num_frames: int
) -> Iterator[Piece]:
    reached = 0
    for record in records:
        if record.start != reached:
            break
        owned, reached = record.owned(), reached + record.owned_frames
        sources = record.sources[:, owned] * record.scales[1:, None, None]
        names = [vocabulary[slot] for slot in record.slots]
        yield Piece(
            record.start,
            record.mixture[owned] * record.scales[0],
            dict(zip(names, sources, strict=True)),
        )
    else:
        if reached == num_frames:
            return
    raise ValueError(f"{what} do not tile its {num_frames} frames.")


def iter_full_tracks(manifest: Manifest, folder: str, split: str) -> Iterator[FullTrack]:
    """The tracks of a split, put together from the frames that their records own.

    Raises:
        ValueError: a record cannot be read, or the records of a track do not tile it.
    """
    vocabulary, channels = manifest.layout.sources, manifest.layout.channels
    for track in iter_tracks(manifest, folder, split):
        mixture = np.empty((track.num_frames, channels), np.float32)
        references = np.zeros((len(vocabulary), track.num_frames, channels), np.float32)
        for piece in track.pieces:
            place = slice(piece.start, piece.start + len(piece.mixture))
            mixture[place] = piece.mixture
            for source, waveform in piece.sources.items():
                references[vocabulary.index(source), place] = waveform
        yield FullTrack(track.name, track.labels, mixture, references)
