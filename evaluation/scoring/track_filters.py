"""Applies the distortion filters of BSS Eval v4 that were fitted to a whole track, as museval does.

They are fitted in ``track_fit``.

Axes: K slots, J of them that sound in the track, N estimates, P pairs of an estimate and a
reference, R signals that span the references, T frames, C channels, L taps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.estimates.sound_files import Floats
from evaluation.metrics import bss_eval
from evaluation.metrics.delays import Delays
from evaluation.metrics.energies import Energies, Integers, Pairs, relate

MIXTURE = "mixture"

# A system and the place of a source among the J. The mixture is one estimate, in place 0.
Key = tuple[str, int]


@dataclass
class Fit:
    """Holds the filters of some estimates on the signals that span some references."""

    # Which of the N estimates.
    rows: Sequence[int]
    # Which of the R signals.
    columns: slice
    # (rows, C, columns, L)
    filters: Floats

    def apply(self, delays: Delays) -> Floats:
        """Computes the part of each estimate that the signals of all references, (R, T), explain.

        Returns:
            Shape (rows, C, T).
        """
        return self._apply(delays, self.filters)

    def apply_to(self, delays: Delays, rows: Sequence[int]) -> Floats:
        """Filters as :func:`apply`, for some of its estimates, which may repeat."""
        own = list(self.rows)
        return self._apply(delays, self.filters[[own.index(row) for row in rows]])

    def _apply(self, delays: Delays, filters: Floats) -> Floats:
        # (rows, C, columns, L) -> (rows C, columns, L): every channel is a signal of its own.
        flat = filters.reshape(-1, *filters.shape[2:])
        # (rows C, T) -> (rows, C, T)
        filtered = delays.part(self.columns).filter(flat)
        return filtered.reshape(len(filters), -1, filtered.shape[-1])


@dataclass(frozen=True)
class TrackFilters:
    """Holds the filters of every estimate of a track: on all its references, and on its own."""

    # Of the J sources.
    slots: Sequence[int]
    # Of the N estimates.
    keys: Sequence[Key]
    # (R_j, C) for each source: mixtures of its channels that span them.
    spans: Sequence[Floats]
    everything: Fit
    # Of each source.
    own: Sequence[Fit]

    def key(self, system: str, slot: int) -> Key:
        """Returns the key of the estimate of a slot."""
        if system == MIXTURE:
            return MIXTURE, 0
        return system, self.slots.index(slot)

    def energies(
        self,
        references: Floats,
        estimates: Floats,
        keys: Sequence[Key],
        pairs: Pairs,
    ) -> Energies:
        """Computes the energies of pairs in a segment as ``bss_eval.pair_energies``.

        The filters are these, not those of the segment.

        Args:
            references: shape (J, T, C).
            estimates: shape (N, T, C), of any number of estimates of the track.
            keys: of these estimates.
            pairs: of an estimate, and the place of its reference among the J.

        Returns:
            Shape (P,) each.
        """
        taps = self.everything.filters.shape[-1]
        # (..., T, C) -> (..., C, T + L - 1)
        references = bss_eval.pad(references, taps - 1)
        estimates = bss_eval.pad(estimates, taps - 1)
        delays = Delays(spanned(self.spans, references), taps)
        rows = [self.keys.index(key) for key in keys]

        def target_of(j: int, some: Integers) -> Floats:
            return self.own[j].apply_to(delays, [rows[n] for n in some])

        explained = self.everything.apply_to(delays, rows)
        return relate(references, estimates, pairs, explained, target_of)


def spanned(spans: Sequence[Floats], references: Floats) -> Floats:
    """Returns references (J, C, T) as the signals that span them, (R, T)."""
    pairs = zip(spans, references, strict=True)
    return np.concatenate([span @ reference for span, reference in pairs])
