"""Cuts a track that lies in files into groups of segments, and reads them as one process does.

The estimates of the oracles are made when a group is read.

Axes: K slots, J of them that sound in the track, T frames, C channels, F frequencies.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs.schema import Evaluation
from data_prep.audio import activity
from evaluation.estimates import oracles
from evaluation.estimates.sound_files import Floats
from evaluation.estimates.track_on_disk import TrackOnDisk

# Of audio in a group, which has one segment at least.
_BYTES = 64 * 2**20


class SegmentGroup(NamedTuple):
    """Holds some consecutive segments, and what the track as a whole has to say of them."""

    track: TrackOnDisk
    # (start, stop) of each segment, in frames.
    bounds: Sequence[tuple[int, int]]
    # Where the next group starts: segments may overlap, or leave out the end of a track.
    stop: int
    config: Evaluation
    # Which sources sound in each segment, (segments, K).
    sounding: NDArray[np.bool_] | None = None
    # Of the J sources that are not silent throughout.
    slots: NDArray[np.intp] | None = None
    # Of these sources, (J, F, C, C); None: without oracles.
    covariances: oracles.Spectra | None = None

    @property
    def start(self) -> int:
        """Returns its first frame."""
        return self.bounds[0][0]


class GroupAudio(NamedTuple):
    """Holds some frames of a track."""

    # (T, C)
    mixture: Floats
    # (K, T, C)
    references: Floats
    # System -> (K, T, C).
    estimates: dict[str, NDArray[Any]]


def split(track: TrackOnDisk, num_systems: int, config: Evaluation) -> list[SegmentGroup]:
    """Returns the segments of a track in groups whose audio fits in memory several times.

    Args:
        track: where its audio lies.
        num_systems: under which it is scored.
        config: which segments there are.
    """
    bounds = activity.segments(track.num_frames, track.sample_rate, config)
    size = max(_BYTES // segment_bytes(track, bounds, num_systems), 1)
    groups = []
    for first in range(0, len(bounds), size):
        following = bounds[first + size : first + size + 1]
        stop = following[0][0] if following else track.num_frames
        groups.append(SegmentGroup(track, bounds[first : first + size], stop, config))
    return groups


def segment_bytes(track: TrackOnDisk, bounds: Sequence[tuple[int, int]], num_systems: int) -> int:
    """Returns how much the audio of the longest segment takes.

    It is that of the mixture, the references and the estimates of every system.
    """
    longest = max(stop - start for start, stop in bounds)
    return 8 * longest * track.channels * len(track.vocabulary) * (num_systems + 2)


def load(group: SegmentGroup, first: int, last: int) -> GroupAudio:
    """Reads frames [first, last) of the track of a group, and lets the oracles estimate them."""
    track = group.track
    references = track.read_references(first, last)
    mixture = track.read_mixture(first, last, references)
    estimates: dict[str, NDArray[Any]] = dict(track.read_estimates(first, last))
    if group.covariances is not None:
        # Oracle -> (J, T, C).
        of_oracles = oracles.oracle_stretch(
            partial(_read_sounding, group),
            num_frames=track.num_frames,
            start=first,
            stop=last,
            sample_rate=track.sample_rate,
            covariances=group.covariances,
        )
        for oracle, waveforms in of_oracles.items():
            estimates[oracle] = np.zeros_like(references)
            estimates[oracle][group.slots] = waveforms
    return GroupAudio(mixture, references, estimates)


def sum_covariances(group: SegmentGroup) -> oracles.Spectra:
    """Computes what the frames of a group add to the spatial covariances, (J, F, C, C)."""
    return oracles.covariance_sums(
        partial(_read_sounding, group),
        num_frames=group.track.num_frames,
        start=group.start,
        stop=group.stop,
        sample_rate=group.track.sample_rate,
    )


def _read_sounding(group: SegmentGroup, start: int, stop: int) -> tuple[Floats, Floats]:
    """Reads mixture (T, C) and the references that sound (J, T, C), as the oracles want them."""
    references = group.track.read_references(start, stop)
    return group.track.read_mixture(start, stop, references), references[group.slots]
