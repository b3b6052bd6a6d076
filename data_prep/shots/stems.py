"""Cuts one-shots out of the stems of records, at their onsets."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from configs.splits import SPLITS, Split
from data_prep.audio.conversion import Converter
from data_prep.audio.tracks import AudioFormat, Waveform
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.records.manifest import Manifest
from data_prep.shots.found import new_name, plain
from data_prep.shots.onsets import find_alone
from data_prep.shots.prepared import ShotSettings
from data_prep.shots.shaping import MonoWaveform


class CutSound(NamedTuple):
    """Is a sound that was cut out of a stem."""

    # the track and the time of the onset in it
    source: str
    # KIT/CLASS/NAME, where the kit is the track and the class the stem
    name: str
    kit: str
    class_name: str
    split: Split
    # (frames,), at the rate of the one-shots
    waveform: MonoWaveform


def require_stem(manifest: Manifest, folder: str, stem: str) -> None:
    """Raises a ``ValueError`` where records have no stem of a name."""
    sources = manifest.layout.sources
    if stem not in sources:
        raise ValueError(
            f"the records in {folder} have no stem {stem!r}; expected one of {', '.join(sources)}."
        )
    if not _tracks_with(manifest, stem):
        raise ValueError(f"no track of the records in {folder} has the stem {stem!r}.")


def cut_stems(
    manifest: Manifest, folder: str, stem: str, settings: ShotSettings
) -> Iterator[list[CutSound]]:
    """Yields, for each track that has the stem, the sounds of it that stand alone.

    Raises:
        ValueError: a record cannot be read.
    """
    wanted = _tracks_with(manifest, stem)
    slot = manifest.layout.sources.index(stem)
    rate = manifest.layout.sample_rate
    kits: set[str] = set()
    for split in SPLITS:
        for track in iter_full_tracks(manifest, folder, split):
            if track.name in wanted:
                waveform = _mono(track.references[slot], rate, settings.sample_rate)
                kit = new_name(plain(track.name), kits)
                yield _cut(track.name, kit, split, stem, waveform, settings)


def num_tracks(manifest: Manifest, stem: str) -> int:
    """Returns how many tracks have a stem."""
    return len(_tracks_with(manifest, stem))


def _tracks_with(manifest: Manifest, stem: str) -> set[str]:
    """Returns the names of the tracks that store a source."""
    return {
        track.name
        for split in SPLITS
        for track in manifest.tracks(split)
        if stem in track.num_parts
    }


def _mono(waveform: Waveform, rate: int, wanted_rate: int) -> MonoWaveform:
    """Returns the mean of the channels at another rate: (T, C) -> (T,)."""
    source = AudioFormat(rate, waveform.shape[1])
    converter = Converter(source, len(waveform), AudioFormat(wanted_rate, channels=1))
    converter.add(waveform)
    return converter.result()[:, 0]


def _cut(
    track: str, kit: str, split: Split, stem: str, waveform: MonoWaveform, settings: ShotSettings
) -> list[CutSound]:
    class_name = plain(stem)
    return [
        CutSound(
            source=f"{track} at {cut.onset / settings.sample_rate:.3f} s",
            name=f"{kit}/{class_name}/{number:04d}",
            kit=kit,
            class_name=class_name,
            split=split,
            # a copy, so that the stem itself need not stay in memory
            waveform=np.array(waveform[cut.start : cut.stop]),
        )
        for number, cut in enumerate(find_alone(waveform, settings))
    ]
