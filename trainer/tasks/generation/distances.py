"""Computes how far apart short sounds are.

Axes: N and M sounds, T frames, J columns, F bins.
"""

import numpy as np
from numpy.typing import NDArray

Sounds = NDArray[np.float32]
# Levels in dB, (N, J, F).
Levels = NDArray[np.float32]
Distances = NDArray[np.float64]

WINDOW_FRAMES = 1024
HOP_FRAMES = 256
FLOOR_DB = -80.0


def spectral_levels(sounds: Sounds) -> Levels:
    """Returns the levels of sounds (N, T) in columns and bins, (N, J, F), in dB.

    A sine of full scale has 0 dB, nothing less than -80 dB. Windows (Hann) of 1024 frames, of
    shorter sounds one padded with zeros, begin every 256 frames.
    """
    num_frames = sounds.shape[1]
    missing = max(0, WINDOW_FRAMES - num_frames)
    padded = np.pad(sounds, [(0, 0), (0, missing)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_FRAMES, axis=1)
    phases = 2 * np.pi * np.arange(WINDOW_FRAMES) / WINDOW_FRAMES
    hann = (0.5 - 0.5 * np.cos(phases)).astype(np.float32)
    spectra = np.fft.rfft(windows[:, ::HOP_FRAMES] * hann)
    # The window sums to half its length, of which a sine has half on either side.
    magnitudes = np.abs(spectra) / (WINDOW_FRAMES / 4)
    floor = 10 ** (FLOOR_DB / 20)
    return (20 * np.log10(np.maximum(magnitudes, floor))).astype(np.float32)


def log_spectral_distances(levels: Levels, others: Levels) -> Distances:
    """Returns the log-spectral distance of pairs, (N,), in dB.

    Gray, Markel, "Distance measures for speech processing", IEEE TASSP 24 (5), 1976: the root mean
    square over bins of the difference of levels, here the mean over columns of it.

    Args:
        levels: (N, J, F).
        others: (N, J, F), or (1, J, F).
    """
    squares = np.square(levels - others).mean(axis=2)
    return np.asarray(np.sqrt(squares).mean(axis=1), np.float64)


def all_distances(levels: Levels, others: Levels) -> Distances:
    """Returns the log-spectral distance of each sound to each other one, (N, M), in dB."""
    num_bins = levels.shape[2]
    distances = np.zeros((len(levels), len(others)))
    energies = np.square(levels, dtype=np.float64).sum(axis=2)
    other_energies = np.square(others, dtype=np.float64).sum(axis=2)
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a b, column by column.
    for column in range(levels.shape[1]):
        products = levels[:, column].astype(np.float64) @ others[:, column].T
        squares = energies[:, column, None] + other_energies[None, :, column] - 2 * products
        distances += np.sqrt(np.maximum(squares, 0) / num_bins)
    return distances / levels.shape[1]


def squared_mmd(levels: Levels, others: Levels, bandwidth: float) -> float:
    """Returns the squared maximum mean discrepancy of two sets of sounds, without bias.

    Gretton et al., "A kernel two-sample test", JMLR 13, 2012, equation 3, with a Gaussian kernel of
    the root mean square difference of levels. It is about 0, or below it, for sets of one kind.

    Args:
        levels: (N, J, F).
        others: (M, J, F).
        bandwidth: of the kernel, in dB.
    """
    within = _kernel(levels, levels, bandwidth)
    within_others = _kernel(others, others, bandwidth)
    across = _kernel(levels, others, bandwidth)
    return _mean_of_pairs(within) + _mean_of_pairs(within_others) - 2 * float(across.mean())


def median_distance(levels: Levels) -> float:
    """Returns the median of the root mean square differences of all pairs, in dB."""
    squares = _mean_squares(levels, levels)
    above = squares[np.triu_indices(len(levels), 1)]
    return float(np.median(np.sqrt(above)))


def _kernel(levels: Levels, others: Levels, bandwidth: float) -> Distances:
    return np.exp(-_mean_squares(levels, others) / (2 * bandwidth**2))


def _mean_squares(levels: Levels, others: Levels) -> Distances:
    """Returns the mean squared difference of levels of all pairs, (N, M)."""
    flat = levels.reshape(len(levels), -1).astype(np.float64)
    other_flat = others.reshape(len(others), -1).astype(np.float64)
    squares = np.square(flat).sum(axis=1)[:, None] + np.square(other_flat).sum(axis=1)[None]
    return np.maximum(squares - 2 * flat @ other_flat.T, 0) / flat.shape[1]


def _mean_of_pairs(kernel: Distances) -> float:
    """Returns the mean over pairs of different sounds."""
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))
