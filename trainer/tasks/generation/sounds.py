"""Reads the one-shots of records.

Axes: R records, T frames, C channels.
"""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from configs import Config
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.records.manifest import Manifest
from trainer.batches.excerpts import Excerpts, read_stretches

# (N, T), full scale is 1
Sounds = NDArray[np.float32]


def require_one_shots(config: Config, manifest: Manifest, folder: str) -> None:
    """Refuses records that are no one-shots of the length that an experiment makes.

    Raises:
        ValueError: a track has another length, or more than one record; it names the first.
    """
    wanted = config.model.window().estimate_frames
    for split in manifest.shards:
        for track in manifest.tracks(split):
            if track.num_frames != wanted:
                raise ValueError(
                    f"the experiment {config.name} makes sounds of {wanted:,} frames; "
                    f"{track.name} in {folder} has {track.num_frames:,}. Write records of what "
                    f"data_prep.one_shots prepares, or set model.num_frames."
                )
            if track.num_excerpts != 1:
                raise ValueError(
                    f"{track.name} in {folder} is cut into {track.num_excerpts} records; write "
                    f"them with a larger data.excerpt_secs, so that each sound is one."
                )


def load_sounds(manifest: Manifest, folder: str, split: str) -> tuple[list[str], Sounds]:
    """Reads all one-shots of a split, with one channel.

    Returns:
        Their names, N of them, and the sounds, (N, T).

    Raises:
        ValueError: a record cannot be read.
    """
    names = []
    waveforms = []
    for track in iter_full_tracks(manifest, folder, split):
        names.append(track.name)
        waveforms.append(track.mixture.mean(axis=1))
    if not names:
        return [], np.zeros((0, 0), np.float32)
    return names, np.stack(waveforms)


def classes_of(manifest: Manifest, split: str) -> list[str]:
    """Returns the class of each one-shot of a split: its first tag, or none."""
    return [next(iter(track.tags), "") for track in manifest.tracks(split)]


class RecordSounds:
    """Draws one-shots of the records of a split, all of them equally likely."""

    def __init__(self, excerpts: Excerpts, num_frames: int) -> None:
        """Takes the records; each has ``num_frames``."""
        self._excerpts = excerpts
        self._num_frames = num_frames
        self._num_records = int(excerpts.stored_frames.shape[0])

    def draw(self, count: int, seed: tf.Tensor) -> tf.Tensor:
        """Draws so many sounds, (count, T, C)."""
        excerpts = self._excerpts
        drawn = tf.random.stateless_uniform([count], seed, 0, self._num_records, tf.int64)
        scales = tf.gather(excerpts.mixture_scales, drawn)
        zeros = tf.zeros_like(drawn)
        stretches = read_stretches(excerpts, drawn, zeros, zeros, self._num_frames, scales > 0)
        return stretches * scales[:, None, None]
