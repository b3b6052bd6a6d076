"""Projects estimates on what filters make of the references of a segment: of all, and of each.

Axes: J references, N estimates, T frames, C channels, L filter taps.
"""

from contextlib import AbstractContextManager

import numpy as np

from evaluation.metrics.delays import Delays, Floats
from evaluation.metrics.energies import SIGNAL_AXES, energy
from evaluation.metrics.least_squares import Subspace


class ReferenceSpace:
    """Is the space of the signals that filters of L taps make of some references.

    A silent reference spans nothing: whatever is projected on it becomes silence.
    """

    def __init__(
        self, references: Floats, filter_taps: int, memory_lock: AbstractContextManager[object]
    ) -> None:
        """Factorises the references once for all estimates.

        Args:
            references: shape (J, C, T + L - 1), the last L - 1 frames 0.
            filter_taps: L.
            memory_lock: as of ``least_squares.Subspace``.
        """
        # Of each reference that sounds.
        self._own: dict[int, Subspace] = {}
        self._all: Subspace | None = None
        sounding = np.flatnonzero(references.any(axis=SIGNAL_AXES)).tolist()
        if not sounding:
            return
        # (C, T) -> (C or fewer, T)
        spans = {j: _span(references[j]) for j in sounding}
        delays = Delays(np.concatenate(list(spans.values())), filter_taps)
        self._all = Subspace(delays, memory_lock)
        if len(spans) == 1:
            # Alone, a reference has exactly no interference.
            self._own = dict.fromkeys(sounding, self._all)
            return
        start = 0
        for j, span in spans.items():
            part = delays.part(slice(start, start + len(span)))
            self._own[j] = Subspace(part, memory_lock)
            start += len(span)

    def project(self, signals: Floats) -> Floats:
        """Computes P e: the projection of (N, C, T + L - 1) on the space of all references."""
        return _project(self._all, signals)

    def project_on(self, reference: int, signals: Floats) -> Floats:
        """Computes P_j e: the projection of (N, C, T + L - 1) on the space of one reference."""
        return _project(self._own.get(reference), signals)


def _project(space: Subspace | None, signals: Floats) -> Floats:
    if space is None:
        return np.zeros_like(signals)
    # (N, C, T) -> (N C, T) and back: the channels of an estimate are projected one by one.
    return space.project(signals.reshape(-1, signals.shape[-1])).reshape(signals.shape)


def _span(channels: Floats) -> Floats:
    """Returns orthonormal mixtures of the channels of a source that span what they span.

    A projection does not depend on gains or on how channels are mixed. Equal gains keep a soft
    reference from looking like a dependent one, and so does the difference of two nearly equal
    channels, scaled up. What is below their rounding error is none: a mono source in stereo is
    spanned by one signal.

    Shape (C, T) -> (C or fewer, T).
    """
    sounding = channels[channels.any(axis=-1)]
    scaled = sounding / np.sqrt(energy(sounding))[:, None]
    if len(scaled) == 1:
        return scaled
    # The principal axes of the channels, (C, C).
    _, axes = np.linalg.eigh(scaled @ scaled.T)
    mixed = axes.T @ scaled
    sizes = np.sqrt(energy(mixed))
    kept = sizes > scaled.shape[-1] * np.finfo(np.float64).eps
    return np.asarray(mixed[kept] / sizes[kept, None])
