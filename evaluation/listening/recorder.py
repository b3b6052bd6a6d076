"""The sounds of a run that was scored: stretches of its tracks, estimated anew instead of being kept from scoring.

Axes: T frames, C channels.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import TrackInBlocks, iter_tracks_in_blocks
from evaluation.estimates.estimated_system import EstimatedSystem
from evaluation.estimates.from_folders import MODEL
from evaluation.estimates.track_on_disk import TrackOnDisk
from evaluation.listening.clips import Choice, ClipWaveforms, Read, RecordedClip, choose, record
from evaluation.scores.table import Row


def record_run(subject: EstimatedSystem, rows: Sequence[Row]) -> list[RecordedClip]:
    """Record what is worth hearing of a run."""
    config = subject.config
    choices = choose(rows, config.evaluation.segment_secs)
    return list(record(choices, make_reader(subject), config.audio.sample_rate))


def make_reader(subject: EstimatedSystem) -> Read:
    """A function of choices that returns what their scores were computed from, but for rounding."""
    rate, geometry = subject.config.audio.sample_rate, subject.config.model.window()

    def read(choice: Choice) -> ClipWaveforms:
        track, slot = _find(subject, choice.track), subject.config.data.sources.index(choice.source)
        start, stop = choice.frames(rate, track.num_frames)
        # The network repeats itself under shifts of its stride alone; with its context around them, the frames of a
        # stretch are those of the whole track.
        stride = geometry.stride_frames
        first = max(start - geometry.lead_frames, 0) // stride * stride
        last = min(stop + geometry.lead_frames, track.num_frames)
        mixture, reference = _assemble(track, first, last, choice.source)
        # Zeros behind it, which a mixture counts as followed by anyway: few lengths, as each is compiled anew.
        padded = np.pad(mixture, ((0, 2 ** (len(mixture) - 1).bit_length() - len(mixture)), (0, 0)))
        estimate = subject.separator.estimate(padded, track.labels)[slot]
        kept = slice(start - first, stop - first)
        return ClipWaveforms(mixture[kept], reference[kept], estimate[kept])

    return read


def _find(subject: EstimatedSystem, name: str) -> TrackInBlocks:
    """A track out of the shards that hold it, without the others."""
    shards = subject.manifest.shards[subject.split]
    holding = tuple(shard for shard in shards if any(track.name == name for track in shard.tracks))
    manifest = replace(subject.manifest, shards={subject.split: holding})
    return next(
        track
        for track in iter_tracks_in_blocks(manifest, subject.folder, subject.split)
        if track.name == name
    )


def _assemble(
    track: TrackInBlocks, first: int, last: int, source: str
) -> tuple[Waveform, Waveform]:
    """Frames [first, last) of the mixture and of a source, (T, C) each."""
    mixtures, references = [], []
    for piece in track.blocks:
        part = slice(max(first - piece.start, 0), max(last - piece.start, 0))
        mixtures.append(piece.mixture[part])
        references.append(piece.sources.get(source, np.zeros_like(piece.mixture))[part])
    return np.concatenate(mixtures), np.concatenate(references)


def make_file_reader(tracks: Sequence[TrackOnDisk]) -> Read:
    """Returns a function of choices that reads what is to be heard of tracks in files."""
    by_name = {track.name: track for track in tracks}

    def read(choice: Choice) -> ClipWaveforms:
        track = by_name[choice.track]
        start, stop = choice.frames(track.sample_rate, track.num_frames)
        slot = track.vocabulary.index(choice.source)
        references = track.read_references(start, stop)
        estimates = track.read_estimates(start, stop)
        return ClipWaveforms(
            mixture=track.read_mixture(start, stop, references),
            reference=references[slot],
            estimate=estimates[MODEL][slot],
        )

    return read
