"""Records to batches of patches, each patch a function of (seed, step, its place in the batch) and the records alone.

All excerpts of a split lie in memory as they were stored, one after the other in one long waveform, with zeros where
a track ends; a patch is a few slices of it, cut in the graph.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from configs import Train
from configs.geometry import PatchGeometry
from data_prep.manifest import Manifest
from data_prep.records import Record
from trainer.conditioning import UNKNOWN


class ExcerptCache(NamedTuple):
    """The excerpts of a split. R records, K slots, C channels; a silent slot has scale 0."""

    frames: tf.Tensor  # (all frames, C), int16 or float32 as stored
    mixture_starts: tf.Tensor  # (R,), where the mixture of a record begins, context included
    source_starts: tf.Tensor  # (R, K)
    mixture_scales: tf.Tensor  # (R,)
    source_scales: tf.Tensor  # (R, K)
    labels: tf.Tensor  # (R, K)
    num_positions: tf.Tensor  # (R,), how many patches a record holds, one for every first frame


def load_cache(manifest: Manifest, folder: str, split: str, geometry: PatchGeometry) -> ExcerptCache:
    """Read the records of a split into memory.

    Raises:
        ValueError: the split has no records, or one of them cannot be read.
    """
    waveforms: list[NDArray[np.generic]] = []
    rows = [
        _lay_out(record, geometry, waveforms, len(manifest.layout.sources))
        for record in _records(manifest, folder, split)
    ]
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    ends = np.cumsum([0, *map(len, waveforms)])
    frames = np.concatenate(waveforms)
    waveforms.clear()  # the excerpts may fill half of the memory
    mixture_index, source_index, mixture_scales, source_scales, labels, num_positions = columns
    with tf.device("CPU:0"):
        stored = tf.constant(frames)
    return ExcerptCache(
        frames=stored,
        mixture_starts=tf.constant(ends[mixture_index]),
        source_starts=tf.constant(ends[source_index]),
        mixture_scales=tf.constant(mixture_scales, tf.float32),
        source_scales=tf.constant(source_scales, tf.float32),
        labels=tf.constant(labels, tf.float32),
        num_positions=tf.constant(num_positions, tf.int64),
    )


def make_batches(cache: ExcerptCache, geometry: PatchGeometry, train: Train, start_step: int) -> tf.data.Dataset:
    """The batches from ``start_step`` on, of ``mixture`` (T_mix, C), ``sources`` (K, T_est, C) and ``labels`` (K,).

    Example i of step n is the same whatever the step the dataset starts at. Not batched: the caller batches for its
    replicas, which take the examples of a step in turn.
    """
    first, last = start_step * train.batch_size, train.steps * train.batch_size
    ends = tf.cumsum(cache.num_positions)
    dataset = tf.data.Dataset.range(first, last)
    return dataset.map(lambda index: _cut(cache, ends, geometry, train, index), num_parallel_calls=tf.data.AUTOTUNE)


def _records(manifest: Manifest, folder: str, split: str) -> Iterator[Record]:
    if not manifest.tracks(split):
        raise ValueError(f"the records in {folder} have no {split} tracks; check the splits they were written with.")
    return manifest.iter_records(folder, split)


def _lay_out(
    record: Record, geometry: PatchGeometry, waveforms: list[NDArray[np.generic]], num_slots: int
) -> tuple[NDArray[np.generic] | np.generic | int, ...]:
    """Append the waveforms of a record, zero-padded so that all its patches lie inside; return its row of the tables.

    A patch may begin at any owned frame from which its estimate stays within the owned ones, so a record must reach
    from the context before the first owned frame to the context after the last estimated one.
    """
    context = geometry.margin_frames
    first = record.context_before - context
    stop = record.context_before + max(record.owned_frames, geometry.estimate_frames) + context
    padding = ((max(0, -first), max(0, stop - len(record.mixture))), (0, 0))
    index = len(waveforms)
    waveforms.extend(np.pad(waveform[max(0, first) : stop], padding) for waveform in (record.mixture, *record.sources))
    source_index, source_scales = np.zeros(num_slots, np.int64), np.zeros(num_slots, np.float32)
    source_index[record.slots] = index + 1 + np.arange(len(record.slots))
    source_scales[record.slots] = record.scales[1:]
    num_positions = max(record.owned_frames - geometry.estimate_frames, 0) + 1
    return index, source_index, record.scales[0], source_scales, record.labels, num_positions


def _cut(
    cache: ExcerptCache, ends: tf.Tensor, geometry: PatchGeometry, train: Train, index: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Patch ``index`` of the training run: every position of every record is equally likely."""
    seeds = tf.random.split(tf.stack([tf.constant(train.seed, tf.int64), index]), 6, alg="philox")
    drawn = tf.random.stateless_uniform([], seeds[0], 0, ends[-1], tf.int64, alg="philox")
    record = tf.searchsorted(ends, [drawn], side="right")[0]
    position = drawn - (ends[record] - cache.num_positions[record])

    def read(start: tf.Tensor, scale: tf.Tensor, offset: int, frames: int) -> tf.Tensor:
        stored = tf.slice(cache.frames, [start + offset, 0], [frames, -1])
        return tf.cast(stored, tf.float32) * scale

    num_slots = cache.source_starts.shape[1]
    margin, frames = geometry.margin_frames, geometry.estimate_frames
    starts, scales, labels = cache.source_starts[record] + position, cache.source_scales[record], cache.labels[record]
    if _keeps_the_mixture(train):
        start, scale = cache.mixture_starts[record] + position, cache.mixture_scales[record]
        mixture = read(start, scale, 0, geometry.mixture_frames)
        sources = [read(starts[k], scales[k], margin, frames) for k in range(num_slots)]
    else:  # the mixture of augmented sources is their sum
        if train.remix:
            starts, scales, labels = _remix(cache, train.remix, starts, scales, labels, seeds[4])
        if train.silence:
            kept = _all_but_one(labels, train.silence, seeds[5])
            scales, labels = scales * kept, labels * kept
        scales *= _gains(train, num_slots, seeds[1], seeds[3])
        scaled = [read(starts[k], scales[k], 0, geometry.mixture_frames) for k in range(num_slots)]
        mixture = tf.add_n(scaled)
        sources = [source[margin : margin + frames] for source in scaled]
    channels = cache.frames.shape[1]
    dropped = tf.random.stateless_uniform([], seeds[2], alg="philox") < train.label_dropout
    return {
        "mixture": tf.ensure_shape(mixture, [geometry.mixture_frames, channels]),
        "sources": tf.ensure_shape(tf.stack(sources), [num_slots, frames, channels]),
        "labels": tf.where(dropped, UNKNOWN, labels),
    }


def _keeps_the_mixture(train: Train) -> bool:
    return train.min_gain == train.max_gain == 1 and not (train.flip_polarity or train.remix or train.silence)


def _gains(train: Train, num_slots: int, gain_seed: tf.Tensor, sign_seed: tf.Tensor) -> tf.Tensor:
    """A random gain for each slot, (K,)."""
    gains = tf.random.stateless_uniform([num_slots], gain_seed, train.min_gain, train.max_gain, alg="philox")
    if not train.flip_polarity:
        return gains
    upright = tf.random.stateless_uniform([num_slots], sign_seed, alg="philox") < 0.5
    return tf.where(upright, gains, -gains)


def _remix(
    cache: ExcerptCache, share: float, starts: tf.Tensor, scales: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Where the sources of a remixed example are read, their scales and labels, (K,) each; a share is remixed.

    As many instruments as play in the track drawn, but any, each at a random position of any record that stores it.
    So a network cannot learn which instruments play together, of which a small corpus has a few cases only.
    """
    seeds = tf.random.split(seed, 4, alg="philox")
    num_slots = labels.shape[0]
    stored = cache.source_scales > 0
    # The largest of independent uniform numbers is at a place that is uniform among those that count.
    dice = tf.random.stateless_uniform(tf.shape(stored), seeds[0], alg="philox")
    chosen = tf.argmax(tf.where(stored, dice, -1.0), axis=0)  # (K,), a record for each slot
    places = tf.stack([chosen, tf.range(num_slots, dtype=tf.int64)], axis=1)
    room = tf.cast(tf.gather(cache.num_positions, chosen), tf.float64)
    fractions = tf.random.stateless_uniform([num_slots], seeds[1], dtype=tf.float64, alg="philox")
    other_starts = tf.gather_nd(cache.source_starts, places) + tf.cast(fractions * room, tf.int64)

    available = tf.reduce_any(stored, axis=0)
    order = tf.where(available, tf.random.stateless_uniform([num_slots], seeds[2], alg="philox"), 2.0)
    rank = tf.argsort(tf.argsort(order))
    plays = available & (rank < tf.cast(tf.reduce_sum(labels), tf.int32))
    other_labels = tf.cast(plays, tf.float32)
    other_scales = tf.gather_nd(cache.source_scales, places) * other_labels

    taken = tf.random.stateless_uniform([], seeds[3], alg="philox") < share
    return (
        tf.where(taken, other_starts, starts),
        tf.where(taken, other_scales, scales),
        tf.where(taken, other_labels, labels),
    )


def _all_but_one(labels: tf.Tensor, share: float, seed: tf.Tensor) -> tf.Tensor:
    """Ones, and in a share of the examples a zero at one of the labels, never at the only one; (K,) -> (K,)."""
    seeds = tf.random.split(seed, 2, alg="philox")
    dice = tf.where(labels > 0, tf.random.stateless_uniform(labels.shape, seeds[0], alg="philox"), -1.0)
    silenced = tf.one_hot(tf.argmax(dice), labels.shape[0])
    taken = (tf.random.stateless_uniform([], seeds[1], alg="philox") < share) & (tf.reduce_sum(labels) > 1)
    return tf.where(taken, 1 - silenced, 1.0)
