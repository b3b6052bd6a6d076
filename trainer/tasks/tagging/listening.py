"""Listens to whole tracks of records, and says what is true of their columns.

Axes: K instruments, J columns, T frames, C channels.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from configs import Config, TaggingSettings, instruments
from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import FullTrack
from data_prep.records.manifest import Manifest
from trainer.tasks.tagging.truth import audibility_of

# Of a track whose truth is found at a time, in columns.
_TRUTH_COLUMNS = 2048


class HeardTrack(NamedTuple):
    """Holds the columns of a track."""

    name: str
    # The instruments of the piece.
    labels: tuple[str, ...]
    # (K, J), from 0 to 1.
    activity: NDArray[np.float32]
    # (K, J), where each is audible.
    truth: NDArray[np.bool_]


def hear_tracks(
    listen: Callable[[Waveform], NDArray[np.float32]], tracks: Iterable[FullTrack], config: Config
) -> list[HeardTrack]:
    """Listens to tracks.

    Args:
        listen: gives the probabilities (K, J) of a mixture (T, C).
        tracks: with their references.
        config: the rule by which sources are audible.
    """
    return [
        HeardTrack(track.name, track.labels, listen(track.mixture), true_activity(track, config))
        for track in tracks
    ]


def require_truth(config: Config, manifest: Manifest, folder: str, splits: Sequence[str]) -> None:
    """Refuses records that do not say what is true of their columns.

    Args:
        config: of the experiment; where the labels are the truth, sources are not needed.
        manifest: of the records.
        folder: theirs.
        splits: that are listened to, beside the training split.

    Raises:
        ValueError: a source is not known, or a label of a track that does not train.
    """
    assert isinstance(config.task, TaggingSettings)
    if config.task.truth == "activity":
        manifest.require_sources(folder, ("train", *splits))
        return
    for track in (track for split in splits for track in manifest.tracks(split)):
        if track.unknown:
            raise ValueError(
                f"{track.name} in {folder} has no label of {', '.join(track.unknown)}; tracks that "
                "validate or test need all of them, those that train do not."
            )


def true_activity(track: FullTrack, config: Config) -> NDArray[np.bool_]:
    """Returns where sources of a track are audible, (K, J), or what its labels say throughout."""
    rule = audibility_of(config)
    assert isinstance(config.task, TaggingSettings)
    if config.task.truth == "labels":
        labels = np.array(instruments.multi_hot(track.labels, config.data.sources), bool)
        return np.repeat(labels[:, None], -(-len(track.mixture) // rule.column_frames), axis=1)
    margin = rule.margin_frames
    hop = rule.column_frames
    num_frames = len(track.mixture)
    num_columns = -(-num_frames // hop)
    found = []
    for first in range(0, num_columns, _TRUTH_COLUMNS):
        count = min(_TRUTH_COLUMNS, num_columns - first)
        start = first * hop - margin
        stop = (first + count) * hop + margin
        mixture = _cut(track.mixture[None], start, stop)
        columns = rule.columns(_cut(track.references, start, stop), mixture[0])
        found.append(columns.numpy() > 0)
    return np.concatenate(found, axis=1)


def _cut(waveforms: Waveform, start: int, stop: int) -> tf.Tensor:
    """Returns frames [start, stop) of waveforms (K, T, C), zeros outside of the track."""
    num_frames = waveforms.shape[1]
    inside = waveforms[:, max(start, 0) : stop]
    before = max(-start, 0)
    behind = max(stop - num_frames, 0)
    return tf.constant(np.pad(inside, ((0, 0), (before, behind), (0, 0))))
