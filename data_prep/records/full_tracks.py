"""Joins records to whole tracks, for everything that needs a track in full length."""

from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.tracks import Waveform
from data_prep.records.format import Layout, Record
from data_prep.records.manifest import Manifest


class FullTrack(NamedTuple):
    """Holds a track as the network and the scores see it. K slots, T frames, C channels."""

    name: str
    labels: tuple[str, ...]
    # (T, C)
    mixture: Waveform
    # (K, T, C), zeros where a slot is silent.
    references: Waveform
    # (N, 4): onset frame, offset frame, cents and slot; None where nobody knows them.
    notes: NDArray[np.int32] | None = None
    # (K, D), D of 0 where there is none.
    context: NDArray[np.float32] = np.zeros((0, 0), np.float32)

    def cut(self, part: slice) -> "FullTrack":
        """Returns a stretch of the track; its notes count from its first frame."""
        first, stop, _ = part.indices(len(self.mixture))
        notes = self.notes
        if notes is not None:
            inside = (notes[:, 0] < stop) & (notes[:, 1] > first)
            notes = notes[inside] - np.array([first, first, 0, 0], np.int32)
        return self._replace(
            mixture=self.mixture[part], references=self.references[:, part], notes=notes
        )


class TrackBlock(NamedTuple):
    """Holds the frames of a track that one record owns, as samples. T frames, C channels."""

    # The frame of the track with which the block begins.
    start: int
    # (T, C)
    mixture: Waveform
    # (T, C) each; a source that is silent in the block is not there.
    sources: dict[str, Waveform]
    # (N, 4), counted from the beginning of the track: those that sound in the block or its context.
    notes: NDArray[np.int32]


class TrackInBlocks(NamedTuple):
    """Holds a track block by block, for whoever cannot have it in memory."""

    name: str
    num_frames: int
    labels: tuple[str, ...]
    # (K, D), D of 0 where there is none.
    context: NDArray[np.float32]
    # They come in order, and once.
    blocks: Iterator[TrackBlock]


def iter_tracks_in_blocks(manifest: Manifest, folder: str, split: str) -> Iterator[TrackInBlocks]:
    """Yields the tracks of a split; the blocks of one are gone when the next one is asked for.

    Raises:
        ValueError: a record cannot be read, or (from the blocks) the records of a track do not
            tile it.
    """
    entries = {track.name: track for track in manifest.tracks(split)}
    all_records = manifest.iter_records(folder, split)
    for name, group in groupby(all_records, key=lambda record: record.track):
        num_frames = entries[name].num_frames
        # The first record is read to know the labels, and put back before the others.
        records = iter(group)
        first = next(records)
        yield TrackInBlocks(
            name=name,
            num_frames=num_frames,
            labels=first.label_names(manifest.layout.sources),
            context=first.context,
            blocks=_iter_tiles(
                chain([first], records),
                manifest.layout,
                num_frames,
                whose=f"the records of {name} in {folder}",
            ),
        )


def _iter_tiles(
    records: Iterator[Record], layout: Layout, num_frames: int, whose: str
) -> Iterator[TrackBlock]:
    """Yields a block for each record, and refuses records that do not tile ``num_frames``."""
    next_start = 0
    for record in records:
        if record.start != next_start:
            break
        next_start += record.owned_frames
        yield owned_block(record, layout)
    else:
        if next_start == num_frames:
            return
    raise ValueError(f"{whose} do not tile its {num_frames} frames.")


def owned_block(record: Record, layout: Layout) -> TrackBlock:
    """Returns the frames that a record owns."""
    owned = record.owned()
    # (S, T, C) times (S, 1, 1)
    sources = record.sources[:, owned] * record.scales[1:, None, None]
    names = [layout.sources[slot] for slot in record.slots]
    return TrackBlock(
        start=record.start,
        mixture=record.mixture[owned] * record.scales[0],
        sources=dict(zip(names, sources, strict=True)),
        notes=record.notes,
    )


def iter_full_tracks(manifest: Manifest, folder: str, split: str) -> Iterator[FullTrack]:
    """Yields the tracks of a split, joined from the frames that their records own.

    Raises:
        ValueError: a record cannot be read, or the records of a track do not tile it.
    """
    for track in iter_tracks_in_blocks(manifest, folder, split):
        yield join_blocks(track, manifest.layout)


def join_blocks(track: TrackInBlocks, layout: Layout) -> FullTrack:
    """Returns a track as a whole.

    Raises:
        ValueError: comes from the blocks, where a record cannot be read or they do not tile it.
    """
    vocabulary = layout.sources
    # A source that a block does not hold is silent there.
    mixture = np.zeros((track.num_frames, layout.channels), np.float32)
    references = np.zeros((len(vocabulary), track.num_frames, layout.channels), np.float32)
    notes = []
    for block in track.blocks:
        notes.append(block.notes)
        stop = block.start + len(block.mixture)
        mixture[block.start : stop] = block.mixture
        for source, waveform in block.sources.items():
            references[vocabulary.index(source), block.start : stop] = waveform
    return FullTrack(
        track.name, track.labels, mixture, references, join_notes(notes), track.context
    )


def join_notes(blocks: Sequence[NDArray[np.int32]]) -> NDArray[np.int32] | None:
    """Returns the notes (N, 4) of blocks, in which one may come several times, in order of onsets.

    None where no block has any: nobody knows them.
    """
    together = np.concatenate(blocks)
    return np.unique(together, axis=0) if len(together) else None


def load_notes(manifest: Manifest, folder: str, split: str) -> dict[str, NDArray[np.int32] | None]:
    """Reads the notes of every track of a split, for whoever cannot wait until a track has ended.

    Raises:
        ValueError: a record cannot be read.
    """
    found: dict[str, list[NDArray[np.int32]]] = {}
    for record in manifest.iter_records(folder, split):
        found.setdefault(record.track, []).append(record.notes)
    return {name: join_notes(blocks) for name, blocks in found.items()}
