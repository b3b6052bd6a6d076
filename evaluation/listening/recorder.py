"""Takes what is to be heard from the tracks of a run that was scored.

The run estimates these passages anew: scoring does not keep its estimates. What its network made of
them before it learnt anything is estimated beside it, for the common passage alone.

Axes: K slots, T frames, C channels.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np

from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import TrackInBlocks, iter_tracks_in_blocks, join_notes
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
from trainer.inference.base import BaseSeparator
from trainer.inference.told import Told


@dataclass(frozen=True)
class _Stretch:
    """Holds the same seconds of a track for all of its sources."""

    # (T, C)
    mixture: Waveform
    # Source -> (T, C); a source that the track does not have is not there.
    references: Mapping[str, Waveform]
    # (K, T, C), and the same of the network before its training.
    estimates: Waveform
    untrained: Waveform | None = None


def record_run(system: EstimatedSystem, rows: Sequence[Row]) -> list[RecordedClip]:
    """Records what is worth hearing of a run."""
    config = system.config
    choices = choose(rows, config.evaluation.segment_secs)
    return list(record(choices, make_reader(system), config.audio.sample_rate))


def make_reader(system: EstimatedSystem) -> ClipReader:
    """Returns a function of choices.

    It returns the waveforms from which the scores of a choice were computed, but for rounding, and
    of a common choice also what the network made of it before its training, where that is known.
    """
    sources = system.config.data.sources

    @cache
    def before_training() -> BaseSeparator | None:
        return system.separator.before_training()

    # The common choices follow each other: they are the same seconds, estimated once.
    @lru_cache(maxsize=1)
    def read_stretch(of_any_source: Choice) -> _Stretch:
        if of_any_source.why == "common":
            return _read_stretch(system, of_any_source, before_training())
        return _read_stretch(system, of_any_source, None)

    def read(choice: Choice) -> ClipWaveforms:
        stretch = read_stretch(replace(choice, source=""))
        slot = sources.index(choice.source)
        untrained = None
        if stretch.untrained is not None:
            untrained = stretch.untrained[slot]
        return ClipWaveforms(
            mixture=stretch.mixture,
            reference=stretch.references.get(choice.source, np.zeros_like(stretch.mixture)),
            estimate=stretch.estimates[slot],
            untrained=untrained,
        )

    return read


def _read_stretch(
    system: EstimatedSystem, choice: Choice, before_training: BaseSeparator | None
) -> _Stretch:
    windows = [network.config.model.window() for network in system.networks]
    # Of a mean, what holds for all of its networks.
    stride = math.lcm(*(window.stride_frames for window in windows))
    reach = max(window.reach_frames for window in windows)
    track = _read_track(system, choice.track)
    start, stop = choice.frames(system.config.audio.sample_rate, track.num_frames)
    # An estimate repeats itself under shifts of its stride alone; with all that it hears around
    # them, frames estimated by themselves are those of the whole track.
    first = max(start - reach, 0) // stride * stride
    # The last frame may hang on the frame of the bottleneck that comes after it.
    last = min(stop + reach + stride, track.num_frames)
    mixture, references, told = _cut(track, first, last)
    # Zeros behind it, which a mixture counts as followed by anyway: lengths that are powers of
    # two are few, and the network is compiled anew for each.
    padded_frames = 2 ** (len(mixture) - 1).bit_length()
    padded = np.pad(mixture, ((0, padded_frames - len(mixture)), (0, 0)))
    labels = system.labels_for(track.name, track.labels)
    # Without the context.
    heard = slice(start - first, stop - first)
    stretch = _Stretch(
        mixture=mixture[heard],
        references={source: waveform[heard] for source, waveform in references.items()},
        estimates=system.separator.told(told).estimate(padded, labels)[:, heard],
    )
    if before_training is None:
        return stretch
    untrained = before_training.told(told).estimate(padded, labels)[:, heard]
    return replace(stretch, untrained=untrained)


def _read_track(system: EstimatedSystem, name: str) -> TrackInBlocks:
    """Reads a track out of the shards that hold it, without the others."""
    shards = system.manifest.shards[system.split]
    holding = tuple(shard for shard in shards if any(track.name == name for track in shard.tracks))
    manifest = replace(system.manifest, shards={system.split: holding})
    tracks = iter_tracks_in_blocks(manifest, system.folder, system.split)
    return next(track for track in tracks if track.name == name)


def _cut(track: TrackInBlocks, first: int, last: int) -> tuple[Waveform, dict[str, Waveform], Told]:
    """Returns frames [first, last) of the mixture and of every source of a track, (T, C) each.

    What is told of them counts from ``first`` on.
    """
    mixtures = []
    notes = []
    references = defaultdict(list)
    for block in track.blocks:
        notes.append(block.notes)
        # Not even an empty part, which would keep the block in memory.
        if last <= block.start or first >= block.start + len(block.mixture):
            continue
        # In frames of the block.
        part = slice(max(first - block.start, 0), last - block.start)
        mixtures.append(block.mixture[part])
        for source in track.labels:
            reference = block.sources.get(source, np.zeros_like(block.mixture))
            references[source].append(reference[part])
    joined = {source: np.concatenate(parts) for source, parts in references.items()}
    told = Told(join_notes(notes), track.context)
    return np.concatenate(mixtures), joined, told.later(-first)
