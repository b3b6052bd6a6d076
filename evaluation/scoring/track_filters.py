"""The distortion filters of BSS Eval v4 for a whole track, as museval has them: one least-squares fit over all frames.

No track needs to fit in memory: correlations are added up over stretches of it, and the fit is corrected with the
residual of the signals, stretch by stretch, as ``evaluation.metrics.least_squares`` does for a segment.

Axes: K slots, J of them that sound in the track, N estimates, C channels, R signals that span the references, T frames,
L taps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import NamedTuple

import numpy as np

from evaluation.estimates.track_on_disk import Floats
from evaluation.metrics import bss_eval
from evaluation.metrics.least_squares import EXACT, ROUNDING, SHRINK, Delays, Solver, iter_solvers
from evaluation.scoring.batches import SegmentGroup, load
from evaluation.scoring.workers import Workers

MIXTURE = "mixture"

Key = tuple[str, int]  # a system and the place of a source among the J; the mixture has place 0


@dataclass
class Fit:
    """The filters of some estimates on what spans some references."""

    rows: Sequence[int]  # which of the N estimates
    columns: slice  # which of the R signals
    filters: Floats  # (rows, C, columns, L)


@dataclass(frozen=True)
class TrackFilters:
    """Of every estimate of a track: on all its references, and on its own."""

    slots: Sequence[int]  # of the J sources
    keys: Sequence[Key]  # of the N estimates
    spans: Sequence[Floats]  # (R_j, C) for each source: the mixtures of its channels that span them
    everything: Fit
    own: Sequence[Fit]  # of each source

    def key(self, system: str, slot: int) -> Key:
        """Of the estimate of a slot."""
        return (MIXTURE, 0) if system == MIXTURE else (system, self.slots.index(slot))

    def energies(
        self,
        references: Floats,
        estimates: Floats,
        keys: Sequence[Key],
        chosen: bss_eval.Integers,
        owners: bss_eval.Integers,
    ) -> bss_eval.Energies:
        """The energies of pairs in a segment as of ``bss_eval.pair_energies``, with these filters instead of its own.

        Args:
            references: shape (J, T, C).
            estimates: shape (N, T, C).
            keys: of the estimates.
            chosen: shape (P,), the estimate of each pair.
            owners: shape (P,), the place of its reference among the J.
        """
        taps = self.everything.filters.shape[-1]
        references, estimates = (
            bss_eval.pad(references, taps - 1),
            bss_eval.pad(estimates, taps - 1),
        )
        delays = Delays(_spanned(self.spans, references), taps)
        places = [self.keys.index(key) for key in keys]

        def apply(fit: Fit, wanted: Sequence[int]) -> Floats:
            filters = fit.filters[[list(fit.rows).index(row) for row in wanted]]
            filtered = delays.part(fit.columns).filter(filters.reshape(-1, *filters.shape[2:]))
            return filtered.reshape(len(wanted), -1, filtered.shape[-1])

        def target(j: int, own: bss_eval.Integers) -> Floats:
            return apply(self.own[j], [places[chosen[p]] for p in own])

        return bss_eval.relate(
            references, estimates, chosen, owners, apply(self.everything, places), target
        )


class _GroupProducts(NamedTuple):
    """What one task adds."""

    lags: Floats | None  # (R, R, L)
    correlations: list[Floats]  # of each fit, (rows, C, columns, L)
    energies: Floats  # of the estimates, (N, C)


class _Call(NamedTuple):
    """What a process needs to know to work on a task."""

    slots: Sequence[int]
    spans: Sequence[Floats]
    keys: Sequence[Key]
    fits: Sequence[Fit]
    taps: int
    first: bool  # there are no filters yet
    task: SegmentGroup
    is_last: bool


@dataclass
class _Search:
    """A fit on its way to the least squares."""

    fit: Fit
    solvers: Iterator[Solver]
    start: Floats  # the correlations of the signals themselves
    solver: Solver | None = None
    last: float = field(default=np.inf)
    done: bool = False

    def correct(self, correlations: Floats, energies: Floats) -> None:
        """Take one step, given the correlations of what the filters leave of the signals."""
        self.solver = self.solver or next(self.solvers, None)
        if self.solver is None:
            raise ValueError(
                "the references of the track depend on each other; fit filters per segment instead."
            )
        flat = correlations.reshape(-1, *correlations.shape[2:])
        step = self.solver.solve(flat)
        sizes = np.sqrt(
            np.abs(np.sum(step * flat, axis=(1, 2))) / np.maximum(energies.ravel(), 1e-300)
        )
        change = float(sizes.max(initial=0.0))
        if change < SHRINK * self.last:
            self.fit.filters += step.reshape(correlations.shape)
            self.done, self.last = change < EXACT, change
        elif change < ROUNDING or self.solver.is_last_resort:
            self.done = True
        else:  # no digits: begin again with the next solver
            self.fit.filters[:] = 0
            self.solver, self.last = None, np.inf
            self.correct(self.start, energies)


def fit_track(
    tasks: Sequence[SegmentGroup], systems: Sequence[str], products: Floats, workers: Workers
) -> TrackFilters:
    """Fit the filters of every estimate of a track.

    Args:
        tasks: of the track, in order.
        systems: the names of its systems, with the oracles.
        products: of the channels of each source over the track, (J, C, C).
        workers: what computes.
    """
    first = tasks[0]
    assert first.slots is not None
    slots, taps, channels = first.slots.tolist(), first.config.filter_taps, first.track.channels
    keys = [(system, j) for system in systems for j in range(len(slots))] + [(MIXTURE, 0)]
    spans = [_axes(each) for each in products]
    stops = np.cumsum([len(span) for span in spans]).tolist()

    def empty(rows: Sequence[int], columns: slice) -> Fit:
        return Fit(
            rows, columns, np.zeros((len(rows), channels, columns.stop - columns.start, taps))
        )

    own = [
        [n for n, (system, place) in enumerate(keys) if place == j or system == MIXTURE]
        for j in range(len(slots))
    ]
    columns = [slice(stop - len(span), stop) for span, stop in zip(spans, stops, strict=True)]
    fits = [empty(range(len(keys)), slice(0, stops[-1])), *map(empty, own, columns)]
    call = partial(_Call, slots, spans, keys)

    def run(wanted: Sequence[Fit], is_first: bool) -> _GroupProducts:
        calls = [call(wanted, taps, is_first, task, task is tasks[-1]) for task in tasks]
        return reduce(_add, workers.map(_correlate, calls))

    part = run(fits, True)
    assert part.lags is not None
    lags = part.lags
    scales = 1 / np.sqrt(np.maximum(np.einsum("rrl->rl", lags)[:, 0], 1e-300))
    spans = [scales[each, None] * span for each, span in zip(columns, spans, strict=True)]
    lags = lags * scales[:, None, None] * scales[:, None]
    started = [
        c * scales[fit.columns, None] for c, fit in zip(part.correlations, fits, strict=True)
    ]
    call = partial(_Call, slots, spans, keys)
    searches = [
        _Search(fit, iter_solvers(lags[fit.columns, fit.columns], last_resort=True), correlations)
        for fit, correlations in zip(fits, started, strict=True)
    ]
    remaining = started
    while unfinished := [search for search in searches if not search.done]:
        for search, correlations in zip(unfinished, remaining, strict=True):
            search.correct(correlations, part.energies[list(search.fit.rows)])
        unfinished = [search for search in unfinished if not search.done]
        remaining = (
            run([search.fit for search in unfinished], False).correlations if unfinished else []
        )
    return TrackFilters(slots, keys, spans, fits[0], fits[1:])


def _axes(products: Floats) -> Floats:
    """Mixtures of the channels of a source that are orthogonal over the track, (R, C)."""
    sizes = np.sqrt(products.diagonal())
    scales = np.divide(1, sizes, out=np.zeros_like(sizes), where=sizes > 0)[sizes > 0]
    sounding = np.flatnonzero(sizes > 0)
    _, axes = np.linalg.eigh(products[np.ix_(sounding, sounding)] * scales[:, None] * scales)
    span = np.zeros((len(sounding), len(products)))
    span[:, sounding] = axes.T * scales
    return span


def _spanned(spans: Sequence[Floats], references: Floats) -> Floats:
    """References (J, C, T) as the signals that span them, (R, T)."""
    return np.concatenate(
        [span @ reference for span, reference in zip(spans, references, strict=True)]
    )


def _correlate(call: _Call) -> _GroupProducts:
    """The correlations of what the filters leave of the signals in a task with the delayed references."""
    task, before = call.task, call.taps - 1
    stop = task.stop + (before if call.is_last else 0)  # the filters ring on behind the track
    inside = max(task.start - before, 0), min(stop, task.track.num_frames)
    audio = load(task, *inside)
    around = (inside[0] - (task.start - before), stop - inside[1])

    def padded(waveforms: Floats) -> Floats:
        return np.pad(waveforms.swapaxes(-1, -2), [(0, 0)] * (waveforms.ndim - 1) + [around])

    references = _spanned(call.spans, padded(audio.references[list(call.slots)]))
    delays = Delays(references[:, before:], call.taps, references[:, :before])
    waveforms = [
        audio.mixture if n == MIXTURE else audio.estimates[n][call.slots[j]] for n, j in call.keys
    ]
    signals = padded(np.stack(waveforms))[..., before:]  # (N, C, T)
    found = []
    for fit in call.fits:
        part, left = (
            delays.part(fit.columns),
            signals[list(fit.rows)].reshape(-1, signals.shape[-1]),
        )
        if not call.first:
            left = left - part.filter(fit.filters.reshape(-1, *fit.filters.shape[2:]))
        found.append(part.correlate(left).reshape(fit.filters.shape))
    return _GroupProducts(
        delays.lags() if call.first else None, found, np.square(signals).sum(axis=-1)
    )


def _add(one: _GroupProducts, other: _GroupProducts) -> _GroupProducts:
    lags = one.lags + other.lags if one.lags is not None and other.lags is not None else None
    found = [
        mine + theirs for mine, theirs in zip(one.correlations, other.correlations, strict=True)
    ]
    return _GroupProducts(lags, found, one.energies + other.energies)
