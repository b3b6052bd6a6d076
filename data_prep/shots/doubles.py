"""Finds one-shots that are the same sound: exactly, or nearly.

Nearly the same means here what it means between the tracks of a corpus
(data_prep.fingerprints.leaks): the correlation of the samples at the best lag is 0.97 or more. So
what stays here is never refused there.

Axes: N one-shots, T frames.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from data_prep.audio.tracks import MIXTURE, Track, TrackFiles
from data_prep.fingerprints.leaks import (
    MIN_CORRELATION,
    Sketched,
    best_lag,
    find_shared_recordings,
)
from data_prep.fingerprints.sketches import hop_secs, make_sketch
from data_prep.shots.shaping import MonoWaveform

# The peaks of two copies stand at one place, unless noise made another peak the greatest.
_MAX_LAG_SECS = 0.15
# At a lag two sounds share fewer frames than they have, so their correlation there may be a little
# above the bound.
_SLACK = 0.02
# so many bins of a spectrum make a band
_BAND_BINS = 8


class LeftFor(NamedTuple):
    """Says for which sound another one is left out."""

    kept: int
    # whether an earlier one, this or another that was left out, has the same frames
    is_exact: bool
    correlation: float


def leave_out(
    waveforms: Sequence[MonoWaveform], order: Sequence[int], sample_rate: int
) -> dict[int, LeftFor]:
    """Chooses which sounds are left out, so that of those that stay no two are the same.

    Args:
        waveforms: N sounds (T,), all of one length.
        order: the numbers of the sounds; of two that are the same the earlier one stays.
        sample_rate: of the sounds.

    Returns:
        The number of each sound that is left out, and of the one that it is.
    """
    left: dict[int, LeftFor] = {}
    # the first sound of the same frames, by their digest, which is smaller than a copy of them
    firsts: dict[bytes, int] = {}
    # A sound is compared with those that stay alone: however often one is repeated, it takes one
    # comparison each time.
    kept = _Kept(waveforms, sample_rate)
    for number in order:
        digest = hashlib.sha256(waveforms[number].data).digest()
        first = firsts.setdefault(digest, number)
        if first != number:
            left[number] = left.get(first, LeftFor(first, True, 1.0))._replace(is_exact=True)
            continue
        match = kept.find(number)
        if match is None:
            kept.add(number)
        else:
            left[number] = LeftFor(match[0], is_exact=False, correlation=match[1])
    for one, other, correlation in _as_of_corpora(waveforms, kept.numbers, sample_rate):
        if one not in left and other not in left:
            left[other] = LeftFor(one, is_exact=False, correlation=correlation)
    return {number: _resolved(left, number) for number in left}


class _Kept:
    """Holds the sounds that stay, and finds the one that another is nearly the same as.

    At any lag the correlation of x and y is at most the sum of |X| |Y| over their spectra, divided
    by their norms; and by Cauchy and Schwarz that is at most the same sum over the norms of bands
    of X and Y. So one product with a matrix clears nearly all.
    """

    def __init__(self, waveforms: Sequence[MonoWaveform], sample_rate: int) -> None:
        self.numbers: list[int] = []
        self._waveforms = waveforms
        self._max_lag = round(_MAX_LAG_SECS * sample_rate)
        # (N, bands), of which the first ones are in use
        self._bands = np.zeros((0, 0), np.float32)

    def add(self, number: int) -> None:
        """Adds a sound, behind all others."""
        bands = band_norms(self._waveforms[number])
        if not self._bands.size:
            self._bands = np.zeros((len(self._waveforms), len(bands)), np.float32)
        self._bands[len(self.numbers)] = bands
        self.numbers.append(number)

    def find(self, number: int) -> tuple[int, float] | None:
        """Returns the sound that another is nearly the same as, and their correlation."""
        if not self.numbers:
            return None
        # (sounds that stay,)
        bounds = self._bands[: len(self.numbers)] @ band_norms(self._waveforms[number])
        for place in np.argsort(-bounds, kind="stable").tolist():
            if bounds[place] < MIN_CORRELATION - _SLACK:
                break
            other = self.numbers[place]
            _, correlation = best_lag(
                self._waveforms[number], self._waveforms[other], self._max_lag
            )
            if correlation >= MIN_CORRELATION:
                return other, correlation
        return None


def band_norms(waveform: MonoWaveform) -> NDArray[np.float32]:
    """Returns the norms of bands of a spectrum, scaled to a norm of 1: (T,) -> (bands,)."""
    size = scipy.fft.next_fast_len(2 * len(waveform), real=True)
    spectrum = scipy.fft.rfft(waveform, size)
    power = spectrum.real**2 + spectrum.imag**2
    # All bins but the first and the last stand for two frequencies, a negative and a positive one.
    power[1 : (size + 1) // 2] *= 2
    norms = np.sqrt(np.add.reduceat(power, np.arange(0, len(power), _BAND_BINS)))
    return (norms / np.sqrt(power.sum())).astype(np.float32)


def _as_of_corpora(
    waveforms: Sequence[MonoWaveform], numbers: Sequence[int], sample_rate: int
) -> Iterator[tuple[int, int, float]]:
    """Yields the pairs that data_prep.write would refuse if the sounds were tracks.

    It allows other lags, so that it finds a few that start at another place.
    """

    def load(files: TrackFiles) -> Track:
        waveform = waveforms[int(files.name)][:, None]
        return Track(files.name, sample_rate, waveform, sources={}, num_parts={})

    sketched = []
    for number in numbers:
        files = TrackFiles(str(number), split=None, mixture=Path(str(number)))
        sketch = make_sketch(waveforms[number][:, None], sample_rate)
        sketched.append(Sketched(files, {MIXTURE: sketch}, hop_secs(sample_rate)))
    for shared in find_shared_recordings(sketched, load):
        yield int(shared.one.name), int(shared.other.name), shared.correlation


def _resolved(left: dict[int, LeftFor], number: int) -> LeftFor:
    """Returns for which sound that stays one is left out, where the first answer was left, too."""
    answer = left[number]
    while answer.kept in left:
        answer = answer._replace(kept=left[answer.kept].kept)
    return answer
