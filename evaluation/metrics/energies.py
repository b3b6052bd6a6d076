"""Holds the energies that the ratios of BSS Eval relate, and takes the ratios.

The symbols are those of ``bss_eval``: a reference s_j, an estimate e of it, the projection P_j on
the delayed versions of the reference, and P on those of all references.

Axes: J references, N estimates, P pairs of an estimate and a reference, T frames, C channels.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.delays import Floats

Integers = NDArray[np.intp]

# The axes of a signal, channels and frames.
SIGNAL_AXES = (-2, -1)


class Energies(NamedTuple):
    """Holds the energies of one or more decompositions, each of shape (..., J).

    Energies of several channels may be added.
    """

    # |s_j|^2
    reference: Floats
    # |e_spat|^2
    spatial: Floats
    # |P_j e|^2
    target: Floats
    # |e_interf + e_artif|^2
    distortion: Floats
    # |e_interf|^2
    interference: Floats
    # |P e|^2
    projection: Floats
    # |e_artif|^2
    artifacts: Floats

    def sources(self) -> tuple[Floats, Floats, Floats]:
        """Returns SDR, SIR and SAR of v3 in dB, shape (..., J) each.

        They are inf where there is no error at all, and nan where the estimate is silent.
        """
        sir, sar = self._sir_and_sar()
        return decibels(self.target, self.distortion), sir, sar

    def images(self) -> tuple[Floats, Floats, Floats]:
        """Returns ISR, SIR and SAR of v4 in dB, shape (..., J) each; inf and nan as in v3."""
        sir, sar = self._sir_and_sar()
        return decibels(self.reference, self.spatial), sir, sar

    def _sir_and_sar(self) -> tuple[Floats, Floats]:
        sir = decibels(self.target, self.interference)
        sar = decibels(self.projection, self.artifacts)
        return sir, sar


class Pairs(NamedTuple):
    """Holds which estimate is compared with which reference, and what it is multiplied with first.

    An estimate of several references is projected on all of them once, whatever its scales are: a
    projection is linear.
    """

    # (P,), the estimate of each pair.
    chosen: Integers
    # (P,), its reference.
    owners: Integers
    # (P,)
    scales: Floats


def relate(
    references: Floats,
    estimates: Floats,
    pairs: Pairs,
    explained: Floats,
    target_of: Callable[[int, Integers], Floats],
) -> Energies:
    """Computes the energies of P pairs of an estimate and a reference, given their projections.

    Args:
        references: shape (J, C, T).
        estimates: shape (N, C, T).
        pairs: which are related.
        explained: P e of each estimate, shape (N, C, T).
        target_of: (reference j, some of the N) -> P_j e of each of these, shape (some, C, T).

    Returns:
        Shape (P,) each.
    """
    energies = Energies(*np.zeros((len(Energies._fields), len(pairs.chosen))))
    # Reference by reference, so that no more projections are there at a time than one has pairs.
    for j in np.unique(pairs.owners):
        own = np.flatnonzero(pairs.owners == j)
        reference = references[j]
        distinct, places = np.unique(pairs.chosen[own], return_inverse=True)
        # (pairs, C, T)
        scales = pairs.scales[own, None, None]
        estimate = scales * estimates[pairs.chosen[own]]
        projection = scales * explained[pairs.chosen[own]]
        target = scales * target_of(int(j), distinct)[places]
        energies.reference[own] = energy(reference, SIGNAL_AXES)
        energies.spatial[own] = energy(target - reference, SIGNAL_AXES)
        energies.target[own] = energy(target, SIGNAL_AXES)
        # e_interf + e_artif = e - P_j e
        energies.distortion[own] = energy(estimate - target, SIGNAL_AXES)
        energies.interference[own] = energy(projection - target, SIGNAL_AXES)
        energies.projection[own] = energy(projection, SIGNAL_AXES)
        energies.artifacts[own] = energy(estimate - projection, SIGNAL_AXES)
    return energies


def energy(signals: Floats, axis: int | tuple[int, ...] = -1, keepdims: bool = False) -> Floats:
    """Returns the sum of squares over some axes."""
    return np.asarray(np.sum(np.square(signals), axis=axis, keepdims=keepdims))


def decibels(numerator: Floats, denominator: Floats) -> Floats:
    """Returns the ratio of energies in dB; inf, -inf or nan where one or both are 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(10 * np.log10(numerator / denominator))
