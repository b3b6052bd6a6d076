"""Correlates what filters leave of the estimates of a track with its delayed references.

No track needs to fit in memory: the processes correlate groups of segments, and the sums are those
of the track.

Axes: J sources that sound in the track, N estimates, C channels, R signals that span the
references, T frames, L taps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np

from evaluation.estimates.sound_files import Floats
from evaluation.metrics.delays import Delays
from evaluation.scoring.segment_groups import SegmentGroup, load
from evaluation.scoring.track_filters import MIXTURE, Fit, Key, spanned
from evaluation.scoring.workers import Workers


class TrackProducts(NamedTuple):
    """Holds what one or more groups of segments add."""

    # <s_i, s_j delayed> of the signals that span the references, (R, R, L); None after the first
    # round.
    lags: Floats | None
    # Of each fit, (rows, C, columns, L).
    correlations: list[Floats]
    # Of the estimates, (N, C).
    energies: Floats


class _GroupFit(NamedTuple):
    """Holds what a process needs to know to correlate a group."""

    slots: Sequence[int]
    spans: Sequence[Floats]
    keys: Sequence[Key]
    fits: Sequence[Fit]
    taps: int
    # There are no filters yet.
    is_first_round: bool
    group: SegmentGroup
    is_last_group: bool


@dataclass(frozen=True)
class Correlator:
    """Correlates the estimates of a track with its delayed references, group by group."""

    groups: Sequence[SegmentGroup]
    workers: Workers
    slots: Sequence[int]
    keys: Sequence[Key]
    taps: int

    def run(
        self, spans: Sequence[Floats], fits: Sequence[Fit], is_first_round: bool = False
    ) -> TrackProducts:
        """Adds up the products of all groups."""
        calls = [
            _GroupFit(
                slots=self.slots,
                spans=spans,
                keys=self.keys,
                fits=fits,
                taps=self.taps,
                is_first_round=is_first_round,
                group=group,
                is_last_group=group is self.groups[-1],
            )
            for group in self.groups
        ]
        return reduce(_add, self.workers.map(_correlate, calls))


def _correlate(call: _GroupFit) -> TrackProducts:
    """Correlates what the filters leave of the signals of a group with the delayed references."""
    delays, signals = _read_signals(call)
    correlations = []
    for fit in call.fits:
        # (rows, C, T) -> (rows C, T)
        remaining = signals[list(fit.rows)]
        if not call.is_first_round:
            remaining = remaining - fit.apply(delays)
        flat = remaining.reshape(-1, signals.shape[-1])
        correlated = delays.part(fit.columns).correlate(flat)
        correlations.append(correlated.reshape(fit.filters.shape))
    energies = np.square(signals).sum(axis=-1)
    lags = None
    if call.is_first_round:
        lags = delays.lags()
    return TrackProducts(lags, correlations, energies)


def _read_signals(call: _GroupFit) -> tuple[Delays, Floats]:
    """Reads the delayed references of a group and its estimates, (N, C, T).

    Its first frames depend on the L - 1 frames of the references before it. The filters ring on for
    L - 1 frames behind the track, which belong to its last group.
    """
    group = call.group
    before = call.taps - 1
    start = group.start - before
    stop = group.stop
    if call.is_last_group:
        stop += before
    first = max(start, 0)
    last = min(stop, group.track.num_frames)
    audio = load(group, first, last)

    def padded(waveforms: Floats) -> Floats:
        # (..., T, C) -> (..., C, stop - start), zeros beyond the ends of the track
        widths = [(0, 0)] * (waveforms.ndim - 1) + [(first - start, stop - last)]
        return np.pad(waveforms.swapaxes(-1, -2), widths)

    references = spanned(call.spans, padded(audio.references[list(call.slots)]))
    delays = Delays(references[:, before:], call.taps, before=references[:, :before])
    waveforms = []
    for system, place in call.keys:
        if system == MIXTURE:
            waveforms.append(audio.mixture)
        else:
            waveforms.append(audio.estimates[system][call.slots[place]])
    return delays, padded(np.stack(waveforms))[..., before:]


def _add(one: TrackProducts, other: TrackProducts) -> TrackProducts:
    lags = None
    if one.lags is not None and other.lags is not None:
        lags = one.lags + other.lags
    pairs = zip(one.correlations, other.correlations, strict=True)
    correlations = [mine + theirs for mine, theirs in pairs]
    return TrackProducts(lags, correlations, one.energies + other.energies)
