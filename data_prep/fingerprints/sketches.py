"""Which recordings may be the same: sketches of waveforms that survive trimming, levels and some noise.

After Wang, "An industrial-strength audio search algorithm", ISMIR 2003. A sketch holds the loudest tone of five bands
over time; its local maxima in time are landmarks, each paired with the ones that follow. Where two sketches have many
pairs at one distance in time, and then the same tones nearly everywhere, they may be one recording. Performances of
one score can come near to that, so what is found here is confirmed on the samples themselves (data_prep.fingerprints.leaks).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from data_prep.audio.tracks import Waveform

Sketch = NDArray[
    np.uint8
]  # (hops, bands, 2): the bin of the loudest tone, its level above the softest kept in half dB
_Landmarks = NDArray[np.int32]  # (N, 2): a pair of tones as a number, the time of the first in hops

_RATE = 2756.0  # about: an eighth of 22050
_WINDOW_FRAMES = 512  # 186 ms
_HOP_FRAMES = 128  # 46 ms
_TAPER = np.hanning(_WINDOW_FRAMES).astype(np.float32)
_BLOCK_WINDOWS = 512  # what a processor's cache holds
_BANDS = (10, 30, 60, 110, 180, 256)  # bins of 5.4 Hz: five bands from 54 to 1378 Hz
_RANGE_DB = 50.0  # below the loudest tone of a waveform, tones are left out
_NEIGHBOURS = 3  # hops before and after a landmark in which its band is not louder
_FOLLOWERS = 4  # landmarks that a landmark is paired with
_MAX_HOPS = 63  # between the two of a pair: 3 s
_MAX_PLACES = 64  # looked at of one pair of tones
_MIN_VOTES = 8
_MIN_SHARE = 0.03  # of the landmarks of the waveform that has fewer
_MIN_SAME = 0.45  # of the tones


def hop_secs(sample_rate: int) -> float:
    """The unit of time of a sketch of a waveform at a rate."""
    return _HOP_FRAMES * _factor(sample_rate) / sample_rate


def make_sketch(waveform: Waveform, sample_rate: int) -> Sketch:
    """The sketch of a waveform (T, C); empty where it is silent or shorter than a window."""
    slow = _slowed(waveform, _factor(sample_rate))
    if len(slow) < _WINDOW_FRAMES or not slow.any():
        return np.zeros((0, len(_BANDS) - 1, 2), np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(slow, _WINDOW_FRAMES)[::_HOP_FRAMES]
    starts = range(0, len(windows), _BLOCK_WINDOWS)
    tones = [_loudest_tones(windows[start : start + _BLOCK_WINDOWS]) for start in starts]
    bins, loudest = (np.concatenate(parts) for parts in zip(*tones, strict=True))
    with np.errstate(divide="ignore"):
        levels = np.maximum(10 * np.log10(loudest / loudest.max()) + _RANGE_DB, 0)
    return np.stack([bins, 2 * levels], axis=2).astype(np.uint8)


def _slowed(waveform: Waveform, factor: int) -> NDArray[np.float32]:
    """A waveform (T, C) at a rate lower by a factor, (T // factor,): the sums of neighbours and channels.

    That is a crude low-pass, the same for both copies of a recording.
    """
    return np.einsum(
        "tc->t",
        waveform[: len(waveform) // factor * factor].reshape(-1, factor * waveform.shape[1]),
    )


def _loudest_tones(windows: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The bin of the loudest tone of every band and its power, (N, bands) each, of windows (N, frames)."""
    spectrum = scipy.fft.rfft(windows * _TAPER, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    bands = [(low, power[:, low:high]) for low, high in pairwise(_BANDS)]
    bins = np.stack([band.argmax(axis=1) + low for low, band in bands], axis=1)
    return bins, np.take_along_axis(power, bins, axis=1)


class Candidate(NamedTuple):
    """Two waveforms that may hold the same recording."""

    one: int
    other: int
    offset_hops: int  # time in the one minus time in the other


def find_candidates(sketches: Sequence[Sketch], tracks: Sequence[int]) -> list[Candidate]:
    """The pairs of waveforms that seem to share a recording.

    Args:
        sketches: one of each waveform.
        tracks: the track of each waveform, ascending; waveforms of one track are not compared.
    """
    landmarks = [_landmarks(sketch) for sketch in sketches]
    counts, index = np.array([len(marks) for marks in landmarks]), _Index(landmarks, tracks)
    found = []
    for one in range(len(landmarks)):
        others, offsets, votes = _best_offsets(index.look_up(one))
        enough = votes >= np.maximum(
            _MIN_VOTES, _MIN_SHARE * np.minimum(counts[one], counts[others])
        )
        for other, offset in zip(others[enough].tolist(), offsets[enough].tolist(), strict=True):
            if _share_of_same_tones(sketches[one], sketches[other], offset) >= _MIN_SAME:
                found.append(Candidate(one, other, offset))
    return found


class _Index:
    """All landmarks, sorted by their pairs of tones and within a pair by track.

    So the places of a pair in later tracks follow each other; only they are looked at, and two tracks compared once.
    """

    def __init__(self, landmarks: Sequence[_Landmarks], tracks: Sequence[int]) -> None:
        sizes = [len(marks) for marks in landmarks]
        self._bounds = np.cumsum([0, *sizes])
        pairs, self._times = np.concatenate([*landmarks, np.zeros((0, 2), np.int32)]).T
        order = _sorting_order(pairs)
        owners = np.repeat(np.arange(len(landmarks), dtype=np.int32), sizes)[order]
        new_pair = np.diff(pairs[order], prepend=np.int32(-1)) != 0
        new_track = np.diff(np.asarray(tracks, np.int32)[owners], prepend=np.int32(-1)) != 0
        pair_sizes, pair_ends = _runs(new_pair)
        track_sizes, track_ends = _runs(new_pair | new_track)
        # Where a pair of tones is too common to look at all of its places, those looked at are a fair sample.
        chances = (_MAX_PLACES / pair_sizes).astype(np.float32)
        kept = np.random.default_rng(0).random(len(order), np.float32) < np.repeat(
            chances, pair_sizes
        )
        self._places = _packed(owners[kept], -self._times[order[kept]])
        num_before = np.append(np.int32(0), np.cumsum(kept, dtype=np.int32))
        self._spans = np.empty(
            (len(order), 2), np.int32
        )  # of the places to look at, for each landmark
        self._spans[order, 0] = np.repeat(num_before[track_ends], track_sizes)
        self._spans[order, 1] = np.repeat(num_before[pair_ends], pair_sizes)

    def look_up(self, one: int) -> NDArray[np.int64]:
        """Who of the waveforms of later tracks has the same pairs as a waveform, and how much earlier (``_packed``)."""
        mine = slice(self._bounds[one], self._bounds[one + 1])
        order = np.argsort(self._spans[mine, 0])
        starts, stops = self._spans[mine][order].T
        counts = stops - starts
        places = np.arange(counts.sum()) + np.repeat(starts - np.cumsum(counts) + counts, counts)
        return self._places[places] + np.repeat(self._times[mine][order], counts)


def _sorting_order(pairs: NDArray[np.int32]) -> NDArray[np.int32]:
    """Where the pairs are in ascending order, equal ones as they come.

    Sorting numbers is far faster than sorting their places: so the places become the lower half of the numbers.
    """
    numbers = np.left_shift(pairs, 32, dtype=np.int64)
    numbers += np.arange(len(pairs), dtype=np.int32)
    numbers.sort()
    return numbers.astype(np.int32)  # the lower half


def _runs(is_first: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The size and end of each run of equal values, of which those that begin a run are marked."""
    starts = np.flatnonzero(is_first).astype(np.int32)
    sizes = np.diff(starts, append=np.int32(len(is_first)))
    return sizes, starts + sizes


def _landmarks(sketch: Sketch) -> _Landmarks:
    """The landmarks of a sketch, each with those that follow it."""
    levels = sketch[:, :, 1]
    is_peak = (levels == maximum_filter1d(levels, 2 * _NEIGHBOURS + 1, axis=0)) & (levels > 0)
    times, band = np.nonzero(is_peak)
    tones = sketch[times, band, 0].astype(np.int32)
    found = [np.zeros((0, 2), np.int32)]
    for k in range(1, _FOLLOWERS + 1):
        hops = times[k:] - times[:-k]
        pairs = np.stack([(tones[:-k] << 14) | (tones[k:] << 6) | hops, times[:-k]], axis=1)
        found.append(pairs[(hops > 0) & (hops <= _MAX_HOPS)])
    return np.concatenate(found).astype(np.int32)


def _packed(waveforms: NDArray[np.int32], offsets: NDArray[np.int32]) -> NDArray[np.int64]:
    """Waveforms and offsets in hops as numbers that sort by both."""
    return (waveforms.astype(np.int64) << 32) + offsets + 2**31


def _best_offsets(
    found: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Every waveform found, once, the offset at which it was found most often, and how often.

    A copy's hops lie between ours, so two neighbouring offsets count.
    """
    keys, votes = np.unique(found, return_counts=True)
    votes[:-1] += np.where(np.diff(keys) == 1, votes[1:], 0)
    waveforms = keys >> 32
    firsts = np.flatnonzero(np.diff(waveforms, prepend=-1))
    most = np.maximum.reduceat(votes, firsts) if len(keys) else votes
    is_best = np.flatnonzero(votes == np.repeat(most, np.diff(firsts, append=len(keys))))
    best = is_best[np.searchsorted(is_best, firsts)]
    return waveforms[best], (keys[best] & 0xFFFFFFFF) - 2**31, votes[best]


def _share_of_same_tones(one: Sketch, other: Sketch, offset: int) -> float:
    """How many of the tones of two sketches, one of them shifted, are the same within a bin."""
    one, other = one[max(0, offset) :], other[max(0, -offset) :]
    shared = min(len(one), len(other))
    one, other = one[:shared], other[:shared]
    sounds = (one[:, :, 1] > 0) | (other[:, :, 1] > 0)
    same = np.abs(one[:, :, 0].astype(np.int16) - other[:, :, 0]) <= 1
    return float(np.mean(same[sounds])) if sounds.any() else 0.0


def _factor(sample_rate: int) -> int:
    return max(1, round(sample_rate / _RATE))
