"""Separates the harmonic from the percussive part of music by median filters.

After D. Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010. A steady
tone is a ridge along time in the spectrogram, a stroke one along frequency. The median of the
magnitudes around a bin, along time, is what is harmonic there (H), along frequency what is
percussive (P); the masks are H^2 / (H^2 + P^2) and P^2 / (H^2 + P^2), channel by channel.

Axes: K = 2 sources, M windows, C channels, F frequencies.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import scipy.ndimage

from data_prep.audio.tracks import Waveform
from evaluation.classical.names import STEMS
from evaluation.classical.separator import ClassicalSeparator
from evaluation.classical.streams import Masks, mask_stream, shares
from evaluation.estimates.short_time import Floats, Spectra

# Of both filters, in windows and in frequencies, as in the paper, whose windows are as long and as
# far apart as ours.
_NUM_TAPS = 17
_REACH = _NUM_TAPS // 2


class HarmonicPercussive(ClassicalSeparator):
    """Is HPSS on songs of any rate and channels."""

    sources = STEMS["hpss"]
    origin = "harmonic and percussive part by median filters (HPSS)"

    def identity(self) -> dict[str, Any]:
        """Returns what tells the method from others."""
        return {"method": "hpss", "taps": _NUM_TAPS}

    def iter_stream_separated(
        self, blocks: Iterable[Waveform], sample_rate: int, labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields both parts, which together are the song."""
        del labels
        return mask_stream(blocks, sample_rate, _iter_masks)


def _iter_masks(blocks: Iterator[Spectra]) -> Masks:
    """Yields spectra with their masks, as late as the filters need to see what follows."""
    waiting: Spectra | None = None
    for block in blocks:
        if waiting is None:
            # Before the song and behind it lie zeros.
            waiting = np.zeros((_REACH, *block.shape[1:]), block.dtype)
        waiting = np.concatenate([waiting, block])
        if len(waiting) > 2 * _REACH:
            yield waiting[_REACH:-_REACH], masks_of(np.abs(waiting))
            waiting = waiting[-2 * _REACH :]
    if waiting is not None:
        padded = np.concatenate([waiting, np.zeros((_REACH, *waiting.shape[1:]), waiting.dtype)])
        yield padded[_REACH:-_REACH], masks_of(np.abs(padded))


def masks_of(magnitudes: Floats) -> Floats:
    """Returns the masks (K, M, C, F) of magnitudes (M + 16, C, F) with 8 windows on each side."""
    # (windows, channels, frequencies) that the median is taken of
    along_time = scipy.ndimage.median_filter(magnitudes, (_NUM_TAPS, 1, 1))[_REACH:-_REACH]
    along_frequency = scipy.ndimage.median_filter(magnitudes[_REACH:-_REACH], (1, 1, _NUM_TAPS))
    return shares(np.square(np.stack([along_time, along_frequency])))
