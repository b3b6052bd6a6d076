"""Computes the statuses and metrics of a segment by the rules of museval.

Axes: K slots, J of them that sound in the track, S systems, T frames, C channels.
"""

import numpy as np
from numpy.typing import NDArray

from data_prep.audio import activity
from evaluation.metrics.energies import Pairs
from evaluation.scoring.segment_metrics import (
    V4_METRICS,
    SegmentAudio,
    SegmentScores,
    Waveforms,
    leakage,
)
from evaluation.scoring.track_filters import TrackFilters


def score_as_museval(
    audio: SegmentAudio, filters: TrackFilters, silent_dbfs: float
) -> SegmentScores:
    """Scores a segment by the rules of museval.

    Only the slots of ``filters`` are sources to museval; the others rest all track, and are
    measured by what their estimates leak. Museval scores nothing where a reference or an estimate
    is silent, the channels summed.

    F.-R. Stoter, A. Liutkus and N. Ito, "The 2018 Signal Separation Evaluation Campaign", LVA/ICA
    2018.
    """
    slots = list(filters.slots)
    shape = (len(audio.systems), len(audio.references))
    statuses = np.full(shape, "absent", "U16")
    statuses[:, slots] = "not_scored"
    values = {metric: np.zeros(shape) for metric in ("snr", *V4_METRICS)}
    if activity.rms_db(audio.mixture) < silent_dbfs:
        statuses[:] = "silent_mixture"
    else:
        values["leakage"] = leakage(audio)
    # (J, T, C)
    references = audio.references[slots]
    sounding = ~_is_silent(references)
    places = np.arange(len(slots))
    for s, (system, waveforms) in enumerate(audio.systems.items()):
        estimates = waveforms[slots]
        if not sounding.all() or _is_silent(estimates).any():
            continue
        signals = [audio.signal(system, slot) for slot in slots]
        keys = [filters.key(of_system, slot) for of_system, slot, _ in signals]
        unscaled = np.stack([audio.systems[of_system][slot] for of_system, slot, _ in signals])
        pairs = Pairs(places, places, np.array([scale for *_, scale in signals]))
        isr, sir, sar = filters.energies(references, unscaled, keys, pairs).images()
        statuses[s, slots] = "scored" if len(slots) > 1 else "solo"
        values["snr"][s, slots] = activity.snr(references, estimates)
        values["isr"][s, slots] = isr
        values["sir_v4"][s, slots] = sir
        values["sar_v4"][s, slots] = sar
    return SegmentScores(statuses, values, int(sounding.sum()))


def _is_silent(waveforms: Waveforms) -> NDArray[np.bool_]:
    """Returns which of the waveforms (J, T, C) are digital silence, their channels summed."""
    silent: NDArray[np.bool_] = (waveforms.sum(axis=2) == 0).all(axis=1)
    return silent
