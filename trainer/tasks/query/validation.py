"""Tells how far a network that answers queries is on whole tracks that it does not learn from."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from configs import Config
from data_prep.records.full_tracks import FullTrack
from trainer.tasks.query import presence
from trainer.tasks.query.separator import QuerySeparator
from trainer.tasks.separation.validation import improvements
from trainer.tasks.tagging.measures import count


class Validation(NamedTuple):
    """Holds what one validation found."""

    # In dB, median over segments of what is there and was asked for by name; None where no segment
    # counts.
    improvement: float | None
    # Of what is said to be there, over all pairs of a track and a name, at the threshold, which was
    # chosen on the same, so that it flatters.
    f1: float
    threshold: float


def validate(separator: QuerySeparator, tracks: Iterable[FullTrack], config: Config) -> Validation:
    """Asks tracks for all names, estimates those that play, and compares."""
    found = [np.zeros(0)]
    heard = []
    truth = []
    for track in tracks:
        estimates = separator.estimate(track.mixture, track.labels)
        found.append(improvements(track, estimates, config))
        heard.append(separator.presence([track.mixture], config.audio.sample_rate))
        truth.append([name in track.labels for name in config.data.sources])
    values = np.concatenate(found)
    # (tracks, K)
    probabilities = np.array(heard)
    there = np.array(truth)
    threshold = presence.choose(probabilities, there)
    return Validation(
        improvement=float(np.median(values)) if values.size else None,
        f1=count(probabilities >= threshold, there).f1,
        threshold=threshold,
    )
