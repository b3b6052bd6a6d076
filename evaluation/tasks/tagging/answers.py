"""Holds what a system said of the columns of all tracks of a split.

Axes: K instruments, J columns of a track, N columns of all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trainer.tasks.tagging.listening import HeardTrack
from trainer.tasks.tagging.pieces import (
    SHARE,
    heard_columns,
    piece_labels,
    piece_probabilities,
)


@dataclass(frozen=True)
class Answers:
    """Is what a system said, and what is true."""

    system: str
    tracks: Sequence[HeardTrack]
    # Of every instrument, in slot order.
    thresholds: Mapping[str, float]
    # Of the columns, from which on an instrument is in a piece.
    share: float = SHARE

    @property
    def sources(self) -> list[str]:
        """Returns the names of the K instruments."""
        return list(self.thresholds)

    @cached_property
    def activity(self) -> NDArray[np.float32]:
        """Returns the probabilities of the columns of all tracks, (K, N)."""
        return np.concatenate([track.activity for track in self.tracks], axis=1)

    @cached_property
    def truth(self) -> NDArray[np.bool_]:
        """Returns where each is audible, (K, N)."""
        return np.concatenate([track.truth for track in self.tracks], axis=1)

    @cached_property
    def heard(self) -> NDArray[np.bool_]:
        """Returns where each was heard, (K, N)."""
        return heard_columns(self.activity, self.thresholds)

    @cached_property
    def labels(self) -> NDArray[np.bool_]:
        """Returns which instruments play in which track, (tracks, K)."""
        return self._as_table([track.labels for track in self.tracks])

    @cached_property
    def heard_labels(self) -> NDArray[np.bool_]:
        """Returns which were heard in which track, (tracks, K)."""
        return self._as_table(
            [piece_labels(track.activity, self.thresholds, self.share) for track in self.tracks]
        )

    @cached_property
    def label_probabilities(self) -> NDArray[np.float64]:
        """Returns how probably each plays in a track, (tracks, K)."""
        return np.stack([piece_probabilities(each.activity, self.share) for each in self.tracks])

    def _as_table(self, labels: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
        return np.array([[name in of_track for name in self.thresholds] for of_track in labels])


def always(name: str, like: Answers, probabilities: Mapping[str, float], limit: float) -> Answers:
    """Returns what a system says that has one answer for each instrument, whatever it hears.

    Args:
        name: of the system.
        like: what another one said of the same tracks.
        probabilities: its answers.
        limit: the threshold of all.
    """
    values = np.array([probabilities[source] for source in like.thresholds], np.float32)
    tracks = [
        track._replace(activity=np.repeat(values[:, None], track.activity.shape[1], axis=1))
        for track in like.tracks
    ]
    return Answers(name, tracks, dict.fromkeys(like.thresholds, limit))
