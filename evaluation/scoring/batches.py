"""Some segments of a track that lies in files, as one process reads them, estimates of the oracles included."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs.schema import Evaluation
from data_prep.audio import activity
from evaluation.estimates import oracles
from evaluation.estimates.track_on_disk import Floats, TrackOnDisk

_BYTES = 64 * 2**20  # of audio in a task, or one segment


class SegmentGroup(NamedTuple):
    """Some segments, and what the track as a whole has to say of them."""

    track: TrackOnDisk
    bounds: Sequence[tuple[int, int]]
    stop: int  # where the next task starts
    config: Evaluation
    sounding: NDArray[np.bool_] | None = None  # (segments, K)
    slots: NDArray[np.intp] | None = None  # of the J sources that are not silent throughout
    covariances: oracles.Spectra | None = None  # None: without oracles

    @property
    def start(self) -> int:
        """Its first frame."""
        return self.bounds[0][0]


class GroupAudio(NamedTuple):
    """A stretch of a track."""

    mixture: Floats  # (T, C)
    references: Floats  # (K, T, C)
    estimates: dict[str, NDArray[Any]]  # system -> (K, T, C)


def split(track: TrackOnDisk, systems: int, config: Evaluation) -> list[SegmentGroup]:
    """Segments in groups whose audio is not much, under so many systems."""
    bounds = activity.segments(track.num_frames, track.sample_rate, config)
    each = max(_BYTES // segment_bytes(track, bounds, systems), 1)
    parts = [bounds[i : i + each] for i in range(0, len(bounds), each)]
    stops = [*(part[0][0] for part in parts[1:]), track.num_frames]
    return [
        SegmentGroup(track, part, stop, config) for part, stop in zip(parts, stops, strict=True)
    ]


def segment_bytes(track: TrackOnDisk, bounds: Sequence[tuple[int, int]], systems: int) -> int:
    """Of the audio of the longest segment: mixture and references, and every system."""
    longest = max(stop - start for start, stop in bounds)
    return 8 * longest * track.channels * len(track.vocabulary) * (systems + 2)


def load(task: SegmentGroup, first: int, last: int) -> GroupAudio:
    """Frames [first, last) of the track of a task."""
    track = task.track
    references, estimates = (
        track.read_references(first, last),
        dict(track.read_estimates(first, last)),
    )
    mixture = track.read_mixture(first, last, references)
    if task.covariances is not None:
        stretch = track.num_frames, first, last, track.sample_rate, task.covariances
        for oracle, waveforms in oracles.oracle_stretch(partial(_sounding, task), *stretch).items():
            estimates[oracle] = np.zeros_like(references)
            estimates[oracle][task.slots] = waveforms
    return GroupAudio(mixture, references, estimates)


def sum_covariances(task: SegmentGroup) -> oracles.Spectra:
    """What the frames of a task add to the spatial covariances."""
    stretch = task.track.num_frames, task.start, task.stop, task.track.sample_rate
    return oracles.covariance_sums(partial(_sounding, task), *stretch)


def _sounding(task: SegmentGroup, start: int, stop: int) -> tuple[Floats, Floats]:
    """Mixture and references as the oracles read them."""
    references = task.track.read_references(start, stop)
    return task.track.read_mixture(start, stop, references), references[task.slots]
