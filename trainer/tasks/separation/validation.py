"""Tells how far the network is on whole tracks that it does not learn from."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs import Config
from data_prep.audio import activity
from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import FullTrack
from trainer.tasks.separation.losses import total_loss

Estimate = Callable[[FullTrack], Waveform]
"""A track and what is said of it -> estimates (K, T, C)."""

# Of a track at a time: some losses need many times the memory of what they compare.
_LOSS_FRAMES = 2**17


class Validation(NamedTuple):
    """Holds what one validation found."""

    # In dB, median over segments; None where no segment counts.
    improvement: float | None
    # Mean over frames.
    loss: float


def validate(estimate: Estimate, tracks: Iterable[FullTrack], config: Config) -> Validation:
    """Estimates tracks in full length, with what is said of them, and compares.

    Improvement is that of the scores: the median of SNR(estimate) - SNR(mixture) over segments and
    sources that sound together with another.
    """
    found = [np.zeros(0)]
    total = 0.0
    num_frames = 0
    for track in tracks:
        estimates = estimate(track)
        found.append(improvements(track, estimates, config))
        for start in range(0, len(track.mixture), _LOSS_FRAMES):
            part = slice(start, start + _LOSS_FRAMES)
            frames = len(track.mixture[part])
            # A short rest would weigh as much as it is short.
            if start > 0 and frames < config.model.window().estimate_frames:
                continue
            references = track.references[None, :, part]
            mixture = track.mixture[None, part]
            loss = total_loss(config, references, estimates[None, :, part], mixture)
            total += frames * float(loss)
            num_frames += frames
    values = np.concatenate(found)
    median = float(np.median(values)) if values.size else None
    return Validation(improvement=median, loss=total / max(num_frames, 1))


def improvements(track: FullTrack, estimates: Waveform, config: Config) -> NDArray[np.float64]:
    """Computes the improvement of every segment and source that counts, in order.

    Args:
        track: with its references.
        estimates: (K, T, C).
        config: segments and thresholds.

    Returns:
        SNR(estimate) - SNR(mixture) in dB.
    """
    settings = config.evaluation
    bounds = activity.segments(len(track.mixture), config.audio.sample_rate, settings)
    # (segments, K)
    levels = np.stack([activity.rms_db(track.references[:, start:stop]) for start, stop in bounds])
    sounding = activity.active(levels, settings.active_relative_db, settings.silent_dbfs)
    found = [np.zeros(0)]
    for (start, stop), active in zip(bounds, sounding, strict=True):
        mixture = track.mixture[start:stop]
        if activity.rms_db(mixture) < settings.silent_dbfs:
            continue
        # (J, T, C) of the J sources that sound.
        references = track.references[active, start:stop]
        outputs = estimates[active, start:stop]
        # (J,)
        ratios = activity.scored_snr(references, outputs, settings.silent_dbfs)
        before = activity.snr(references, mixture[None])
        values = activity.improvement_over_mixture(ratios, before, active.sum())
        # What counts and is NaN stays: the figure of a broken network is NaN, too.
        found.append(values[activity.is_improvable(before, active.sum())])
    return np.concatenate(found)
