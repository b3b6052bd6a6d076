"""Measures what is said of files that nothing was learnt of, beside what needs no tagger.

Every way of saying is held out alike: it learns, and its penalty is chosen, from the other folds.

Axes: F files, N features, K classes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.classes.folds import Numbers, number_folds
from evaluation.classes.linear import Floats, Learner
from evaluation.classes.measures import Figure, Resampled
from evaluation.estimates.bars import make_counter

LAYERS = "layers of the tagger"
MFCC = "MFCC"
MAJORITY = "majority"
MEAN = "mean"


@dataclass(frozen=True)
class Examples:
    """Holds all files that could be heard."""

    # (F, N)
    layers: Floats
    # (F, 40)
    mfcc: Floats
    # (F,), the numbers of classes, or numbers.
    targets: NDArray[Any]
    # (F,), the number of the group of each.
    groups: Numbers


@dataclass(frozen=True)
class HeldOut:
    """Holds what was said of every file when it was held out."""

    # (F,)
    folds: Numbers
    # Of each way of saying, (F,).
    said: dict[str, NDArray[Any]]
    # How many files were of a class that nothing else was left of.
    num_unknown: int


def hold_out(learner: Learner, examples: Examples, groups: Numbers, most_folds: int) -> HeldOut:
    """Holds out each fold once.

    Args:
        learner: learns from the others.
        examples: all files.
        groups: which files are held out together, (F,).
        most_folds: how many folds there are at most.
    """
    targets = examples.targets
    folds = number_folds(learner.kind, targets, groups, most_folds)
    rival = MEAN if learner.kind == "number" else MAJORITY
    features = {LAYERS: examples.layers, MFCC: examples.mfcc}
    said = {name: np.zeros_like(targets) for name in (*features, rival)}
    num_unknown = 0
    with make_counter("cross-validation", len(np.unique(folds)), "fold") as bar:
        for fold in np.unique(folds):
            out = folds == fold
            for name, each in features.items():
                model = learner.fit_best(each[~out], targets[~out], groups[~out])
                said[name][out] = learner.say(model, each[out])
            said[rival][out] = _without_hearing(learner, targets[~out])
            if learner.kind == "class":
                num_unknown += int(np.sum(~np.isin(targets[out], targets[~out])))
            bar.update(1)
    return HeldOut(folds, said, num_unknown)


def figures(
    learner: Learner, examples: Examples, held_out: HeldOut
) -> dict[str, dict[str, Figure]]:
    """Returns the figures of each way of saying by their names, with intervals over groups.

    The last one is how much better the layers are than the coefficients.
    """
    resampled = Resampled(examples.groups)
    truth = examples.targets
    found = {}
    if learner.kind == "class":
        for name, said in held_out.said.items():
            found[name] = {"balanced accuracy": resampled.balanced_accuracy(truth, said)}
        both = (held_out.said[LAYERS], held_out.said[MFCC])
        difference = resampled.balanced_accuracy(truth, *both)
        found[f"{LAYERS} less {MFCC}"] = {"balanced accuracy": difference}
        return found
    for name, said in held_out.said.items():
        found[name] = {
            "R2": resampled.r_squared(truth, said),
            "mean absolute error": resampled.mean_error(truth, said),
        }
    both = (held_out.said[LAYERS], held_out.said[MFCC])
    found[f"{LAYERS} less {MFCC}"] = {"mean absolute error": resampled.mean_error(truth, *both)}
    return found


def _without_hearing(learner: Learner, targets: NDArray[Any]) -> Any:
    """Returns what one would say of any file: the class of most others, or the mean of theirs."""
    if learner.kind == "number":
        return np.mean(targets)
    names, counts = np.unique(targets, return_counts=True)
    return names[counts.argmax()]
