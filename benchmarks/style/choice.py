"""Holds artists out, with layers and penalty chosen within what is learnt from.

Which layer of which network hears what a style is, nobody knows beforehand. To try all of them and
to show the best one would choose by the very clips that are tested. So for every artist that is
held out, the layers and the penalty are chosen by holding out others of the rest.

Axes: F clips, N features, K classes.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from evaluation.classes.folds import Numbers, number_folds
from evaluation.classes.linear import PENALTIES, Floats, Learner

_INNER_FOLDS = 5
# The cross-entropy of a clip counts no more than that of a probability of so much.
_LEAST = 1e-6


class Chosen(NamedTuple):
    """Holds what was said of held out clips, and how often what was chosen for that."""

    # (F,), numbers of classes.
    said: Numbers
    # Name of features and penalty -> for how many folds.
    choices: Counter[tuple[str, float]]


def hold_out_and_choose(
    learner: Learner, features: Mapping[str, Floats], targets: Numbers, groups: Numbers, most: int
) -> Chosen:
    """Says of every clip its class when its group is held out.

    Args:
        learner: learns from the others.
        features: (F, N) by name, of which one is chosen for each fold.
        targets: the class of each clip, (F,).
        groups: which are held out together, (F,).
        most: how many folds there are at most.
    """
    said = np.zeros_like(targets)
    choices: Counter[tuple[str, float]] = Counter()
    folds = number_folds("class", targets, groups, most)
    for fold in np.unique(folds):
        out = folds == fold
        losses = {
            (name, penalty): loss
            for name, each in features.items()
            for penalty, loss in inner_losses(
                learner, each[~out], targets[~out], groups[~out]
            ).items()
        }
        name, penalty = min(losses, key=losses.__getitem__)
        choices[name, penalty] += 1
        model = learner.fit(features[name][~out], targets[~out], penalty)
        said[out] = learner.say(model, features[name][out])
    return Chosen(said, choices)


def inner_losses(
    learner: Learner, features: Floats, targets: Numbers, groups: Numbers
) -> dict[float, float]:
    """Returns the cross-entropy of each penalty where whole groups are held out.

    Every class counts alike; one that nothing else is left of does not count.
    """
    folds = number_folds("class", targets, groups, _INNER_FOLDS)
    entropies = np.full((len(PENALTIES), len(targets)), np.nan)
    for fold in np.unique(folds):
        out = folds == fold
        is_known = np.isin(targets[out], targets[~out])
        models = learner.iter_fits(features[~out], targets[~out], PENALTIES)
        for number, model in enumerate(models):
            shares = model.probabilities(features[out])
            of_truth = shares[np.arange(len(shares)), targets[out]]
            entropy = -np.log(np.maximum(of_truth, _LEAST))
            entropies[number, out] = np.where(is_known, entropy, np.nan)
    counted = np.isfinite(entropies).all(axis=0)
    if not counted.any():
        return dict.fromkeys(PENALTIES, 0.0)
    labels = np.unique(targets[counted])
    of_classes = [entropies[:, counted & (targets == label)].mean(axis=1) for label in labels]
    means = np.mean(of_classes, axis=0)
    return dict(zip(PENALTIES, map(float, means), strict=True))
