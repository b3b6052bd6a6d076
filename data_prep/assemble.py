"""Records back to whole tracks, for everything that needs a track in full length."""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from data_prep.manifest import Manifest
from data_prep.records import Record
from data_prep.tracks import Waveform


class FullTrack(NamedTuple):
    """A track as the network and the scores see it. K slots, T frames, C channels."""

    name: str
    labels: tuple[str, ...]
    mixture: Waveform  # (T, C)
    references: Waveform  # (K, T, C), zeros where a slot is silent


def iter_full_tracks(manifest: Manifest, folder: str, split: str) -> Iterator[FullTrack]:
    """The tracks of a split, put together from the frames that their records own.

    Raises:
        ValueError: a record cannot be read, or the records of a track do not tile it.
    """
    expected = {track.name: track.num_frames for track in manifest.tracks(split)}
    for name, group in groupby(manifest.iter_records(folder, split), key=lambda record: record.track):
        records = list(group)
        starts = np.cumsum([0, *(record.owned_frames for record in records)])
        if [record.start for record in records] != starts[:-1].tolist() or starts[-1] != expected.get(name):
            raise ValueError(f"the records of {name} in {folder} do not tile its {expected.get(name)} frames.")
        yield _join(name, records, manifest.layout.sources)


def _join(name: str, records: list[Record], vocabulary: tuple[str, ...]) -> FullTrack:
    num_frames, channels = sum(record.owned_frames for record in records), records[0].mixture.shape[1]
    mixture = np.empty((num_frames, channels), np.float32)
    references = np.zeros((len(vocabulary), num_frames, channels), np.float32)
    for record in records:
        place, owned = slice(record.start, record.start + record.owned_frames), record.owned()
        mixture[place] = record.mixture[owned] * record.scales[0]
        references[record.slots, place] = record.sources[:, owned] * record.scales[1:, None, None]
    labels = tuple(source for source, label in zip(vocabulary, records[0].labels, strict=True) if label)
    return FullTrack(name, labels, mixture, references)
