"""The tracks of a run as sound files: mixture and references out of the records, estimates out of the network."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np

from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import TrackBlock, TrackInBlocks, iter_tracks_in_blocks
from evaluation.estimates.bars import watch
from evaluation.estimates.estimated_system import EstimatedSystem
from evaluation.estimates.track_on_disk import TrackOnDisk, write_blocks

MODEL = "model"
_MIXTURE = ""  # a name that no source has


def iter_record_estimates(
    subject: EstimatedSystem, skip: Collection[str], scratch: Path
) -> Iterator[TrackOnDisk]:
    """The tracks of a subject with their estimates, each overwritten in ``scratch`` when the next one is asked for.

    Neither references nor estimates are ever whole in memory; the mixture of a track is.

    Raises:
        ValueError: the records cannot be read.
    """
    for track in iter_tracks_in_blocks(subject.manifest, subject.folder, subject.split):
        if track.name not in skip:
            yield _store(subject, track, scratch)


def _store(subject: EstimatedSystem, track: TrackInBlocks, scratch: Path) -> TrackOnDisk:
    audio, sources = subject.config.audio, subject.config.data.sources
    mixture = np.empty((track.num_frames, audio.channels), np.float32)
    references = {name: scratch / f"reference-{sources.index(name)}.wav" for name in track.labels}
    estimates = {name: scratch / f"estimate-{k}.wav" for k, name in enumerate(sources)}
    mixture_file = scratch / "mixture.wav"
    form = audio.sample_rate, audio.channels
    write_blocks(
        {_MIXTURE: mixture_file, **references}, *form, _reference_blocks(track.blocks, mixture)
    )
    blocks = subject.separator.iter_blocks(mixture, track.labels)
    blocks = watch(blocks, f"{track.name} estimated", track.num_frames, audio.sample_rate)
    write_blocks(estimates, *form, (dict(zip(sources, block, strict=True)) for block in blocks))
    return TrackOnDisk(
        track.name, sources, *form, track.num_frames, mixture_file, references, {MODEL: estimates}
    )


def _reference_blocks(
    pieces: Iterator[TrackBlock], mixture: Waveform
) -> Iterator[Mapping[str, Waveform]]:
    """The blocks to write; ``mixture`` is filled on the way, for the network hears it whole."""
    for piece in pieces:
        mixture[piece.start : piece.start + len(piece.mixture)] = piece.mixture
        yield {_MIXTURE: piece.mixture, **piece.sources}
