"""The sounds of a run that was scored: stretches of its tracks, estimated anew instead of being kept from scoring."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from data_prep.assemble import FullTrack, iter_full_tracks
from evaluation.clips import Read, Recording, Stretch, choose, record
from evaluation.scores import Row
from evaluation.subject import Subject


def record_clips(subject: Subject, rows: Sequence[Row]) -> list[Recording]:
    """Record what is worth hearing."""
    config = subject.config
    choices = choose(rows, config.evaluation.segment_secs)
    return list(record(choices, make_reader(subject), config.data.sources, config.audio.sample_rate))


def make_reader(subject: Subject) -> Read:
    """A function (track, first second, last second) -> what the scores were computed from, but for rounding."""
    rate, geometry = subject.config.audio.sample_rate, subject.config.model.geometry()

    @lru_cache(maxsize=1)  # the stretches of a track often come one after the other
    def load(name: str) -> FullTrack:
        return _load(subject, name)

    def read(name: str, start_secs: float, stop_secs: float) -> Stretch:
        track = load(name)
        start, stop = round(start_secs * rate), min(round(stop_secs * rate), len(track.mixture))
        # The network repeats itself under shifts of its stride alone; with its context around them, the frames of a
        # stretch are those of the whole track.
        first = max(start - geometry.context_frames, 0) // geometry.stride * geometry.stride
        last = stop + geometry.context_frames
        estimates = subject.separator.estimate(track.mixture[first:last], track.labels)
        kept = estimates[:, start - first : stop - first]
        return Stretch(track.mixture[start:stop], track.references[:, start:stop], kept)

    return read


def _load(subject: Subject, name: str) -> FullTrack:
    """A track out of the shards that hold it, without the others."""
    shards = subject.manifest.shards[subject.split]
    holding = tuple(shard for shard in shards if any(track.name == name for track in shard.tracks))
    manifest = replace(subject.manifest, shards={subject.split: holding})
    return next(track for track in iter_full_tracks(manifest, subject.folder, subject.split) if track.name == name)
