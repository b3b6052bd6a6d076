"""Solves normal equations whose matrix is block Toeplitz, by factors of more and more patience.

A is the matrix of delayed references of ``delays``, (T, R L). With zeros behind the references
A^T A is block Toeplitz. The block Schur algorithm factorises it in 4 R^3 L^2 operations instead of
the (R L)^3 / 3 of a Cholesky factorisation that knows nothing of its structure: T. Kailath and A.
H. Sayed, "Displacement structure: theory and applications", SIAM Review 37, 1995. Its hyperbolic
transformations come in the mixed form, which is stable: A. W. Bojanczyk, R. P. Brent, F. R. de Hoog
and D. R. Sweet, "On the stability of the Bareiss and related Toeplitz factorization algorithms",
SIAM Journal on Matrix Analysis and Applications 16, 1995.

Axes: R references, N signals, L taps.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.linalg import blas, lapack

from evaluation.metrics.delays import Floats

# Up to so many columns a plain Cholesky factorisation is as fast.
_DENSE_SIZE = 1024


class Solver(NamedTuple):
    """Solves A^T A c = b with a factor of A^T A."""

    # Correlations (N, R, L) -> filters (N, R, L).
    solve: Callable[[Floats], Floats]
    # What the last resort gives is taken, however many digits it has.
    is_last_resort: bool = False


def iter_solvers(lags: Floats, last_resort: bool = False) -> Iterator[Solver]:
    """Yields solvers of A^T A c = b, from the fastest to the one that bears most.

    One that rounding forbids is left out. A factor is freed once the next solver is asked for.

    Args:
        lags: shape (R, R, L), as ``Delays.lags`` gives them.
        last_resort: whether to end with a solver that leaves alone what is below the rounding of
            the references.
    """
    num_references, _, taps = lags.shape
    if num_references * taps > _DENSE_SIZE:
        upper = _schur(lags)
        if upper is not None:
            yield Solver(_substitution(upper.T, by_lag=True))
        # There is no memory for two factors.
        del upper
    lower, failed = lapack.dpotrf(_gram(lags).T, lower=1, clean=0, overwrite_a=1)
    if not failed:
        yield Solver(_substitution(lower, by_lag=False))
    if last_resort:
        del lower
        gram = _gram(lags)
        # A diagonal of the size of the rounding errors: Cholesky's algorithm then cannot fail.
        rounding = 10 * len(gram) * np.finfo(np.float64).eps * gram.diagonal().max()
        gram[np.diag_indices(len(gram))] += rounding
        lower, failed = lapack.dpotrf(gram.T, lower=1, clean=0, overwrite_a=1)
        if not failed:
            yield Solver(_substitution(lower, by_lag=False), is_last_resort=True)


def _substitution(lower: Floats, by_lag: bool) -> Callable[[Floats], Floats]:
    """Returns a function that solves with a Cholesky factor of A^T A.

    Args:
        lower: the factor, shape (R L, R L); what is above its diagonal does not count.
        by_lag: whether its rows go through the references lag by lag, or through the lags of one
            reference after the other.
    """

    def solve(right: Floats) -> Floats:
        # (N, R, L), or (N, L, R) if by lag
        ordered = right.swapaxes(1, 2) if by_lag else right
        solution, _ = lapack.dpotrs(lower, ordered.reshape(len(right), -1).T, lower=1)
        filters = solution.T.reshape(ordered.shape)
        return filters.swapaxes(1, 2) if by_lag else filters

    return solve


def _schur(lags: Floats) -> Floats | None:
    """Factorises A^T A = U^T U by the block Schur algorithm, rows and columns lag by lag.

    Returns:
        U of shape (L R, L R), upper triangular, with anything below its diagonal; None where
        rounding forbids.
    """
    size, _, taps = lags.shape
    total = size * taps
    # Blocks of A^T A in its first R rows: (R, R, L) -> (R, L R).
    first = lags.transpose(0, 2, 1).reshape(size, total)
    root, failed = lapack.dpotrf(first[:, :size], lower=1, clean=1)
    if failed:
        return None
    upper = np.empty((total, total))
    upper[:size] = blas.dtrsm(1.0, root, first, lower=1)
    # A generator of A^T A: above, the newest R rows of U, moved to the right by R columns; below,
    # the rest, the negative part of what A^T A differs by from itself moved so.
    generator = np.empty((2 * size, total))
    generator[size:] = upper[:size]
    generator[:size, size:] = upper[:size, :-size]
    for start in range(size, total, size):
        # (2 R, what is left of L R)
        remaining = generator[:, start:]
        transformation = _hyperbolic(remaining[:size, :size], remaining[size:, :size])
        if transformation is None:
            return None
        rows = upper[start : start + size, start:]
        np.matmul(transformation[0], remaining, out=rows)
        # The mixed form: the rest is made of the new rows, not of the old ones.
        remaining[:size] = rows
        remaining[size:] = transformation[1] @ remaining
        generator[:size, start + size :] = rows[:, :-size]
    return upper


def _hyperbolic(positive: Floats, negative: Floats) -> Floats | None:
    """Returns the hyperbolic transformation that frees the first block of a generator of its rest.

    With the ratio K = negative positive^-1 and the Cholesky factors S of I - K^T K and G of
    I - K K^T, the new rows are S^-1 (rows - K^T rest), and the new rest, in the mixed form, is
    G^T rest - G^-1 K S (new rows).

    Args:
        positive: upper triangular, shape (R, R).
        negative: shape (R, R).

    Returns:
        Both linear combinations of rows and rest, shape (2, R, 2 R); None where rounding forbids.
    """
    size = len(positive)
    identity = np.eye(size)
    ratio = blas.dtrsm(1.0, positive, negative, side=1, lower=0)
    shrunk, failed = lapack.dpotrf(identity - ratio.T @ ratio, lower=1, clean=1)
    grown, failed_too = lapack.dpotrf(identity - ratio @ ratio.T, lower=1, clean=1)
    if failed or failed_too:
        return None
    transformation = np.empty((2, size, 2 * size))
    inverse, _ = lapack.dtrtri(shrunk, lower=1)
    transformation[0, :, :size] = inverse
    transformation[0, :, size:] = -transformation[0, :, :size] @ ratio.T
    transformation[1, :, :size] = -blas.dtrsm(1.0, grown, ratio @ shrunk, lower=1)
    transformation[1, :, size:] = grown.T
    return transformation


def _gram(lags: Floats) -> Floats:
    """Returns A^T A, rows and columns by reference and lag, shape (R L, R L).

    Blocks below the diagonal are anything: no factorisation reads them.
    """
    size, _, taps = lags.shape
    gram = np.empty((size, taps, size, taps))
    for i in range(size):
        for j in range(i, size):
            # A Toeplitz matrix: each row begins a lag before the one above. (2 L - 1) -> (L, L)
            diagonals = np.concatenate([lags[j, i, ::-1], lags[i, j, 1:]])
            gram[i, :, j] = sliding_window_view(diagonals, taps)[::-1]
    return gram.reshape(size * taps, size * taps)
