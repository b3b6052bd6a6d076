"""Projects signals orthogonally on what filters make of some references, by least squares.

The matrix A of delayed references is that of ``delays``, the factors of A^T A are those of
``solvers``.

The normal equations lose half the digits, and the Gram matrix of band-limited references has a
condition number of 1e10 and more. So a solution is corrected with the residual of the signals
themselves until it does not change (corrected semi-normal equations: A. Bjorck, "Stability analysis
of the method of seminormal equations for linear least squares problems", Linear Algebra and its
Applications 88/89, 1987). That comes to what an orthogonal factorisation of A gives, as long as the
factor has any digits. Where it has none (duplicates of a reference, hardly any noise outside the
band), first a Cholesky factorisation is tried, then A itself is factorised: seconds to minutes
instead of milliseconds. Where that needs too much memory (six stereo sources and more) what lies
below the rounding of the references is left alone instead, which may leave some tenths of a dB of
noise beyond their band unexplained.

Axes: R references, N signals, T frames, L taps.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import scipy.linalg
from scipy.linalg import lapack

from evaluation.metrics.delays import Delays, Floats
from evaluation.metrics.solvers import Solver, iter_solvers

# A correction below it, relative to the signal, is none.
EXACT = 1e-9
# One below it that does not become smaller is rounding.
ROUNDING = 1e-6
# A correction must shrink to less than this share of the last, else the factor has no digits.
SHRINK = 0.3

# For factorising A itself, beyond which that is left.
_MOST_BYTES = 1_350_000_000
# Columns that LAPACK's QR factorisation treats at a time.
_BLOCK = 64


class Subspace:
    """Is the space of the signals that filters make of some references."""

    def __init__(self, delays: Delays, memory_lock: AbstractContextManager[object]) -> None:
        """Prepares the first solver.

        Args:
            delays: of the references.
            memory_lock: is entered to factorise A itself, which takes ``rare_bytes``: processes
                that share the machine's memory share a lock.
        """
        self._delays = delays
        self._memory_lock = memory_lock
        lags = delays.lags()
        size, _, taps = lags.shape
        self._solvers = iter_solvers(lags, last_resort=_svd_bytes(size * taps) > _MOST_BYTES)
        self._solver = next(self._solvers, None)

    def project(self, signals: Floats) -> Floats:
        """Returns the nearest signals in the space to N signals, (N, T) twice."""
        while self._solver is not None:
            projection = self._approach(self._solver, signals)
            if projection is not None:
                return projection
            # Its factor must be gone before there is another: both may not fit in memory.
            self._solver = None
            self._solver = next(self._solvers, None)
        with self._memory_lock:
            return _project_by_svd(self._delays, signals)

    def _approach(self, solver: Solver, signals: Floats) -> Floats | None:
        """Computes the projection, corrected until it does not change.

        None where the solver has no digits.
        """
        sizes = np.linalg.norm(signals, axis=-1)
        scales = np.divide(1, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        projection = self._delays.filter(solver.solve(self._delays.correlate(signals)))
        # One correction of a mixture of all signals tells whether any of them needs one.
        weights = scales * np.random.default_rng(0).choice([-1.0, 1.0], len(signals))
        probe = self._correction(
            solver.solve, (weights @ signals)[None], (weights @ projection)[None]
        )
        change = float(np.linalg.norm(probe))
        last_change = 1.0
        # "not <" where it could be ">=": a change may be nan.
        while not change < EXACT:
            step = self._correction(solver.solve, signals, projection)
            change = float(np.max(np.linalg.norm(step, axis=-1) * scales, initial=0.0))
            if not change < SHRINK * last_change:
                if change < ROUNDING or solver.is_last_resort:
                    return projection
                return None
            projection = projection + step
            last_change = change
        return projection

    def _correction(
        self, solve: Callable[[Floats], Floats], signals: Floats, projection: Floats
    ) -> Floats:
        """Projects once more what the projection has left of the signals, (N, T) -> (N, T)."""
        return self._delays.filter(solve(self._delays.correlate(signals - projection)))


def rare_bytes(num_columns: int) -> int:
    """Returns the memory that factorising A itself may take, A with R L columns.

    One process at a time takes it, where nothing else serves.
    """
    return min(_svd_bytes(num_columns), _MOST_BYTES)


def _svd_bytes(num_columns: int) -> int:
    # A triangle of A and its singular vectors, with what LAPACK needs to find them.
    return 50 * num_columns**2


def _project_by_svd(delays: Delays, signals: Floats) -> Floats:
    """Projects on the singular vectors of A; directions below its rounding error are none.

    Signals (N, T) -> (N, T).
    """
    # With A = Q R', singular values and right singular vectors of R' are those of A.
    triangle, right = _factorise(delays, signals)
    size = len(triangle)
    left, sizes, axes = scipy.linalg.svd(triangle, overwrite_a=True, check_finite=False)
    num_frames = signals.shape[1]
    smallest = sizes[0] * max(size, num_frames) * np.finfo(np.float64).eps
    rank = np.count_nonzero(sizes > smallest)
    # (N, R L) -> (N, R, L)
    filters = ((left[:, :rank].T @ right).T / sizes[:rank]) @ axes[:rank]
    return delays.filter(filters.reshape(len(signals), -1, delays.taps))


def _factorise(delays: Delays, signals: Floats) -> tuple[Floats, Floats]:
    """Factorises A = Q R' by Householder's reflections, some rows of A at a time.

    The triangular factor of the rows of A so far takes up the next ones, and the signals with them,
    so that neither A nor Q is ever there whole.

    Returns:
        R', upper triangular, shape (R L, R L), and Q^T x of the signals, shape (R L, N).
    """
    references = delays.references
    taps = delays.taps
    total = len(references) * taps
    upper = np.zeros((total, total), order="F")
    right = np.zeros((total, len(signals)), order="F")
    padded = np.pad(references, ((0, 0), (taps - 1, 0)))
    num_frames = signals.shape[1]
    num_rows = max(total // 4, _BLOCK)
    for start in range(0, num_frames, num_rows):
        stop = min(start + num_rows, num_frames)
        stretch = padded[:, start : stop + taps - 1]
        windows = np.lib.stride_tricks.sliding_window_view(stretch, taps, axis=-1)
        # Rows of A: (R, rows, L), the last frame first -> (rows, R L).
        delayed = windows[..., ::-1].transpose(1, 0, 2).reshape(stop - start, total)
        upper, reflectors, blocks, _ = lapack.dtpqrt(
            0,
            min(_BLOCK, total),
            upper,
            np.asfortranarray(delayed),
            overwrite_a=1,
            overwrite_b=1,
        )
        right, _, _ = lapack.dtpmqrt(
            0, reflectors, blocks, right, signals[:, start:stop].T, trans="T", overwrite_a=1
        )
    return upper, right
