"""Fits the distortion filters of BSS Eval v4 to a whole track, as museval does.

It is one least-squares fit over all frames, for every estimate on all references and on its own.
The fit is corrected with the residual of the signals, group of segments by group, as
``evaluation.metrics.least_squares`` does for a segment.

Axes: J sources that sound in the track, N estimates, C channels, R signals that span the
references, L taps.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.estimates.sound_files import Floats
from evaluation.metrics.least_squares import EXACT, ROUNDING, SHRINK
from evaluation.metrics.solvers import Solver, iter_solvers
from evaluation.scoring.segment_groups import SegmentGroup
from evaluation.scoring.track_correlations import Correlator
from evaluation.scoring.track_filters import MIXTURE, Fit, Key, TrackFilters
from evaluation.scoring.workers import Workers

# Keeps quotients finite; far below the energy of anything that sounds.
_LEAST_ENERGY = 1e-300


@dataclass
class _Search:
    """Is a fit on its way to the least squares."""

    fit: Fit
    solvers: Iterator[Solver]
    # The correlations of the signals themselves.
    start: Floats
    solver: Solver | None = None
    last_change: float = np.inf
    done: bool = False

    def correct(self, correlations: Floats, energies: Floats) -> None:
        """Takes one step of the corrected semi-normal equations.

        Args:
            correlations: of what the filters leave of the signals, (rows, C, columns, L).
            energies: of the signals, (rows, C).

        Raises:
            ValueError: no solver has any digits.
        """
        if self.solver is None:
            self.solver = next(self.solvers, None)
        if self.solver is None:
            raise ValueError(
                "the references of the track depend on each other; fit filters per segment instead."
            )
        # (rows C, columns, L)
        flat = correlations.reshape(-1, *correlations.shape[2:])
        step = self.solver.solve(flat)
        # The energy of a filtered step c is c^T A^T A c = c^T b: no signal needs to be filtered.
        step_energies = np.abs(np.sum(step * flat, axis=(1, 2)))
        sizes = np.sqrt(step_energies / np.maximum(energies.ravel(), _LEAST_ENERGY))
        change = float(sizes.max(initial=0.0))
        if change < SHRINK * self.last_change:
            self.fit.filters += step.reshape(correlations.shape)
            self.done = change < EXACT
            self.last_change = change
        elif change < ROUNDING or self.solver.is_last_resort:
            self.done = True
        else:
            # The factor has no digits: begin again with the next solver.
            self.fit.filters[:] = 0
            self.solver = None
            self.last_change = np.inf
            self.correct(self.start, energies)


def fit_track(
    groups: Sequence[SegmentGroup], systems: Sequence[str], products: Floats, workers: Workers
) -> TrackFilters:
    """Fits the filters of every estimate of a track.

    Args:
        groups: of the track, in order.
        systems: the names of its systems, with the oracles.
        products: of the channels of each source over the track, (J, C, C).
        workers: what computes.

    Raises:
        ValueError: the references depend on each other beyond any remedy.
    """
    first = groups[0]
    assert first.slots is not None
    slots = first.slots.tolist()
    keys = [(system, j) for system in systems for j in range(len(slots))]
    keys.append((MIXTURE, 0))
    correlator = Correlator(groups, workers, slots, keys, first.config.filter_taps)
    spans = [_axes(each) for each in products]
    fits = _empty_fits(keys, spans, first.track.channels, first.config.filter_taps)
    total = correlator.run(spans, fits, is_first_round=True)
    assert total.lags is not None
    # Signals of equal energy, so that a soft reference does not look like a dependent one. (R,)
    powers = np.einsum("rrl->rl", total.lags)[:, 0]
    scales = 1 / np.sqrt(np.maximum(powers, _LEAST_ENERGY))
    lags = total.lags * scales[:, None, None] * scales[:, None]
    for j, fit in enumerate(fits[1:]):
        spans[j] = scales[fit.columns, None] * spans[j]
    searches = []
    for fit, correlations in zip(fits, total.correlations, strict=True):
        solvers = iter_solvers(lags[fit.columns, fit.columns], last_resort=True)
        searches.append(_Search(fit, solvers, correlations * scales[fit.columns, None]))

    def correlate(unfinished: Sequence[Fit]) -> list[Floats]:
        return correlator.run(spans, unfinished).correlations

    _finish(searches, total.energies, correlate)
    return TrackFilters(slots, keys, spans, everything=fits[0], own=fits[1:])


def _axes(products: Floats) -> Floats:
    """Returns mixtures of the channels of a source that are orthogonal over the track.

    Products of its channels (C, C) -> mixtures (R, C), R the number of channels that sound.
    """
    sizes = np.sqrt(products.diagonal())
    sounding = np.flatnonzero(sizes > 0)
    scales = np.divide(1, sizes, out=np.zeros_like(sizes), where=sizes > 0)[sizes > 0]
    scaled = products[np.ix_(sounding, sounding)] * scales[:, None] * scales
    _, axes = np.linalg.eigh(scaled)
    span = np.zeros((len(sounding), len(products)))
    span[:, sounding] = axes.T * scales
    return span


def _empty_fits(
    keys: Sequence[Key], spans: Sequence[Floats], channels: int, taps: int
) -> list[Fit]:
    """Returns filters of zeros: of all estimates on all references, then those of each source.

    An estimate is fitted on its own reference, the mixture on every one.
    """

    def empty(rows: Sequence[int], columns: slice) -> Fit:
        num_columns = columns.stop - columns.start
        return Fit(rows, columns, np.zeros((len(rows), channels, num_columns, taps)))

    fits = [empty(range(len(keys)), slice(0, sum(len(span) for span in spans)))]
    start = 0
    for j, span in enumerate(spans):
        rows = [n for n, (system, place) in enumerate(keys) if place == j or system == MIXTURE]
        fits.append(empty(rows, slice(start, start + len(span))))
        start += len(span)
    return fits


def _finish(
    searches: Sequence[_Search],
    energies: Floats,
    correlate: Callable[[Sequence[Fit]], list[Floats]],
) -> None:
    """Corrects all fits until none changes.

    Args:
        searches: one for each fit.
        energies: of the estimates, (N, C).
        correlate: some fits -> the correlations of what each leaves of its signals. It goes through
            the whole track once.
    """
    unfinished = list(searches)
    remaining = [search.start for search in searches]
    while unfinished:
        for search, correlations in zip(unfinished, remaining, strict=True):
            search.correct(correlations, energies[list(search.fit.rows)])
        unfinished = [search for search in unfinished if not search.done]
        if unfinished:
            remaining = correlate([search.fit for search in unfinished])
