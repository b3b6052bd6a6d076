"""Writes the tracks of a run as sound files.

Mixture and references come out of the records, estimates out of the network.

Axes: K slots, T frames, C channels.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import (
    TrackBlock,
    TrackInBlocks,
    iter_tracks_in_blocks,
    load_notes,
)
from evaluation.estimates.estimated_system import EstimatedSystem
from evaluation.estimates.track_on_disk import TrackOnDisk, add_estimates, write_blocks
from trainer.inference.told import Told

# A name that no source has.
_MIXTURE = ""


def iter_record_estimates(
    system: EstimatedSystem, skip: Collection[str], scratch: Path
) -> Iterator[TrackOnDisk]:
    """Yields the tracks of a split with their estimates.

    Neither references nor estimates are ever whole in memory; the mixture of a track is.

    Args:
        system: whose estimates they are, opened with its records.
        skip: names of tracks to leave out.
        scratch: folder of the files, which are overwritten when the next track is asked for.

    Raises:
        ValueError: the records cannot be read.
    """
    notes: Mapping[str, NDArray[Any] | None] = {}
    if system.config.model.takes_notes:
        notes = load_notes(system.manifest, system.folder, system.split)
    for track in iter_tracks_in_blocks(system.manifest, system.folder, system.split):
        if track.name not in skip:
            told = Told(notes.get(track.name), track.context)
            yield _write_track(system, track, told, scratch)


def _write_track(
    system: EstimatedSystem, track: TrackInBlocks, told: Told, scratch: Path
) -> TrackOnDisk:
    audio = system.config.audio
    sources = system.config.data.sources
    mixture_file = scratch / "mixture.wav"
    references = {name: scratch / f"reference-{sources.index(name)}.wav" for name in track.labels}
    # The network hears the mixture whole: it is filled while the references are written.
    mixture = np.empty((track.num_frames, audio.channels), np.float32)
    write_blocks(
        {_MIXTURE: mixture_file, **references},
        sample_rate=audio.sample_rate,
        channels=audio.channels,
        blocks=_reference_blocks(track.blocks, mixture),
    )
    on_disk = TrackOnDisk(
        name=track.name,
        vocabulary=sources,
        sample_rate=audio.sample_rate,
        channels=audio.channels,
        num_frames=track.num_frames,
        mixture=mixture_file,
        references=references,
    )
    labels = system.labels_for(track.name, track.labels)
    estimates = system.separator.told(told).iter_blocks(mixture, labels)
    return add_estimates(on_disk, estimates, scratch)


def _reference_blocks(
    blocks: Iterator[TrackBlock], mixture: Waveform
) -> Iterator[Mapping[str, Waveform]]:
    """Yields the blocks to write, and fills ``mixture`` (T, C) on the way."""
    for block in blocks:
        mixture[block.start : block.start + len(block.mixture)] = block.mixture
        yield {_MIXTURE: block.mixture, **block.sources}
