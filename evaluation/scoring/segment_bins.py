"""Scores in which share of its bins an estimate is on the right side of the ideal binary mask.

Axes: K slots, J of them that sound in the segment, S systems.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.estimates.short_time import hop_frames
from evaluation.metrics.mask_bins import count_bins
from evaluation.scoring.segment_metrics import Floats, SegmentAudio, pair_signals


def score_bins(
    audio: SegmentAudio, statuses: NDArray[np.str_], sample_rate: int, silent_dbfs: float
) -> dict[str, Floats]:
    """Computes ``bins`` and ``bins_majority`` where the statuses (S, K) define them.

    ``bins``
        the share of bins in which the estimate is on the right side. A silent estimate keeps
        nothing.
    ``bins_majority``
        what the better of the two constant answers reaches, everything and nothing: the share of
        bins that the ideal mask keeps for the source, or that of the others where it is larger.

    Args:
        audio: of the segment.
        statuses: of every system and slot.
        sample_rate: frames per second.
        silent_dbfs: below it a tone is silent.

    Returns:
        Metric -> (S, K); nothing where no source sounds, or every bin of the mixture is silent.
    """
    heard = (statuses == "scored") | (statuses == "solo")
    silent = statuses == "silent_estimate"
    sounding = np.flatnonzero((heard | silent).any(axis=0))
    if not len(sounding):
        return {}
    signals, of_slots = pair_signals(heard, audio)
    counts = count_bins(
        audio.mixture,
        references=[audio.references[slot] for slot in sounding],
        estimates=[audio.systems[system][slot] for system, slot in signals],
        # The place of each reference among those that sound.
        pairs=of_slots._replace(owners=np.searchsorted(sounding, of_slots.owners)),
        hop=hop_frames(sample_rate),
        silent_dbfs=silent_dbfs,
    )
    if not counts.num_bins:
        return {}
    # (K,)
    num_kept = np.zeros(statuses.shape[1], np.intp)
    num_kept[sounding] = counts.num_kept
    num_others = counts.num_bins - num_kept
    num_right = np.zeros(statuses.shape, np.intp)
    num_right[heard] = counts.num_right
    num_right[silent] = np.broadcast_to(num_others, statuses.shape)[silent]
    majority = np.broadcast_to(np.maximum(num_kept, num_others), statuses.shape)
    return {"bins": num_right / counts.num_bins, "bins_majority": majority / counts.num_bins}
