"""Measures how alike drawn sounds are to unseen real ones, and to those of training.

Axes: N unseen sounds, M other sounds, J columns, F bins.
"""

from dataclasses import dataclass

import numpy as np

from evaluation.tasks.generation.sound_sets import SoundSet
from trainer.tasks.generation.distances import (
    Distances,
    Levels,
    all_distances,
    median_distance,
    squared_mmd,
)

# Of an unseen sound: how far its neighbourhood reaches.
NUM_NEIGHBOURS = 5
_SEED = 0


@dataclass(frozen=True)
class SetFigures:
    """Holds how a set of sounds lies among real ones."""

    # Squared maximum mean discrepancy to the unseen sounds.
    mmd: float
    # Share of the unseen sounds that have one of the set in their neighbourhood.
    coverage: float
    # The median distance to the nearest training sound, in dB; of these themselves, another one.
    to_training_db: float
    # The median distance of two of the set, in dB.
    apart_db: float


@dataclass(frozen=True)
class Resemblance:
    """Holds the figures of drawn sounds, beside those of the training sounds."""

    drawn: SetFigures
    training: SetFigures
    # The median distance of an unseen sound to the nearest training sound.
    unseen_to_training_db: float
    # Of the kernel of the discrepancies, in dB.
    bandwidth_db: float
    # Of a neighbourhood.
    num_neighbours: int
    # Of either set: a larger one covers more.
    num_compared: int
    # Of so many sounds that are drawn as the unseen ones are.
    expected_coverage: float


def measure(drawn: SoundSet, training: SoundSet, unseen: SoundSet) -> Resemblance:
    """Measures drawn sounds.

    Figures are of all sounds of both sets, but for coverage, which is of as many drawn sounds as
    training sounds, by dice where there are more of these.
    """
    count = min(len(drawn), len(training))
    # Records are in order of kits.
    chosen = np.random.default_rng(_SEED).permutation(len(training))[:count]
    some_drawn = drawn.levels[:count]
    some_training = training.levels[chosen]
    bandwidth = median_distance(training.levels)
    num_neighbours = min(NUM_NEIGHBOURS, len(unseen) - 1)
    within_training = float(np.median(neighbour_distances(training.levels)))
    of_drawn = SetFigures(
        mmd=squared_mmd(drawn.levels, unseen.levels, bandwidth),
        coverage=coverage(unseen.levels, some_drawn, num_neighbours),
        to_training_db=_median_to_nearest(drawn.levels, training.levels),
        apart_db=_median_apart(drawn.levels),
    )
    of_training = SetFigures(
        mmd=squared_mmd(training.levels, unseen.levels, bandwidth),
        coverage=coverage(unseen.levels, some_training, num_neighbours),
        to_training_db=within_training,
        apart_db=_median_apart(training.levels),
    )
    return Resemblance(
        drawn=of_drawn,
        training=of_training,
        unseen_to_training_db=_median_to_nearest(unseen.levels, training.levels),
        bandwidth_db=bandwidth,
        num_neighbours=num_neighbours,
        num_compared=count,
        expected_coverage=expected_coverage(len(unseen), count, num_neighbours),
    )


def coverage(unseen: Levels, others: Levels, num_neighbours: int) -> float:
    """Returns the share of unseen sounds that have one of the others in their neighbourhood.

    Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML 2020: the
    neighbourhood reaches as far as the k-th nearest other unseen sound.

    Args:
        unseen: (N, J, F), N above k.
        others: (M, J, F).
        num_neighbours: k.
    """
    within = all_distances(unseen, unseen)
    np.fill_diagonal(within, np.inf)
    # The k-th smallest of a row, (N,).
    radii = np.partition(within, num_neighbours - 1, axis=1)[:, num_neighbours - 1]
    nearest = all_distances(unseen, others).min(axis=1)
    return float(np.mean(nearest < radii))


def expected_coverage(num_unseen: int, num_others: int, num_neighbours: int) -> float:
    """Returns the coverage by sounds that are drawn as the unseen ones are.

    The k nearest of N - 1 + M alike sounds are all among the N - 1 with the probability of the
    product below; then none of the others is in the neighbourhood (Naeem et al., as above).

    Args:
        num_unseen: N.
        num_others: M.
        num_neighbours: k.
    """
    left = np.arange(1, num_neighbours + 1)
    none = np.prod((num_unseen - left) / (num_unseen + num_others - left))
    return float(1 - none)


def neighbour_distances(levels: Levels) -> Distances:
    """Returns the distance of each of two or more sounds to the nearest other one, (M,), in dB."""
    distances = all_distances(levels, levels)
    np.fill_diagonal(distances, np.inf)
    return np.asarray(distances.min(axis=1))


def _median_apart(levels: Levels) -> float:
    """Returns the median of the distances of all pairs of two or more sounds, in dB."""
    distances = all_distances(levels, levels)
    return float(np.median(distances[np.triu_indices(len(levels), 1)]))


def _median_to_nearest(levels: Levels, training: Levels) -> float:
    return float(np.median(all_distances(levels, training).min(axis=1)))
