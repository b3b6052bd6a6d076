"""Computes short-time Fourier transforms of stretches of a track, and turns them back.

A window of Hann's form lasts four hops, and another one begins at every hop. What is transformed
and turned back unchanged is the same sound again: the squared windows add up to one number at every
frame that all of its windows cover.

Axes: J sounds, T frames, C channels, M windows, F frequencies.
"""

from typing import Any

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

Spectra = NDArray[np.complex128]
Floats = NDArray[np.float64]

# Hops in a window.
OVERLAP = 4
# Hops on each side of a block that its windows reach.
CONTEXT = OVERLAP - 1

# 1024 frames at 44.1 kHz.
_HOP_SECS = 512 / 22050


def hop_frames(sample_rate: int) -> int:
    """Returns how many frames lie between the beginnings of two windows."""
    return max(round(_HOP_SECS * sample_rate), 1)


def cut_windows(waveforms: NDArray[np.floating[Any]], hop: int) -> NDArray[np.floating[Any]]:
    """Returns views of the windows that lie within waveforms: (J, T, C) -> (J, M, C, window)."""
    length = OVERLAP * hop
    return np.lib.stride_tricks.sliding_window_view(waveforms, length, axis=1)[:, ::hop]


def transform(windows: NDArray[np.floating[Any]]) -> Spectra:
    """Returns the spectra of what lies in windows: (..., window) -> (..., F)."""
    return np.asarray(scipy.fft.rfft(windows * _hann(windows.shape[-1])))


def to_spectra(waveforms: NDArray[np.floating[Any]], hop: int) -> Spectra:
    """Transforms every window that lies within waveforms: (J, T, C) -> (J, M, C, F)."""
    return transform(cut_windows(waveforms, hop))


def to_waveforms(spectra: Spectra, hop: int) -> Floats:
    """Overlaps and adds (J, M, C, F) over the hops that all their windows cover.

    Returns:
        Shape (J, (M - 3) hop, C).
    """
    num_sources, num_windows, channels, _ = spectra.shape
    window = _hann(OVERLAP * hop)
    windows = scipy.fft.irfft(spectra, OVERLAP * hop) * window
    num_hops = num_windows - CONTEXT
    # (J, M, C, window) -> (J, M, C, overlap, hop)
    parts = windows.reshape(*windows.shape[:-1], OVERLAP, hop)
    # Part i of a window lies in the hop i behind its own: (J, hops, C, hop).
    added = sum(parts[:, CONTEXT - i : CONTEXT - i + num_hops, :, i] for i in range(OVERLAP))
    # What the squared windows add up to at every frame.
    scale = np.square(window).sum() / hop
    frames_first = np.asarray(added).swapaxes(2, 3)
    return frames_first.reshape(num_sources, num_hops * hop, channels) / scale


def _hann(num_frames: int) -> Floats:
    return np.asarray(scipy.signal.windows.hann(num_frames, sym=False))
