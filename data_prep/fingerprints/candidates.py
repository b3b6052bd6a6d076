"""Finds pairs of waveforms that may hold the same recording, by their sketches.

After Wang, "An industrial-strength audio search algorithm", ISMIR 2003. The local maxima in time of
a sketch are landmarks, each paired with the ones that follow. Where two sketches have many pairs at
one distance in time, and then the same tones nearly everywhere, they may be one recording.
Performances of one score can come near to that, so a suspicion from here is confirmed on the
samples themselves (data_prep.fingerprints.leaks).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from data_prep.fingerprints.sketches import Sketch, share_of_same_tones

# (N, 2): a pair of tones as a number, and the time of the first in hops
_Landmarks = NDArray[np.int32]

# A landmark's band is not louder so many hops before and after it.
_NEIGHBOURS = 3
# so many of the landmarks that follow are paired with each
_FOLLOWERS = 4
# between the two of a pair: 3 s
_MAX_HOPS = 63
# Of one pair of tones, about so many occurrences in a corpus are looked at.
_MAX_OCCURRENCES = 64
_MIN_VOTES = 8
# of the landmarks of the waveform that has fewer, this share must vote
_MIN_SHARE = 0.03
# this share of the tones must be the same
_MIN_SAME = 0.45


class Candidate(NamedTuple):
    """Names two waveforms that may hold the same recording."""

    one: int
    other: int
    # time in the one minus time in the other
    offset_hops: int


def find_candidates(sketches: Sequence[Sketch], tracks: Sequence[int]) -> list[Candidate]:
    """Returns the pairs of waveforms that seem to share a recording.

    Args:
        sketches: one of each waveform.
        tracks: the track of each waveform, ascending; waveforms of one track are not compared.
    """
    landmarks = [_landmarks(sketch) for sketch in sketches]
    counts = np.array([len(own) for own in landmarks])
    index = _Index(landmarks, tracks)
    candidates = []
    for one in range(len(landmarks)):
        others, offsets, votes = _best_offsets(index.look_up(one))
        fewer = np.minimum(counts[one], counts[others])
        enough = votes >= np.maximum(_MIN_VOTES, _MIN_SHARE * fewer)
        for other, offset in zip(others[enough].tolist(), offsets[enough].tolist(), strict=True):
            if share_of_same_tones(sketches[one], sketches[other], offset) >= _MIN_SAME:
                candidates.append(Candidate(one, other, offset))
    return candidates


def _landmarks(sketch: Sketch) -> _Landmarks:
    """Returns the landmarks of a sketch, each with some of those that follow it.

    A pair of tones is a number of 22 bits: the bins of both (8 bits each) and the hops between them
    (6 bits).
    """
    levels = sketch[:, :, 1]
    # (hops, bands); silence is no landmark
    is_peak = (levels == maximum_filter1d(levels, 2 * _NEIGHBOURS + 1, axis=0)) & (levels > 0)
    # (N,) each, ascending in time
    times, bands = np.nonzero(is_peak)
    tones = sketch[times, bands, 0].astype(np.int32)
    landmarks = [np.zeros((0, 2), np.int32)]
    for k in range(1, _FOLLOWERS + 1):
        hops = times[k:] - times[:-k]
        pairs = (tones[:-k] << 14) | (tones[k:] << 6) | hops
        is_near = (hops > 0) & (hops <= _MAX_HOPS)
        landmarks.append(np.stack([pairs, times[:-k]], axis=1)[is_near])
    return np.concatenate(landmarks).astype(np.int32)


class _Index:
    """Finds the landmarks that a waveform has in common with those of later tracks.

    All landmarks are sorted by their pairs of tones and within a pair by track. So the occurrences
    of a pair in later tracks follow each other: only they are looked at, and two tracks are
    compared once.
    """

    def __init__(self, landmarks: Sequence[_Landmarks], tracks: Sequence[int]) -> None:
        sizes = [len(own) for own in landmarks]
        # where the landmarks of each waveform begin in the array of all
        self._bounds = np.cumsum([0, *sizes])
        # (N,) each
        pairs, self._times = np.concatenate([*landmarks, np.zeros((0, 2), np.int32)]).T
        # Waveforms come by track, so what is sorted by pairs and else as it comes is by track, too.
        order = _sorting_order(pairs)
        owners = np.repeat(np.arange(len(landmarks), dtype=np.int32), sizes)[order]
        is_new_pair = np.diff(pairs[order], prepend=np.int32(-1)) != 0
        is_new_track = np.diff(np.asarray(tracks, np.int32)[owners], prepend=np.int32(-1)) != 0
        pair_sizes, pair_ends = _runs(is_new_pair)
        track_sizes, track_ends = _runs(is_new_pair | is_new_track)
        # Where a pair of tones is too common to look at all of its occurrences, those looked at are
        # a fair sample.
        chances = np.repeat((_MAX_OCCURRENCES / pair_sizes).astype(np.float32), pair_sizes)
        is_kept = np.random.default_rng(0).random(len(order), np.float32) < chances
        self._occurrences = _packed(owners[is_kept], -self._times[order[is_kept]])
        # For each landmark (N, 2): from which to which occurrence to look. They begin where the
        # landmark's track ends, and end with its pair of tones.
        num_kept_before = np.append(np.int32(0), np.cumsum(is_kept, dtype=np.int32))
        self._spans = np.empty((len(order), 2), np.int32)
        self._spans[order, 0] = np.repeat(num_kept_before[track_ends], track_sizes)
        self._spans[order, 1] = np.repeat(num_kept_before[pair_ends], pair_sizes)

    def look_up(self, one: int) -> NDArray[np.int64]:
        """Returns who of the waveforms of later tracks has the same pairs as a waveform, and when.

        Each match is a waveform and an offset, as ``_packed`` packs them; the offset is the time in
        this waveform minus the time in the other.
        """
        own = slice(self._bounds[one], self._bounds[one + 1])
        # in the order of what they look at, which reads memory one way
        order = np.argsort(self._spans[own, 0])
        starts, stops = self._spans[own][order].T
        counts = stops - starts
        # the numbers from each start to its stop, one after the other, without a loop:
        # a running number, less what had been counted before the span, plus its start
        positions = np.arange(counts.sum()) + np.repeat(starts - np.cumsum(counts) + counts, counts)
        # Occurrences hold minus their time. Adding ours shifts the offset, the lower half, alone.
        return self._occurrences[positions] + np.repeat(self._times[own][order], counts)


def _sorting_order(pairs: NDArray[np.int32]) -> NDArray[np.int32]:
    """Returns the positions of the pairs in ascending order, those of equal ones as they come.

    Sorting numbers is far faster than sorting their positions: so a pair becomes the upper half of
    a number, its position the lower half.
    """
    numbers = np.left_shift(pairs, 32, dtype=np.int64)
    numbers += np.arange(len(pairs), dtype=np.int32)
    numbers.sort()
    # 64 bits -> the lower 32
    return numbers.astype(np.int32)


def _runs(is_first: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Returns the size and the end of each run of values, given which ones begin a run."""
    starts = np.flatnonzero(is_first).astype(np.int32)
    sizes = np.diff(starts, append=np.int32(len(is_first)))
    return sizes, starts + sizes


def _packed(waveforms: NDArray[np.int32], offsets: NDArray[np.int32]) -> NDArray[np.int64]:
    """Returns waveforms and offsets in hops as numbers that sort by both.

    The waveform is the upper half of a number, the offset plus 2^31 the lower half.
    """
    return (waveforms.astype(np.int64) << 32) + offsets + 2**31


def _best_offsets(
    matches: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Returns the waveforms that matched, each with its most frequent offset, and how frequent.

    Shape (N,) -> (waveforms,) each. A copy's hops lie between ours, so two neighbouring offsets
    count as one.
    """
    keys, votes = np.unique(matches, return_counts=True)
    votes[:-1] += np.where(np.diff(keys) == 1, votes[1:], 0)
    # keys are sorted, so those of a waveform follow each other
    waveforms = keys >> 32
    firsts = np.flatnonzero(np.diff(waveforms, prepend=-1))
    # (keys,) -> (waveforms,); reduceat takes no empty array
    most = votes
    if len(keys):
        most = np.maximum.reduceat(votes, firsts)
    is_best = np.flatnonzero(votes == np.repeat(most, np.diff(firsts, append=len(keys))))
    # of equally frequent offsets the first
    best = is_best[np.searchsorted(is_best, firsts)]
    return waveforms[best], (keys[best] & 0xFFFFFFFF) - 2**31, votes[best]
