"""Computes short-time spectra and their inverse, and bands of them, for any Keras backend.

Periodic Hann windows of W frames, a quarter of that apart, before the transform and behind its
inverse. Where four of them overlap, their squares add up to 1.5, so that nothing is lost. Columns
begin with the first frame and lie wholly within the waveform. All in float32.

Axes: M columns, F = W / 2 + 1 bins, T frames, N bands.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from configs.geometry import OVERLAP

Matrix = NDArray[np.float32]
Spectrum = tuple[Any, Any]
"""Real and imaginary parts, (..., M, F) each."""

_SHARED = OVERLAP - 1
# What the squares of four windows add up to.
_SQUARES = 1.5
# A full-scale sine has it in its bin: the sum of a Hann window over two, over two.
_FULL_SCALE = 1 / 4
# -80 dB: below it all is silence.
_LEAST_POWER = 1e-8


class Transform:
    """Is the transform of waveforms to columns, and its inverse."""

    def __init__(self, window_frames: int, as_products: bool = False) -> None:
        """Makes the transform of windows of W frames.

        Args:
            window_frames: W, a multiple of four.
            as_products: whether it is computed as products with matrices, for programs that know no
                Fourier transform. That takes more time, and 16 W (W / 2 + 1) bytes.
        """
        self._frames = window_frames
        self._hop = window_frames // OVERLAP
        self._window = hann(window_frames).astype(np.float32)
        self._products = None
        if as_products:
            self._products = _matrices(window_frames)

    def columns(self, waveforms: Any) -> Spectrum:
        """Returns the columns of waveforms (..., T), M = T / hop - 3 of them."""
        if self._products is None:
            options = (self._frames, self._hop, self._frames)
            real, imaginary = ops.stft(waveforms, *options, center=False)
            return real, imaginary
        num_hops = waveforms.shape[-1] // self._hop
        # (..., T) -> (..., T / hop, hop)
        hops = ops.reshape(waveforms, (-1, *waveforms.shape[1:-1], num_hops, self._hop))
        num_columns = num_hops - _SHARED
        parts = [hops[..., i : i + num_columns, :] for i in range(OVERLAP)]
        # (..., M, W) (W, F), with the window in the matrices.
        windows = ops.concatenate(parts, axis=-1)
        forward, _ = self._products
        return ops.matmul(windows, forward[0]), ops.matmul(windows, forward[1])

    def frames(self, spectrum: Spectrum) -> Any:
        """Returns the frames that four columns cover: (..., M, F) twice -> (..., (M - 3) hop)."""
        if self._products is None:
            return ops.custom_gradient(self._frames_and_gradient)(*spectrum)
        _, back = self._products
        windows = ops.matmul(spectrum[0], back[0]) + ops.matmul(spectrum[1], back[1])
        return self._overlapped(windows)

    def _frames_and_gradient(self, real: Any, imaginary: Any) -> tuple[Any, Any]:
        """Returns the frames, and what gives the gradient of a spectrum from that of its frames.

        The transform is linear, so that its gradient is its adjoint: columns of the gradient, as if
        it were a waveform with nothing before and behind it. Left to the backend, the steps of the
        transform one by one take three times as long.
        """
        scale = self._window / _SQUARES
        windows = ops.irfft((real, imaginary), self._frames) * scale
        counts = num_counted(self._frames) / self._frames / _SQUARES

        def gradient(of_frames: Any) -> Spectrum:
            border = _SHARED * self._hop
            around = [(0, 0)] * (len(of_frames.shape) - 1)
            columns = self.columns(ops.pad(of_frames, (*around, (border, border))))
            return columns[0] * counts, columns[1] * counts

        return self._overlapped(windows), gradient

    def _overlapped(self, windows: Any) -> Any:
        """Adds up windows a hop apart: (..., M, W) -> (..., (M - 3) hop)."""
        num_columns = windows.shape[-2]
        # Part i of a window lies in the hop i behind its own.
        hops = sum(
            windows[..., _SHARED - i : num_columns - i, i * self._hop : (i + 1) * self._hop]
            for i in range(OVERLAP)
        )
        num_frames = (num_columns - _SHARED) * self._hop
        return ops.reshape(hops, (-1, *windows.shape[1:-2], num_frames))


def _matrices(window_frames: int) -> tuple[list[Matrix], list[Matrix]]:
    """Returns the matrices of real and imaginary parts, (W, F) each, and of the way back, (F, W).

    Each holds the window; those of the way back also what the squares of four windows add up to.
    """
    frames = np.arange(window_frames)
    bins = np.arange(window_frames // 2 + 1)
    angles = 2 * np.pi / window_frames * (frames[:, None] * bins % window_frames)
    window = hann(window_frames)[:, None]
    forward = [window * np.cos(angles), -window * np.sin(angles)]
    counts = num_counted(window_frames)
    back = [(each * counts / window_frames / _SQUARES).T for each in forward]
    return _float32(forward), _float32(back)


def hann(window_frames: int) -> NDArray[np.float64]:
    """Returns the periodic window, (W,)."""
    return np.sin(np.pi / window_frames * np.arange(window_frames)) ** 2


def num_counted(window_frames: int) -> NDArray[np.float32]:
    """Returns how many bins of a transform of W numbers each of the F stands for."""
    counts = np.full(window_frames // 2 + 1, 2, np.float32)
    counts[[0, -1]] = 1
    return counts


def _float32(matrices: list[NDArray[np.float64]]) -> list[Matrix]:
    return [matrix.astype(np.float32) for matrix in matrices]


def magnitudes(spectrum: Spectrum) -> Any:
    """Returns |X|, whose gradient is 0 where X is 0."""
    power = ops.square(spectrum[0]) + ops.square(spectrum[1])
    is_zero = ops.cast(power == 0, "float32")
    return ops.sqrt(power + is_zero) - is_zero


def decibels(power: Any, window_frames: int) -> Any:
    """Returns powers |X|^2 as features from -2, silence, to 2, a full-scale sine: 20 dB a unit."""
    relative = power / (_FULL_SCALE * window_frames) ** 2
    return (10 * ops.log10(relative + _LEAST_POWER) + 40) / 20


def htk_filters(
    num_bands: int,
    num_bins: int,
    sample_rate: int,
    lowest_hz: float = 0.0,
    highest_hz: float = 0.0,
    of_one_area: bool = False,
) -> NDArray[np.float64]:
    """Returns triangles on the mel scale of ``mel_hats``, (N, F), else as ``slaney_filters``."""

    def mels_of_hz(hz: float) -> float:
        return float(np.log10(1 + hz / 700))

    return _triangles(
        lambda mels: 700 * (10**mels - 1),
        (mels_of_hz(lowest_hz), mels_of_hz(highest_hz or sample_rate / 2)),
        (num_bands, num_bins),
        sample_rate,
        of_one_area,
    )


def slaney_filters(
    num_bands: int,
    num_bins: int,
    sample_rate: int,
    lowest_hz: float = 0.0,
    highest_hz: float = 0.0,
    of_one_area: bool = False,
) -> NDArray[np.float64]:
    """Returns triangles on Slaney's mel scale, (N, F).

    The scale ("Auditory toolbox", 1998) is linear below 1 kHz and logarithmic above it.

    Args:
        num_bands: N.
        num_bins: F, from 0 Hz to half of the rate.
        sample_rate: in Hz.
        lowest_hz: where the first triangle begins.
        highest_hz: where the last one ends; 0: half of the rate.
        of_one_area: whether the area of each, over frequencies in Hz, is 1; else its height is.
    """
    return _triangles(
        _slaney_hz_of_mels,
        (_slaney_mels_of_hz(lowest_hz), _slaney_mels_of_hz(highest_hz or sample_rate / 2)),
        (num_bands, num_bins),
        sample_rate,
        of_one_area,
    )


def slaney_areas(
    num_bands: int, sample_rate: int, lowest_hz: float = 0.0, highest_hz: float = 0.0
) -> NDArray[np.float64]:
    """Returns the areas of the triangles of ``slaney_filters``, (N,), in Hz: half their widths.

    What ``librosa.filters.mel`` divides them by, so that each has the area 1. The sum over bins is
    another one where a triangle is narrow.
    """
    lowest = _slaney_mels_of_hz(lowest_hz)
    highest = _slaney_mels_of_hz(highest_hz or sample_rate / 2)
    edges = _slaney_hz_of_mels(np.linspace(lowest, highest, num_bands + 2))
    areas: NDArray[np.float64] = (edges[2:] - edges[:-2]) / 2
    return areas


def _triangles(
    hz_of_mels: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    mels: tuple[float, float],
    shape: tuple[int, int],
    sample_rate: int,
    of_one_area: bool,
) -> NDArray[np.float64]:
    """Returns triangles (N, F) equally far apart in mels; the edge of one is its neighbour's peak.

    Args:
        hz_of_mels: gives frequencies of points on the scale.
        mels: where the first one begins, and where the last one ends.
        shape: N and F.
        sample_rate: in Hz.
        of_one_area: whether the area of each is 1; else its height is.
    """
    num_bands, num_bins = shape
    edges = hz_of_mels(np.linspace(*mels, num_bands + 2))
    bins = np.linspace(0.0, sample_rate / 2, num_bins)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(np.minimum(rising, falling), 0.0)
    if not of_one_area:
        return triangles
    # Of the triangles themselves: narrow ones have few bins, which add up to less or more.
    return triangles * (2 / (edges[2:] - edges[:-2]))[:, None]


# 3 mels are 200 Hz up to 1000 Hz; from there on 27 mels are a factor of 6.4.
_HZ_A_MEL = 200 / 3
_FIRST_LOGARITHMIC_HZ = 1000.0
_STEP = np.log(6.4) / 27


def _slaney_mels_of_hz(hz: float) -> float:
    if hz < _FIRST_LOGARITHMIC_HZ:
        return hz / _HZ_A_MEL
    mels: float = _FIRST_LOGARITHMIC_HZ / _HZ_A_MEL + np.log(hz / _FIRST_LOGARITHMIC_HZ) / _STEP
    return mels


def _slaney_hz_of_mels(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    first = _FIRST_LOGARITHMIC_HZ / _HZ_A_MEL
    logarithmic = _FIRST_LOGARITHMIC_HZ * np.exp(_STEP * (mels - first))
    return np.where(mels < first, mels * _HZ_A_MEL, logarithmic)


def mel_hats(num_bands: int, num_bins: int, sample_rate: int) -> NDArray[np.float32]:
    """Returns how much of each band a bin is, (N, F): triangles that add up to 1 at every bin.

    Their peaks are equally far apart on the mel scale, 2595 log10(1 + f / 700) (O'Shaughnessy,
    "Speech communication", 1987), from 0 Hz to half the rate.
    """
    frequencies = np.linspace(0, sample_rate / 2, num_bins)
    mels = np.log10(1 + frequencies / 700)
    # In bands, from 0 to N - 1.
    positions = mels / mels[-1] * (num_bands - 1)
    distances = np.abs(positions - np.arange(num_bands)[:, None])
    return np.maximum(1 - distances, 0).astype(np.float32)
