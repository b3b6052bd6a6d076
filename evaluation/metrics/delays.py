"""Multiplies with the matrix of delayed references, block by block with short transforms.

The signals that filters of L taps make of R references of T frames are the span of the columns of
the matrix A, (T, R L): every reference at every delay below L. A is never there whole. No lag
reaches L, so that correlations (A^T x) and filters (A c) are computed by overlap-save: the frames
are cut into B blocks, and each frequency of their transforms takes one product of matrices.

Axes: R references, N signals, T frames, L taps, B blocks, F frequencies.
"""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Spectra = NDArray[np.complex128]


class Delays:
    """Is the matrix A, as far as it is ever needed: times a vector, and its transpose times one."""

    def __init__(
        self,
        references: Floats,
        taps: int,
        before: Floats | None = None,
        spectra: Spectra | None = None,
    ) -> None:
        """Transforms the references, unless that is done.

        Args:
            references: shape (R, T).
            taps: L.
            before: the L - 1 frames before the references, shape (R, L - 1); None for zeros.
            spectra: those of the references, shape (F, R, B), where they are known.
        """
        self.references = references
        self.taps = taps
        self._frames = references.shape[-1]
        # Each transform takes in the L - 1 frames before its block.
        self._num_fft = scipy.fft.next_fast_len(4 * taps, real=True)
        self._hop = self._num_fft - taps + 1
        self._num_blocks = -(-self._frames // self._hop)
        self._missing = self._num_blocks * self._hop - self._frames
        if spectra is None:
            spectra = self._transform_references(before)
        self._spectra = spectra

    def part(self, chosen: slice) -> "Delays":
        """Returns the matrix of some of the references, which shares their transforms."""
        return Delays(self.references[chosen], self.taps, spectra=self._spectra[:, chosen])

    def correlate(self, signals: Floats) -> Floats:
        """Computes A^T x for each of N signals: (N, T) -> (N, R, L)."""
        padded = np.pad(signals, ((0, 0), (0, self._missing)))
        # (N, B, hop) -> (N, B, num_fft): zeros in front, so that lags do not wrap around.
        blocks = padded.reshape(len(signals), self._num_blocks, self._hop)
        blocks = np.pad(blocks, ((0, 0), (0, 0), (self.taps - 1, 0)))
        # (F, N, B)
        spectra = _frequencies_first(scipy.fft.rfft(blocks))
        # (F, N, B) @ (F, B, R) -> (F, N, R): the sum over the blocks.
        products = spectra @ self._spectra.conj().swapaxes(1, 2)
        return scipy.fft.irfft(np.moveaxis(products, 0, -1), self._num_fft)[..., : self.taps]

    def filter(self, filters: Floats) -> Floats:
        """Computes A c for each of N sets of filters: (N, R, L) -> (N, T)."""
        # (F, N, R) @ (F, R, B) -> (F, N, B)
        spectra = _frequencies_first(scipy.fft.rfft(filters, self._num_fft)) @ self._spectra
        # (N, B, hop): the first L - 1 frames of each transform have wrapped around.
        blocks = scipy.fft.irfft(np.moveaxis(spectra, 0, -1), self._num_fft)[..., self.taps - 1 :]
        return blocks.reshape(len(filters), -1)[:, : self._frames]

    def lags(self) -> Floats:
        """Computes what A^T A is made of: <s_i, s_j delayed by b> as [i, j, b], shape (R, R, L)."""
        return self.correlate(self.references)

    def _transform_references(self, before: Floats | None) -> Spectra:
        num_references = len(self.references)
        if before is None:
            before = np.zeros((num_references, self.taps - 1))
        behind = np.zeros((num_references, self._missing))
        padded = np.concatenate([before, self.references, behind], axis=-1)
        # (R, B, num_fft), each block with the L - 1 frames before it.
        windows = np.lib.stride_tricks.sliding_window_view(padded, self._num_fft, axis=-1)
        return _frequencies_first(scipy.fft.rfft(windows[:, :: self._hop]))


def _frequencies_first(spectra: Spectra) -> Spectra:
    """Moves the last axis to the front, in memory too: products of matrices want it so."""
    return np.ascontiguousarray(np.moveaxis(spectra, -1, 0))
