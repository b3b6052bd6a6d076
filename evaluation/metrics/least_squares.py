"""Orthogonal projection on what filters make of some signals: least squares with a block Toeplitz Gram matrix.

The signals that filters of L taps make of R references of T frames are the span of the columns of A, (T, R L): every
reference at every delay below L. With zeros behind the references A^T A is block Toeplitz, and two things follow.

The block Schur algorithm factorises it in 4 R^3 L^2 operations instead of the (R L)^3 / 3 of a Cholesky factorisation
that knows nothing of its structure (T. Kailath and A. H. Sayed, "Displacement structure: theory and applications", SIAM
Review 37, 1995; its hyperbolic transformations in the mixed form that is stable: A. W. Bojanczyk, R. P. Brent, F. R. de
Hoog and D. R. Sweet, "On the stability of the Bareiss and related Toeplitz factorization algorithms", SIAM Journal on
Matrix Analysis and Applications 16, 1995). And no lag reaches L, so that correlations and filters are computed block by
block with short transforms, one product of matrices for each frequency.

The normal equations lose half the digits, and the Gram matrix of band-limited references has a condition number of 1e10
and more. So a solution is corrected with the residual of the signals themselves until it does not change (corrected
semi-normal equations: A. Bjorck, "Stability analysis of the method of seminormal equations for linear least squares
problems", Linear Algebra and its Applications 88/89, 1987). That comes to what an orthogonal factorisation of A gives,
as long as the factor has any digits. Where it has none (duplicates of a reference, hardly any noise outside the band),
first a Cholesky factorisation is tried, then A itself is factorised: seconds to minutes instead of milliseconds. Where
that needs too much memory (six stereo sources and more) what lies below the rounding of the references is left alone
instead, which may leave some tenths of a dB of noise beyond their band unexplained.

Axes: R references, N signals, T frames, L taps, B blocks.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
import scipy.fft
import scipy.linalg
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

Floats = NDArray[np.float64]

EXACT = 1e-9  # a correction below it, relative to the signal, is none
ROUNDING = 1e-6  # one below it that does not become smaller is rounding
SHRINK = 0.3  # what a correction must become smaller by, else there are no digits in the factor
_MOST_BYTES = 1_350_000_000  # for factorising A itself, beyond which that is left
_BLOCK = 64  # columns that LAPACK's QR factorisation treats at a time
_DENSE_SIZE = 1024  # up to it a plain Cholesky factorisation is as fast

# Entered to factorise A itself, which takes much memory: processes that share the machine share a lock.
alone: AbstractContextManager[object] = nullcontext()


class Solver(NamedTuple):
    """Solves A^T A c = b with a factor of A^T A."""

    solve: Callable[[Floats], Floats]  # correlations (N, R, L) -> filters (N, R, L)
    is_last_resort: bool = False  # what it gives is taken, however many digits it has


class Delays:
    """The matrix A, as far as it is ever needed: times a vector, and its transpose times one."""

    def __init__(self, references: Floats, taps: int, before: Floats | None = None) -> None:
        """References of shape (R, T), and the L - 1 frames before them, (R, L - 1), None for zeros."""
        self.taps, self._frames = taps, references.shape[-1]
        self._num_fft = scipy.fft.next_fast_len(4 * taps, real=True)
        self._hop = self._num_fft - taps + 1
        self._num_blocks = -(-self._frames // self._hop)
        self.references = references
        lead = np.zeros((len(references), taps - 1)) if before is None else before
        behind = np.zeros((len(references), self._num_blocks * self._hop - self._frames))
        padded = np.concatenate([lead, references, behind], axis=-1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, self._num_fft, axis=-1)[
            :, :: self._hop
        ]
        self._spectra = _frequencies_first(scipy.fft.rfft(windows))  # (F, R, B)

    def part(self, chosen: slice) -> "Delays":
        """The same of some of the references."""
        part = object.__new__(Delays)
        part.__dict__.update(self.__dict__)
        part.references, part._spectra = self.references[chosen], self._spectra[:, chosen]
        return part

    def correlate(self, signals: Floats) -> Floats:
        """A^T x for each of N signals: (N, T) -> (N, R, L)."""
        missing = self._num_blocks * self._hop - self._frames
        blocks = np.pad(signals, ((0, 0), (0, missing))).reshape(
            len(signals), self._num_blocks, self._hop
        )
        padded = np.pad(blocks, ((0, 0), (0, 0), (self.taps - 1, 0)))
        spectra = _frequencies_first(scipy.fft.rfft(padded))  # (F, N, B)
        products = spectra @ self._spectra.conj().swapaxes(
            1, 2
        )  # (F, N, R), summed over the blocks
        return scipy.fft.irfft(np.moveaxis(products, 0, -1), self._num_fft)[..., : self.taps]

    def filter(self, filters: Floats) -> Floats:
        """A c for each of N sets of filters: (N, R, L) -> (N, T)."""
        spectra = (
            _frequencies_first(scipy.fft.rfft(filters, self._num_fft)) @ self._spectra
        )  # (F, N, B)
        blocks = scipy.fft.irfft(np.moveaxis(spectra, 0, -1), self._num_fft)[..., self.taps - 1 :]
        return blocks.reshape(len(filters), -1)[:, : self._frames]

    def lags(self) -> Floats:
        """What A^T A is made of: <s_i, s_j delayed by b> as [i, j, b], shape (R, R, L)."""
        return self.correlate(self.references)


def _frequencies_first(spectra: NDArray[np.complex128]) -> NDArray[np.complex128]:
    return np.ascontiguousarray(np.moveaxis(spectra, -1, 0))


def iter_solvers(lags: Floats, last_resort: bool = False) -> Iterator[Solver]:
    """Solvers of A^T A c = b, from the fastest to the one that bears most, as far as they can be had.

    Args:
        lags: shape (R, R, L), as ``Delays.lags`` gives them.
        last_resort: whether to end with one that leaves alone what is below the rounding of the references.
    """
    if lags.shape[0] * lags.shape[2] > _DENSE_SIZE and (upper := _schur(lags)) is not None:
        yield Solver(_substitution(upper.T, by_lag=True))
        del upper
    lower, failed = lapack.dpotrf(_gram(lags).T, lower=1, clean=0, overwrite_a=1)
    if not failed:
        yield Solver(_substitution(lower, by_lag=False))
    if last_resort:
        del lower
        gram = _gram(lags)
        gram[np.diag_indices(len(gram))] += (
            10 * len(gram) * np.finfo(np.float64).eps * gram.diagonal().max()
        )
        lower, failed = lapack.dpotrf(gram.T, lower=1, clean=0, overwrite_a=1)
        if not failed:
            yield Solver(_substitution(lower, by_lag=False), is_last_resort=True)


def _substitution(lower: Floats, by_lag: bool) -> Callable[[Floats], Floats]:
    """Solve with a Cholesky factor whose rows go through the references lag by lag, or through the lags of each."""

    def solve(right: Floats) -> Floats:
        ordered = right.swapaxes(1, 2) if by_lag else right
        solution, _ = lapack.dpotrs(lower, ordered.reshape(len(right), -1).T, lower=1)
        filters = solution.T.reshape(ordered.shape)
        return filters.swapaxes(1, 2) if by_lag else filters

    return solve


def _schur(lags: Floats) -> Floats | None:
    """The upper triangular U with U^T U = A^T A, rows and columns by lag and reference; None where rounding forbids.

    Below its diagonal U holds anything. Its rows are made in blocks of R: a block is the one before it, moved to the
    right by a block, and freed of what was subtracted there (``rest``) by a hyperbolic transformation.
    """
    size, _, taps = lags.shape
    total = size * taps
    upper = np.empty((total, total))
    first = lags.transpose(0, 2, 1).reshape(size, total)
    root, failed = lapack.dpotrf(first[:, :size], lower=1, clean=1)
    if failed:
        return None
    upper[:size] = blas.dtrsm(1.0, root, first, lower=1)
    pair = np.empty((2 * size, total))  # the block of rows, moved, and the rest
    pair[size:], pair[:size, size:] = upper[:size], upper[:size, :-size]
    identity, mix = np.eye(size), np.empty((2, size, 2 * size))
    for start in range(size, total, size):
        here = pair[:, start:]
        ratio = blas.dtrsm(1.0, here[:size, :size], here[size:, :size], side=1, lower=0)
        shrunk, failed = lapack.dpotrf(identity - ratio.T @ ratio, lower=1, clean=1)
        grown, failed_too = lapack.dpotrf(identity - ratio @ ratio.T, lower=1, clean=1)
        if failed or failed_too:
            return None
        mix[0, :, :size], _ = lapack.dtrtri(shrunk, lower=1)
        mix[0, :, size:] = -mix[0, :, :size] @ ratio.T
        mix[1, :, :size], mix[1, :, size:] = (
            -blas.dtrsm(1.0, grown, ratio @ shrunk, lower=1),
            grown.T,
        )
        rows = upper[start : start + size, start:]
        np.matmul(mix[0], here, out=rows)
        here[:size] = rows
        here[size:] = mix[1] @ here
        pair[:size, start + size :] = rows[:, :-size]
    return upper


def _gram(lags: Floats) -> Floats:
    """A^T A, rows and columns by reference and lag, shape (R L, R L); blocks below the diagonal are anything."""
    size, _, taps = lags.shape
    gram = np.empty((size, taps, size, taps))
    for i in range(size):
        for j in range(i, size):
            gram[i, :, j] = scipy.linalg.toeplitz(lags[j, i], lags[i, j])
    return gram.reshape(size * taps, size * taps)


class Subspace:
    """What filters make of some references."""

    def __init__(self, delays: Delays) -> None:
        self._delays = delays
        size, _, taps = (lags := delays.lags()).shape
        self._solvers = iter_solvers(lags, last_resort=_svd_bytes(size * taps) > _MOST_BYTES)
        self._solver = next(self._solvers, None)

    def project(self, signals: Floats) -> Floats:
        """The nearest signals in it to N signals, (N, T) twice."""
        while self._solver is not None:
            found = self._approach(self._solver, signals)
            if found is not None:
                return found
            self._solver = None  # so that its factor is gone before there is another
            self._solver = next(self._solvers, None)
        with alone:
            return _project_by_svd(self._delays, signals)

    def _approach(self, solver: Solver, signals: Floats) -> Floats | None:
        """The projection, corrected until it does not change; None where the solver has no digits."""
        solve = solver.solve
        sizes = np.linalg.norm(signals, axis=-1)
        scales = np.divide(1, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        found = self._delays.filter(solve(self._delays.correlate(signals)))
        # One correction of a mixture of all signals tells whether any of them needs one.
        weights = scales * np.random.default_rng(0).choice([-1.0, 1.0], len(signals))
        probe = self._correction(solve, (weights @ signals)[None], (weights @ found)[None])
        last, change = 1.0, float(np.linalg.norm(probe))
        while not change < EXACT:
            step = self._correction(solve, signals, found)
            change = float(np.max(np.linalg.norm(step, axis=-1) * scales, initial=0.0))
            if not change < SHRINK * last:  # nan, too
                return found if change < ROUNDING or solver.is_last_resort else None
            found, last = found + step, change
        return found

    def _correction(
        self, solve: Callable[[Floats], Floats], signals: Floats, found: Floats
    ) -> Floats:
        return self._delays.filter(solve(self._delays.correlate(signals - found)))


def rare_bytes(num_columns: int) -> int:
    """What factorising A itself may take, A with R L columns: one process at a time, where nothing else serves."""
    return min(_svd_bytes(num_columns), _MOST_BYTES)


def _svd_bytes(num_columns: int) -> int:
    return (
        50 * num_columns**2
    )  # a triangle of A and its singular vectors, with what LAPACK needs to find them


def _project_by_svd(delays: Delays, signals: Floats) -> Floats:
    """Project on the singular vectors of A; directions below its rounding error are none.

    The triangular factor of the rows of A so far takes up the next ones, and the signals with them, so that A is never
    there whole.
    """
    references, taps, frames = delays.references, delays.taps, signals.shape[1]
    total = len(references) * taps
    upper, right = np.zeros((total, total), order="F"), np.zeros((total, len(signals)), order="F")
    padded = np.pad(references, ((0, 0), (taps - 1, 0)))
    for start in range(0, frames, rows := max(total // 4, _BLOCK)):
        stop = min(start + rows, frames)
        windows = np.lib.stride_tricks.sliding_window_view(
            padded[:, start : stop + taps - 1], taps, axis=-1
        )
        delayed = np.asfortranarray(
            windows[..., ::-1].transpose(1, 0, 2).reshape(stop - start, total)
        )
        upper, turns, blocks, _ = lapack.dtpqrt(
            0, min(_BLOCK, total), upper, delayed, overwrite_a=1, overwrite_b=1
        )
        right, _, _ = lapack.dtpmqrt(
            0, turns, blocks, right, signals[:, start:stop].T, trans="T", overwrite_a=1
        )
    left, sizes, axes = scipy.linalg.svd(upper, overwrite_a=True, check_finite=False)
    rank = np.count_nonzero(sizes > sizes[0] * max(total, frames) * np.finfo(np.float64).eps)
    filters = ((left[:, :rank].T @ right).T / sizes[:rank]) @ axes[:rank]
    return delays.filter(filters.reshape(len(signals), -1, taps))
