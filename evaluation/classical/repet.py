"""Separates what repeats (the background) from what does not (the foreground): REPET.

After Z. Rafii and B. Pardo, "REpeating Pattern Extraction Technique (REPET): a simple method for
music/voice separation", IEEE Transactions on Audio, Speech and Language Processing 21 (1), 2013.
V are the magnitudes of a stretch of music.

1. The *beat spectrum* b(l) is the mean over frequencies of the autocorrelation of V^2 along time,
   at a lag of l windows. The lag at which it is highest is the period p.
2. The stretch is cut into pieces of p windows. The *repeating segment* S is, bin by bin, the
   median of V over the pieces.
3. The mask of the background is W / V with W = min(S, V), that of the foreground the rest. A voice
   has nothing below 100 Hz, which is all background.

As the paper does with whole songs, a song is cut into stretches that overlap by half, and the masks
of two stretches fade into each other, so that the period may change.

Axes: K = 2 sources, M windows, C channels, F frequencies.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import scipy.fft

from data_prep.audio.tracks import Waveform
from evaluation.classical.names import STEMS
from evaluation.classical.separator import ClassicalSeparator
from evaluation.classical.streams import Masks, mask_stream
from evaluation.estimates.short_time import Floats, Spectra, hop_frames, in_stretches

# Of half a stretch.
_STEP_SECS = 5.0
# A shorter period is a rhythm within a bar, and every steady tone repeats at once.
_SHORTEST_SECS = 0.8
# Pieces of a stretch of which a median tells what repeats.
_LEAST_PIECES = 3
_VOICE_HERTZ = 100.0
# A magnitude below it is none.
_NOTHING = 1e-15


class Repetition(ClassicalSeparator):
    """Is REPET on songs of any rate and channels."""

    sources = STEMS["repet"]
    origin = "what repeats, and what does not (REPET)"

    def identity(self) -> dict[str, Any]:
        """Returns what tells the method from others."""
        return {"method": "repet", "step_secs": _STEP_SECS, "shortest_secs": _SHORTEST_SECS}

    def iter_stream_separated(
        self, blocks: Iterable[Waveform], sample_rate: int, labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields background and foreground, which together are the song."""
        del labels
        return mask_stream(blocks, sample_rate, partial(_iter_masks, sample_rate=sample_rate))


def _iter_masks(blocks: Iterator[Spectra], sample_rate: int) -> Masks:
    """Yields spectra with their masks, half a stretch at a time."""
    hop = hop_frames(sample_rate)
    step = round(_STEP_SECS * sample_rate / hop)
    # The half before, and its mask in the stretch of which it is the second half.
    before: Spectra | None = None
    fading: Floats | None = None
    for half in in_stretches(blocks, step):
        if before is not None:
            stretch = np.abs(np.concatenate([before, half]))
            mask = background_mask(stretch, sample_rate)
            yield before, _both(_fade(fading, mask[:step]))
            fading = mask[step:]
        before = half
    if before is not None:
        # A song no longer than a half is one stretch.
        last = background_mask(np.abs(before), sample_rate) if fading is None else fading
        yield before, _both(last)


def _fade(old: Floats | None, new: Floats) -> Floats:
    """Returns masks (M, C, F) that begin as the old ones and end as the new ones."""
    if old is None:
        return new
    weight = (np.arange(len(new)) + 0.5)[:, None, None] / len(new)
    return (1 - weight) * old + weight * new


def _both(background: Floats) -> Floats:
    """Returns the masks of background and foreground, (2, M, C, F)."""
    return np.stack([background, 1 - background])


def background_mask(magnitudes: Floats, sample_rate: int) -> Floats:
    """Returns the mask of what repeats in a stretch, (M, C, F); steps 1 to 3.

    Of a stretch too short to hold three times the shortest period, all is background.
    """
    hop = hop_frames(sample_rate)
    shortest = round(_SHORTEST_SECS * sample_rate / hop)
    longest = len(magnitudes) // _LEAST_PIECES
    if longest < shortest:
        return np.ones_like(magnitudes)
    beats = beat_spectrum(magnitudes)
    period = shortest + int(beats[shortest : longest + 1].argmax())
    repeating = np.minimum(_repeating_segments(magnitudes, period), magnitudes)
    mask = np.divide(
        repeating, magnitudes, out=np.ones_like(magnitudes), where=magnitudes > _NOTHING
    )
    frequencies = np.fft.rfftfreq(2 * (magnitudes.shape[2] - 1), 1 / sample_rate)
    mask[:, :, frequencies < _VOICE_HERTZ] = 1
    return mask


def beat_spectrum(magnitudes: Floats) -> Floats:
    """Returns b(l), how alike a stretch (M, C, F) is to itself l windows later, shape (M,).

    It is the mean over the bins of sum_m V(m)^2 V(m + l)^2 / (M - l), relative to b(0).
    """
    num_windows = len(magnitudes)
    powers = np.square(magnitudes).reshape(num_windows, -1)
    # Twice as long, so that the end does not meet the beginning.
    length = scipy.fft.next_fast_len(2 * num_windows, real=True)
    power_spectrum = np.square(np.abs(scipy.fft.rfft(powers, length, axis=0))).sum(axis=1)
    sums = scipy.fft.irfft(power_spectrum, length)[:num_windows]
    beats = sums / np.arange(num_windows, 0, -1)
    return beats / max(beats[0], _NOTHING)


def _repeating_segments(magnitudes: Floats, period: int) -> Floats:
    """Returns S for every window, (M, C, F): the median over what lies whole periods apart."""
    num_windows = len(magnitudes)
    num_pieces = -(-num_windows // period)
    # The last piece may be shorter; what it lacks takes no part in the median.
    missing = num_pieces * period - num_windows
    padded = np.pad(magnitudes, ((0, missing), (0, 0), (0, 0)), constant_values=np.nan)
    pieces = padded.reshape(num_pieces, period, *magnitudes.shape[1:])
    whole = period - missing
    segment = np.concatenate(
        [
            np.median(pieces[:, :whole], axis=0),
            np.median(pieces[:-1, whole:], axis=0),
        ]
    )
    return np.tile(segment, (num_pieces, 1, 1))[:num_windows]
