"""Says from which probability on what is asked for counts as there, for any query.

Each validation chooses the threshold with the highest F1 over all pairs of a validation track and a
name. It stands in ``WORKDIR/metrics.jsonl`` beside what that validation found, as the thresholds of
a tagger do. One serves all queries, as those by audio may be of instruments that no run has names
for.
"""

import numpy as np
from numpy.typing import NDArray

from trainer.loop.protocol import Figure
from trainer.tasks.tagging.measures import best_threshold
from trainer.tasks.tagging.thresholds import UNCHOSEN, thresholds_of

_NAME = "presence"


def choose(presence: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Returns the threshold of probabilities against the truth, (tracks, K) both."""
    chosen = best_threshold(presence.ravel(), truth.ravel())
    return UNCHOSEN if chosen is None else chosen


def as_figure(threshold: float) -> Figure:
    """Returns what was chosen as a figure of a validation, by which it is kept."""
    return Figure(f"threshold/{_NAME}", threshold, is_choice=True)


def threshold_of(workdir: str, step: int, weights: str = "average") -> float:
    """Returns the threshold of a checkpoint of a run; one half where none was chosen.

    Args:
        workdir: folder of the run.
        step: of the checkpoint.
        weights: average or raw.
    """
    return thresholds_of(workdir, step, (_NAME,), weights)[_NAME]
