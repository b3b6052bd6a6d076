"""How far the network is on tracks it does not learn from: full-length estimates, improvement and loss."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs import Config
from configs.instruments import multi_hot
from data_prep.audio import activity
from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import FullTrack
from trainer.inference.tiling import Estimator
from trainer.tasks.separation.losses import total_loss

_LOSS_FRAMES = (
    2**17
)  # of a track at a time: some losses need many times the memory of what they compare


class Validation(NamedTuple):
    """What one validation found."""

    improvement: float | None  # dB, median over segments; None where no segment counts
    loss: float  # mean over frames


def validate(estimate: Estimator, tracks: Iterable[FullTrack], config: Config) -> Validation:
    """Estimate tracks in full length, with their labels, and compare.

    Improvement is that of the scores: the median of SNR(estimate) - SNR(mixture) over segments and sources that sound
    together with another.
    """
    gains, loss, num_frames = [np.zeros(0)], 0.0, 0
    for track in tracks:
        labels = np.array(multi_hot(track.labels, config.data.sources), np.float32)
        estimates = estimate(track.mixture, labels)
        gains.append(improvements(track, estimates, config))
        for start in range(0, len(track.mixture), _LOSS_FRAMES):
            part = slice(start, start + _LOSS_FRAMES)
            frames = len(track.mixture[part])
            if (
                frames >= config.model.window().estimate_frames or start == 0
            ):  # a short rest would weigh as much as it is short
                loss += frames * float(
                    total_loss(
                        config.task, track.references[None, :, part], estimates[None, :, part]
                    )
                )
                num_frames += frames
    found = np.concatenate(gains)
    return Validation(float(np.median(found)) if found.size else None, loss / max(num_frames, 1))


def improvements(track: FullTrack, estimates: Waveform, config: Config) -> NDArray[np.float64]:
    """SNR(estimate) - SNR(mixture) in dB of every segment and source that counts, in order; estimates (K, T, C)."""
    settings = config.evaluation
    bounds = activity.segments(len(track.mixture), config.audio.sample_rate, settings)
    levels = np.stack([activity.rms_db(track.references[:, start:stop]) for start, stop in bounds])
    sounding = activity.active(levels, settings.active_relative_db, settings.silent_dbfs)
    found: list[Any] = []
    for (start, stop), active in zip(bounds, sounding, strict=True):
        mixture = track.mixture[start:stop]
        if active.sum() < 2 or activity.rms_db(mixture) < settings.silent_dbfs:
            continue
        references, outputs = track.references[active, start:stop], estimates[active, start:stop]
        ratios, before = activity.snr(references, outputs), activity.snr(references, mixture[None])
        ratios[activity.rms_db(outputs) < settings.silent_dbfs] = 0.0
        found.append(
            (ratios - before)[np.isfinite(before)]
        )  # not so where the mixture is the source
    return np.concatenate([np.zeros(0), *found])
