"""Says which files are held out together: whole groups, never a part of one.

Songs of one artist or album resemble each other in how they were recorded, mixed and mastered. What
hears one in training and is tested on another recognises that, and seems to know the class: in a
cross-validation no pieces of one artist should be in both parts (Pampalk, Flexer, Widmer,
"Improvements of audio-based music similarity and genre classification", ISMIR 2005; for albums
Flexer, Schnitzer, "Effects of album and artist filters in audio similarity computed for very large
music databases", Computer Music Journal 34 (3), 2010).
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.classes.labelled import Kind

Numbers = NDArray[np.int64]


def number_folds(kind: Kind, targets: NDArray[Any], groups: Numbers, most: int) -> Numbers:
    """Returns in which fold each file is held out, (F,), from 0 on.

    Where there are no more groups than folds a group is a fold; else classes are spread over the
    folds as evenly as groups allow.

    Args:
        kind: of the targets.
        targets: a class or a number of each file, (F,).
        groups: the number of the group of each file, (F,).
        most: how many folds there are at most.
    """
    # It takes a second to import.
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    names, numbers = np.unique(groups, return_inverse=True)
    if len(names) <= most:
        return np.asarray(numbers, np.int64)
    num_folds = most
    if kind == "class":
        # scikit-learn spreads no class over more folds than the largest one has files.
        _, sizes = np.unique(targets, return_counts=True)
        num_folds = min(most, int(sizes.max()))
    spread = StratifiedGroupKFold if kind == "class" else GroupKFold
    folds = np.zeros(len(targets), np.int64)
    with warnings.catch_warnings():
        # A class of fewer files than folds is no fault here: some folds hold none of it.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        parts = spread(num_folds).split(np.zeros(len(targets)), targets, groups)
        for number, (_, held_out) in enumerate(parts):
            folds[held_out] = number
    return folds
