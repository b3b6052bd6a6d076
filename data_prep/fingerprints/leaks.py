"""Finds the same recording in two tracks.

Sketches of the waveforms raise a suspicion, correlating the samples confirms or clears it.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from data_prep.audio.conversion import to_mono
from data_prep.audio.tracks import MIXTURE, Track, TrackFiles
from data_prep.fingerprints.candidates import Candidate, find_candidates
from data_prep.fingerprints.sketches import Sketch

# Correlation over all that two recordings share. Copies at another level have 1, with noise 14 dB
# below them still 0.98; two performances of one score, even by one machine, stay below 0.5, and the
# same drum machine playing nearly the same pattern reaches 0.95.
MIN_CORRELATION = 0.97
# Two waveforms must share this part of the shorter one, or this many seconds.
_MIN_SHARE = 0.5
_MIN_SECS = 5.0
# so much is correlated, from the middle of what they share
_MAX_SECS = 60.0
# A pattern repeats after this time or later ...
_MIN_PERIOD_SECS = 0.5
# ... with a higher correlation: a player never plays so alike, a machine's drums are the same.
_MAX_SELF_SIMILAR = 0.8
# how far a distance between sketches may be off
_SLACK_SECS = 0.15


class Sketched(NamedTuple):
    """Holds the sketches of all waveforms of a track."""

    files: TrackFiles
    # by source, or MIXTURE
    sketches: dict[str, Sketch]
    hop_secs: float


class SharedRecording(NamedTuple):
    """Names two tracks of which a waveform of each holds the same recording."""

    one: TrackFiles
    other: TrackFiles
    waveforms: tuple[str, str]
    # time in the one minus time in the other
    offset_secs: float
    correlation: float
    # It repeats within itself, sample by sample: a loop or a machine's pattern, which nobody plays.
    repeats: bool

    def __str__(self) -> str:
        """Returns a clause for a sentence."""
        what = "one loop or machine's pattern" if self.repeats else "one recording"
        return (
            f"{self.waveforms[0]} of {self.one.name} ({self.one.split}) and "
            f"{self.waveforms[1]} of {self.other.name} ({self.other.split}) are {what} "
            f"(shifted by {self.offset_secs:.2f} s, correlation {self.correlation:.3f})"
        )


def find_shared_recordings(
    tracks: Sequence[Sketched], load: Callable[[TrackFiles], Track]
) -> Iterator[SharedRecording]:
    """Yields the pairs of tracks that share a recording, each once, with the best agreement.

    Args:
        tracks: all of a corpus.
        load: decodes a track, whose sources are those of its sketches; called for suspicious pairs
            alone.
    """
    # all waveforms of the corpus in one list: their sketches, names, and tracks by number
    sketches = [sketch for track in tracks for sketch in track.sketches.values()]
    names = [name for track in tracks for name in track.sketches]
    owners = [i for i, track in enumerate(tracks) for _ in track.sketches]
    by_tracks: dict[tuple[int, int], list[Candidate]] = {}
    for candidate in find_candidates(sketches, owners):
        pair = (owners[candidate.one], owners[candidate.other])
        by_tracks.setdefault(pair, []).append(candidate)
    # Pairs are sorted by their first track, which so stays in memory until its pairs are done.
    cached_load = lru_cache(maxsize=2)(load)
    for (i, j), candidates in sorted(by_tracks.items()):
        shared = []
        for candidate in candidates:
            waveforms = (names[candidate.one], names[candidate.other])
            offset_secs = candidate.offset_hops * tracks[i].hop_secs
            files = (tracks[i].files, tracks[j].files)
            recording = _confirm(files, waveforms, offset_secs, cached_load)
            if recording is not None:
                shared.append(recording)
        if shared:
            # a played recording says more than a loop
            yield max(shared, key=lambda one: (not one.repeats, one.correlation))


def _confirm(
    files: tuple[TrackFiles, TrackFiles],
    waveforms: tuple[str, str],
    offset_secs: float,
    load: Callable[[TrackFiles], Track],
) -> SharedRecording | None:
    """Compares the samples of a waveform of each track; None: it is not one recording.

    Args:
        files: two tracks.
        waveforms: a source or the mixture of each.
        offset_secs: about where they match, as time in the one minus time in the other.
        load: decodes a track.
    """
    one = load(files[0])
    other = load(files[1])
    if one.sample_rate != other.sample_rate:
        return None
    rate = one.sample_rate
    left = _waveform(one, waveforms[0])
    right = _waveform(other, waveforms[1])
    shortest = min(len(left), len(right))
    offset = round(offset_secs * rate)
    left, right = _shared(left, right, offset)
    if len(left) < min(_MIN_SHARE * shortest, _MIN_SECS * rate):
        return None
    left = _middle(left, _MAX_SECS * rate)
    right = _middle(right, _MAX_SECS * rate)
    lag, correlation = best_lag(left, right, round(_SLACK_SECS * rate))
    if correlation < MIN_CORRELATION:
        return None
    return SharedRecording(
        one=files[0],
        other=files[1],
        waveforms=waveforms,
        offset_secs=(offset + lag) / rate,
        correlation=correlation,
        repeats=self_similarity(left, round(_MIN_PERIOD_SECS * rate)) > _MAX_SELF_SIMILAR,
    )


def _shared(
    left: NDArray[np.float32], right: NDArray[np.float32], offset: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the frames (T,) of each waveform at which the other one has some, too.

    Args:
        left: a waveform.
        right: another waveform.
        offset: how many frames later ``left`` has what ``right`` has.
    """
    left = left[max(0, offset) :]
    right = right[max(0, -offset) :]
    num_shared = min(len(left), len(right))
    return left[:num_shared], right[:num_shared]


def _middle(waveform: NDArray[np.float32], most_frames: float) -> NDArray[np.float32]:
    start = max(0, round((len(waveform) - most_frames) / 2))
    stop = round((len(waveform) + most_frames) / 2)
    return waveform[start:stop]


def best_lag(
    left: NDArray[np.float32], right: NDArray[np.float32], max_lag: int
) -> tuple[int, float]:
    """Finds how many frames later ``left`` (T,) has what ``right`` (T,) has.

    Returns:
        The lag, from -max_lag to max_lag frames, and the absolute value of the correlation there.
    """
    # Correlation by FFT is circular; max_lag zeros at the end keep the wanted lags apart.
    size = scipy.fft.next_fast_len(len(left) + max_lag, real=True)
    product = scipy.fft.rfft(left, size) * scipy.fft.rfft(right, size).conj()
    most = min(max_lag, len(left) - 1)
    lags = np.arange(-most, most + 1)
    # A negative lag reads from the end of the array, where a circular correlation has it.
    scores = np.abs(scipy.fft.irfft(product, size)[lags])
    lag = int(lags[scores.argmax()])
    # normalized by what both have at this lag
    one, other = _shared(left, right, lag)
    energies = float(np.vdot(one, one)) * float(np.vdot(other, other))
    if energies > 0:
        return lag, abs(float(np.vdot(one, other))) / energies**0.5
    # silence is like nothing
    return lag, 0.0


def self_similarity(waveform: NDArray[np.float32], min_lag: int) -> float:
    """Returns the best correlation of a waveform (T,) with itself, shifted.

    The shifts are from ``min_lag`` frames to half its length; without any the result is 0.
    """
    lags = np.arange(min_lag, len(waveform) // 2)
    if not len(lags):
        return 0.0
    # twice the length, because correlation by FFT is circular
    size = scipy.fft.next_fast_len(2 * len(waveform), real=True)
    products = scipy.fft.irfft(np.abs(scipy.fft.rfft(waveform, size)) ** 2, size)[lags]
    # Energy of all frames before a frame. A lag compares the waveform without its last frames with
    # the waveform without its first ones.
    before = np.append(0.0, np.cumsum(np.square(waveform, dtype=np.float64)))
    energies = before[len(waveform) - lags] * (before[-1] - before[lags])
    return float(np.max(products / np.sqrt(np.maximum(energies, 1e-30))))


def _waveform(track: Track, name: str) -> NDArray[np.float32]:
    """Returns a source of a track, or its mixture, with one channel: (T,)."""
    waveform = track.mixture if name == MIXTURE else track.sources[name]
    return to_mono(waveform)[:, 0]
