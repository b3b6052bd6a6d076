"""The same recording in two tracks: suspected by sketches of the waveforms, confirmed by correlating the samples."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from data_prep.audio.conversion import to_mono
from data_prep.audio.tracks import MIXTURE, Track, TrackFiles
from data_prep.fingerprints.sketches import Candidate, Sketch, find_candidates

# Correlation over all of the stretch that two recordings share. Copies at another level have 1, with noise 14 dB
# below them still 0.98; two performances of one score, even by one machine, stay below 0.5, and the same drum machine
# playing nearly the same pattern reaches 0.95.
MIN_CORRELATION = 0.97
_MIN_SHARE = 0.5  # of the shorter waveform that must be shared, or ...
_MIN_SECS = 5.0  # ... this long
_MAX_SECS = 60.0  # correlated, of a longer stretch
_MIN_PERIOD_SECS = 0.5  # of a pattern that repeats
_MAX_SELF_SIMILAR = (
    0.8  # a played part a while later is another one; a machine's drums are the same
)
_SLACK_SECS = 0.15  # how far a distance between sketches may be off


class Sketched(NamedTuple):
    """The sketches of all waveforms of a track."""

    files: TrackFiles
    sketches: dict[str, Sketch]  # by source, or MIXTURE
    hop_secs: float


class SharedRecording(NamedTuple):
    """Two tracks of which a waveform of each holds the same recording."""

    one: TrackFiles
    other: TrackFiles
    waveforms: tuple[str, str]
    offset_secs: float  # time in the one minus time in the other
    correlation: float
    repeats: bool  # within itself, sample by sample: a loop or a machine's pattern, which nobody plays twice

    def __str__(self) -> str:
        """A clause for a sentence."""
        what = "one loop or machine's pattern" if self.repeats else "one recording"
        return (
            f"{self.waveforms[0]} of {self.one.name} ({self.one.split}) and {self.waveforms[1]} of {self.other.name} "
            f"({self.other.split}) are {what} (shifted by {self.offset_secs:.2f} s, correlation {self.correlation:.3f})"
        )


def find_shared_recordings(
    tracks: Sequence[Sketched], load: Callable[[TrackFiles], Track]
) -> Iterator[SharedRecording]:
    """The pairs of tracks that share a recording, each once, by the waveforms that agree best.

    Args:
        tracks: all of a corpus.
        load: decodes a track, whose sources are those of its sketches; called for suspicious pairs alone.
    """
    sketched = [
        (i, name, sketch)
        for i, track in enumerate(tracks)
        for name, sketch in track.sketches.items()
    ]
    owners = [i for i, _, _ in sketched]
    by_tracks: dict[tuple[int, int], list[Candidate]] = {}
    for candidate in find_candidates([sketch for _, _, sketch in sketched], owners):
        by_tracks.setdefault((owners[candidate.one], owners[candidate.other]), []).append(candidate)
    load = lru_cache(maxsize=2)(load)  # pairs are sorted by their first track
    for (i, j), candidates in sorted(by_tracks.items()):
        found = []
        for candidate in candidates:
            names = (sketched[candidate.one][1], sketched[candidate.other][1])
            offset = candidate.offset_hops * tracks[i].hop_secs
            if confirmed := _compare(load(tracks[i].files), load(tracks[j].files), names, offset):
                found.append(SharedRecording(tracks[i].files, tracks[j].files, names, *confirmed))
        if found:
            yield max(found, key=lambda shared: (not shared.repeats, shared.correlation))


def _compare(
    one: Track, other: Track, names: tuple[str, str], offset_secs: float
) -> tuple[float, float, bool] | None:
    """The exact offset in seconds, the correlation, and whether it repeats; None where it is not one recording."""
    if one.sample_rate != other.sample_rate:
        return None
    rate = one.sample_rate
    left, right = _waveform(one, names[0]), _waveform(other, names[1])
    offset, shortest = round(offset_secs * rate), min(len(left), len(right))
    left, right = left[max(0, offset) :], right[max(0, -offset) :]
    shared = min(len(left), len(right))
    if shared < min(_MIN_SHARE * shortest, _MIN_SECS * rate):
        return None
    middle = slice(
        max(0, round((shared - _MAX_SECS * rate) / 2)), round((shared + _MAX_SECS * rate) / 2)
    )
    left, right = left[:shared][middle], right[:shared][middle]
    lag, correlation = best_lag(left, right, round(_SLACK_SECS * rate))
    if correlation < MIN_CORRELATION:
        return None
    return (
        (offset + lag) / rate,
        correlation,
        self_similarity(left, round(_MIN_PERIOD_SECS * rate)) > _MAX_SELF_SIMILAR,
    )


def best_lag(
    left: NDArray[np.float32], right: NDArray[np.float32], max_lag: int
) -> tuple[int, float]:
    """How many frames later ``left`` (T,) has what ``right`` (T,) has, and their correlation there, without sign."""
    size = scipy.fft.next_fast_len(len(left) + max_lag, real=True)
    product = scipy.fft.rfft(left, size) * scipy.fft.rfft(right, size).conj()
    lags = np.arange(-min(max_lag, len(left) - 1), min(max_lag, len(left) - 1) + 1)
    scores = np.abs(scipy.fft.irfft(product, size)[lags])
    lag = int(lags[scores.argmax()])
    one, other = (
        left[max(0, lag) :][: len(left) - abs(lag)],
        right[max(0, -lag) :][: len(left) - abs(lag)],
    )
    energy = float(np.vdot(one, one)) * float(np.vdot(other, other))
    return lag, abs(float(np.vdot(one, other))) / energy**0.5 if energy > 0 else 0.0


def self_similarity(waveform: NDArray[np.float32], min_lag: int) -> float:
    """The best correlation of a waveform (T,) with itself, from ``min_lag`` frames later to half its length later."""
    lags = np.arange(min_lag, len(waveform) // 2)
    if not len(lags):
        return 0.0
    size = scipy.fft.next_fast_len(2 * len(waveform), real=True)
    products = scipy.fft.irfft(np.abs(scipy.fft.rfft(waveform, size)) ** 2, size)[lags]
    energy = np.append(0.0, np.cumsum(np.square(waveform, dtype=np.float64)))
    energies = energy[len(waveform) - lags] * (energy[-1] - energy[lags])
    return float(np.max(products / np.sqrt(np.maximum(energies, 1e-30))))


def _waveform(track: Track, name: str) -> NDArray[np.float32]:
    return to_mono(track.mixture if name == MIXTURE else track.sources[name])[:, 0]
