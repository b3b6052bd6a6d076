"""Counts the bins of a mixture in which an estimate is on the right side of the ideal binary mask.

X is the short-time spectrum of the mixture, S that of a source, E that of an estimate of it. The
ideal binary mask keeps a bin for the source where |S| >= |X| / 2, channel by channel: IBM1 of
``evaluation.estimates.oracles`` (SiSEC 2018). An estimate is taken by the same rule to keep a bin
where |E| >= |X| / 2, and is right where both keep it or neither does. It is a measure of which bins
a network decides for a source, and of nothing else: not of their level, nor of their phase.

Axes: J references, N estimates, P pairs of an estimate and a reference, T frames, C channels, M
windows, F frequencies.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.estimates.short_time import OVERLAP, cut_windows, transform
from evaluation.metrics.energies import Integers, Pairs

Waveform = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

# At a time, so that long segments take little memory.
_BLOCK_WINDOWS = 16


class BinCounts(NamedTuple):
    """Counts bins of a mixture; those in which it is silent are none of them."""

    num_bins: int
    # (J,), those that the ideal binary mask keeps for each source.
    num_kept: Integers
    # (P,), those in which the estimate of each pair is on the right side.
    num_right: Integers


def count_bins(
    mixture: Waveform,
    references: Sequence[Waveform],
    estimates: Sequence[Waveform],
    pairs: Pairs,
    hop: int,
    silent_dbfs: float,
) -> BinCounts:
    """Counts the bins of all windows that lie within a mixture, the first one at its first frame.

    What is shorter than a window is filled up with zeros. A bin is silent where a tone that has its
    magnitude would be below ``silent_dbfs``.

    Args:
        mixture: shape (T, C).
        references: of the J sources, shape (T, C) each.
        estimates: N of them, shape (T, C) each.
        pairs: which estimate is held against which reference, and times what.
        hop: from one window to the next, in frames.
        silent_dbfs: the RMS below which a tone is silent.
    """
    # (M, C, window)
    of_mixture = _windows(mixture, hop)
    of_references = [_windows(reference, hop) for reference in references]
    of_estimates = [_windows(estimate, hop) for estimate in estimates]
    threshold = _tone_magnitude(10 ** (silent_dbfs / 20), of_mixture.shape[-1])
    num_bins = 0
    num_kept = np.zeros(len(references), np.intp)
    num_right = np.zeros(len(pairs.chosen), np.intp)
    for first in range(0, len(of_mixture), _BLOCK_WINDOWS):
        block = slice(first, first + _BLOCK_WINDOWS)
        magnitudes = _magnitudes(of_mixture[block])
        counted = magnitudes >= threshold
        half = magnitudes / 2
        num_bins += np.count_nonzero(counted)
        # (M, C, F) of each source
        ideal = [_magnitudes(windows[block]) >= half for windows in of_references]
        num_kept += [np.count_nonzero(kept & counted) for kept in ideal]
        for n, windows in enumerate(of_estimates):
            of_estimate = _magnitudes(windows[block])
            for p in np.flatnonzero(pairs.chosen == n):
                kept = abs(pairs.scales[p]) * of_estimate >= half
                is_right = kept == ideal[pairs.owners[p]]
                num_right[p] += np.count_nonzero(is_right & counted)
    return BinCounts(num_bins, num_kept, num_right)


def _windows(waveform: Waveform, hop: int) -> Waveform:
    """Returns views of the windows of a waveform: (T, C) -> (M, C, window)."""
    missing = max(OVERLAP * hop - len(waveform), 0)
    filled = np.pad(waveform, ((0, missing), (0, 0))) if missing else waveform
    return cut_windows(filled[None], hop)[0]


def _magnitudes(windows: Waveform) -> Floats:
    """Returns the magnitudes of the bins of windows: (M, C, window) -> (M, C, F)."""
    return np.abs(transform(windows))


def _tone_magnitude(rms: float, window_frames: int) -> float:
    """Returns the magnitude of the bin of a tone that lies in its middle.

    A tone of the amplitude a has a / 2 times the sum of the window, which for Hann's is half its
    length; the RMS of the tone is a / sqrt(2).
    """
    amplitude = np.sqrt(2) * rms
    window_sum = window_frames / 2
    return float(amplitude / 2 * window_sum)
