"""Takes what is to be heard from the tracks of a run that was scored.

The run estimates these passages anew: scoring does not keep its estimates.

Axes: T frames, C channels.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import TrackInBlocks, iter_tracks_in_blocks
from evaluation.estimates.estimated_system import EstimatedSystem
from evaluation.listening.clips import (
    Choice,
    ClipReader,
    ClipWaveforms,
    RecordedClip,
    choose,
    record,
)
from evaluation.scores.table import Row


def record_run(system: EstimatedSystem, rows: Sequence[Row]) -> list[RecordedClip]:
    """Records what is worth hearing of a run."""
    config = system.config
    choices = choose(rows, config.evaluation.segment_secs)
    return list(record(choices, make_reader(system), config.audio.sample_rate))


def make_reader(system: EstimatedSystem) -> ClipReader:
    """Returns a function of choices.

    It returns the waveforms from which the scores of a choice were computed, but for rounding.
    """
    sample_rate = system.config.audio.sample_rate
    sources = system.config.data.sources
    windows = [network.config.model.window() for network in system.networks]
    # Of a mean, what holds for all of its networks.
    stride = math.lcm(*(window.stride_frames for window in windows))
    lead = max(window.lead_frames for window in windows)

    def read(choice: Choice) -> ClipWaveforms:
        track = _read_track(system, choice.track)
        start, stop = choice.frames(sample_rate, track.num_frames)
        # The network repeats itself under shifts of its stride alone; with its context around them,
        # frames estimated by themselves are those of the whole track.
        first = max(start - lead, 0) // stride * stride
        # The last frame may hang on the frame of the bottleneck that comes after it.
        last = min(stop + lead + stride, track.num_frames)
        mixture, reference = _cut(track, first, last, choice.source)
        # Zeros behind it, which a mixture counts as followed by anyway: lengths that are powers of
        # two are few, and the network is compiled anew for each.
        padded_frames = 2 ** (len(mixture) - 1).bit_length()
        padded = np.pad(mixture, ((0, padded_frames - len(mixture)), (0, 0)))
        # (K, T, C) -> (T, C)
        estimate = system.separator.estimate(padded, track.labels)[sources.index(choice.source)]
        # Without the context.
        heard = slice(start - first, stop - first)
        return ClipWaveforms(mixture[heard], reference[heard], estimate[heard])

    return read


def _read_track(system: EstimatedSystem, name: str) -> TrackInBlocks:
    """Reads a track out of the shards that hold it, without the others."""
    shards = system.manifest.shards[system.split]
    holding = tuple(shard for shard in shards if any(track.name == name for track in shard.tracks))
    manifest = replace(system.manifest, shards={system.split: holding})
    tracks = iter_tracks_in_blocks(manifest, system.folder, system.split)
    return next(track for track in tracks if track.name == name)


def _cut(track: TrackInBlocks, first: int, last: int, source: str) -> tuple[Waveform, Waveform]:
    """Returns frames [first, last) of the mixture and of a source, (T, C) each."""
    mixtures = []
    references = []
    for block in track.blocks:
        # In frames of the block; empty where the block lies outside.
        part = slice(max(first - block.start, 0), max(last - block.start, 0))
        reference = block.sources.get(source, np.zeros_like(block.mixture))
        mixtures.append(block.mixture[part])
        references.append(reference[part])
    return np.concatenate(mixtures), np.concatenate(references)
