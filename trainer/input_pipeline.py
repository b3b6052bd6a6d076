"""Records to batches of patches, each patch a function of (seed, step, its place in the batch) and the records alone.

A patch is a few stretches of waveforms, cut in the graph; whether these lie in memory or in files makes no difference.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from configs import Train
from configs.geometry import PatchGeometry
from trainer.conditioning import UNKNOWN
from trainer.excerpts import Excerpts


def make_batches(excerpts: Excerpts, geometry: PatchGeometry, train: Train, start_step: int) -> tf.data.Dataset:
    """The batches from ``start_step`` on, of ``mixture`` (T_mix, C), ``sources`` (K, T_est, C) and ``labels`` (K,).

    Example i of step n is the same whatever the step the dataset starts at. Not batched: the caller batches for its
    replicas, which take the examples of a step in turn.
    """
    first, last = start_step * train.batch_size, train.steps * train.batch_size
    cutter = _Cutter(excerpts, geometry, train)
    return tf.data.Dataset.range(first, last).map(cutter.cut, num_parallel_calls=tf.data.AUTOTUNE)


def count_positions(excerpts: Excerpts, geometry: PatchGeometry) -> tf.Tensor:
    """How many patches each record holds, (R,): one for every first frame whose estimate stays within the owned ones.

    A record shorter than an estimate holds one, which begins at its first owned frame.
    """
    return tf.maximum(excerpts.owned_frames - geometry.estimate_frames, 0) + 1


class _Seeds(NamedTuple):
    """One for everything that is drawn. Another comes last: their order is part of what a run repeats."""

    position: tf.Tensor
    gains: tf.Tensor
    label_dropout: tf.Tensor
    polarity: tf.Tensor
    remix: tf.Tensor
    silence: tf.Tensor
    channels: tf.Tensor


class _Slots(NamedTuple):
    """What the slots of an example play, (K,) each; or some waveforms, (N,) each."""

    records: tf.Tensor  # where the waveforms are
    positions: tf.Tensor  # the first estimated frame, counted from the first owned one of the record
    scales: tf.Tensor  # 0 for a silent slot
    labels: tf.Tensor


class _Cutter:
    """Cuts patches out of excerpts, by their number in the training run.

    The numbers are drawn with the default algorithm, which on a CPU is Philox: naming it would double the graph.
    """

    def __init__(self, excerpts: Excerpts, geometry: PatchGeometry, train: Train) -> None:
        self._excerpts, self._geometry, self._train = excerpts, geometry, train
        self._num_slots, self._channels = len(excerpts.layout.sources), excerpts.layout.channels
        self._num_positions = count_positions(excerpts, geometry)
        self._ends = tf.cumsum(self._num_positions)
        self._starts = self._ends - self._num_positions
        self._swaps = train.swap_channels and self._channels == 2

    def cut(self, index: tf.Tensor) -> dict[str, tf.Tensor]:
        """Patch ``index`` of the run: every position of every record is equally likely."""
        seeds = _Seeds(*tf.unstack(tf.random.split(tf.stack([self._train.seed, index]), len(_Seeds._fields))))
        drawn = tf.random.stateless_uniform([1], seeds.position, 0, self._ends[-1], tf.int64)
        record = tf.searchsorted(self._ends, drawn, side="right", out_type=tf.int64)  # (1,)
        position = drawn - tf.gather(self._starts, record)
        slots = _Slots(
            records=tf.tile(record, [self._num_slots]),
            positions=tf.tile(position, [self._num_slots]),
            scales=tf.gather(self._excerpts.source_scales, record)[0],
            labels=tf.gather(self._excerpts.labels, record)[0],
        )
        if self._keeps_the_mixture():
            mixture, sources = self._read_as_stored(slots, record, position)
        else:
            slots = self._augment(slots, seeds)
            mixture, sources = self._read_and_mix(slots, seeds)
        labels = slots.labels
        if self._train.label_dropout:
            dropped = tf.random.stateless_uniform([], seeds.label_dropout) < self._train.label_dropout
            labels = tf.where(dropped, UNKNOWN, labels)
        return {"mixture": mixture, "sources": sources, "labels": labels}

    def _keeps_the_mixture(self) -> bool:
        train = self._train
        changed = train.flip_polarity or train.remix or train.silence or self._swaps
        return train.min_gain == train.max_gain == 1 and not changed

    def _augment(self, slots: _Slots, seeds: _Seeds) -> _Slots:
        """Other instruments, one instrument less, other gains."""
        if self._train.remix:
            slots = self._remix(slots, seeds.remix)
        if self._train.silence:
            kept = _all_but_one(slots.labels, self._train.silence, seeds.silence)
            slots = slots._replace(scales=slots.scales * kept, labels=slots.labels * kept)
        return slots._replace(scales=slots.scales * self._gains(seeds))

    def _remix(self, slots: _Slots, seed: tf.Tensor) -> _Slots:
        """Other slots in a share of the examples.

        As many instruments as play in the track drawn, but any, each at a random position of any record that stores
        it. So a network cannot learn which instruments play together, of which a small corpus has a few cases only.
        """
        seeds = tf.unstack(tf.random.split(seed, 4))
        stored = self._excerpts.source_scales > 0
        # The largest of independent uniform numbers is at a place that is uniform among those that count.
        dice = tf.random.stateless_uniform(tf.shape(stored), seeds[0])
        records = tf.argmax(tf.where(stored, dice, -1.0), axis=0)  # (K,), one for each slot
        room = tf.cast(tf.gather(self._num_positions, records), tf.float64)
        fractions = tf.random.stateless_uniform([self._num_slots], seeds[1], dtype=tf.float64)

        available = tf.reduce_any(stored, axis=0)
        order = tf.where(available, tf.random.stateless_uniform([self._num_slots], seeds[2]), 2.0)
        rank = tf.argsort(tf.argsort(order))
        plays = available & (rank < tf.cast(tf.reduce_sum(slots.labels), tf.int32))
        labels = tf.cast(plays, tf.float32)
        places = tf.stack([records, tf.range(self._num_slots, dtype=tf.int64)], axis=1)
        other = _Slots(
            records=records,
            positions=tf.cast(fractions * room, tf.int64),
            scales=tf.gather_nd(self._excerpts.source_scales, places) * labels,
            labels=labels,
        )
        taken = tf.random.stateless_uniform([], seeds[3]) < self._train.remix
        return _Slots(*(tf.where(taken, theirs, ours) for theirs, ours in zip(other, slots, strict=True)))

    def _gains(self, seeds: _Seeds) -> tf.Tensor:
        """A random gain for each slot, (K,)."""
        shape = [self._num_slots]
        gains = tf.random.stateless_uniform(shape, seeds.gains, self._train.min_gain, self._train.max_gain)
        if not self._train.flip_polarity:
            return gains
        return tf.where(tf.random.stateless_uniform(shape, seeds.polarity) < 0.5, gains, -gains)

    def _read_as_stored(self, slots: _Slots, record: tf.Tensor, position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The stored mixture (T_mix, C) of a record (1,), and the sources (K, T_est, C)."""
        sounding = self._sounding(slots)
        scale = tf.gather(self._excerpts.mixture_scales, record)
        mixture, *sources = self._read(
            records=tf.concat([record, tf.gather(slots.records, sounding)], 0),
            waveforms=tf.concat([[0], 1 + sounding], 0),
            positions=tf.concat([position, tf.gather(slots.positions, sounding)], 0),
            scales=tf.concat([scale, tf.gather(slots.scales, sounding)], 0),
            stretches=[self._whole, *[(0, self._geometry.estimate_frames)] * self._excerpts.max_sounding],
        )
        return mixture, self._fill_slots(sources, sounding)

    def _read_and_mix(self, slots: _Slots, seeds: _Seeds) -> tuple[tf.Tensor, tf.Tensor]:
        """The sources (K, T_est, C), and in place of a stored mixture (T_mix, C) their sum."""
        sounding = self._sounding(slots)
        whole = self._read(
            records=tf.gather(slots.records, sounding),
            waveforms=1 + sounding,
            positions=tf.gather(slots.positions, sounding),
            scales=tf.gather(slots.scales, sounding),
            stretches=[self._whole] * self._excerpts.max_sounding,
        )
        if self._swaps:
            dice = tf.gather(tf.random.stateless_uniform([self._num_slots], seeds.channels), sounding)
            swaps = tf.unstack(dice < 0.5)
            whole = [tf.where(swap, tf.reverse(source, [1]), source) for swap, source in zip(swaps, whole, strict=True)]
        margin, frames = self._geometry.margin_frames, self._geometry.estimate_frames
        sources = [source[margin : margin + frames] for source in whole]
        # Not tf.add_n, which a chain of additions is also turned into: it begins with whichever buffer happens to be
        # free, and the order of a sum decides its rounding.
        return tf.reduce_sum(tf.stack(whole), axis=0), self._fill_slots(sources, sounding)

    def _sounding(self, slots: _Slots) -> tf.Tensor:
        """As many slots as may sound, (N,): first those that do, in their order. The time goes into these alone."""
        sounds = tf.cast(slots.scales != 0, tf.int32)
        return tf.cast(tf.math.top_k(sounds, self._excerpts.max_sounding).indices, tf.int64)

    def _fill_slots(self, sources: Sequence[tf.Tensor], sounding: tf.Tensor) -> tf.Tensor:
        """Sources (T, C) at their slots, silence at all others: (K, T, C)."""
        return tf.scatter_nd(sounding[:, None], tf.stack(sources), [self._num_slots, *sources[0].shape])

    @property
    def _whole(self) -> tuple[int, int]:
        """The stretch that a network reads."""
        return -self._geometry.margin_frames, self._geometry.mixture_frames

    def _read(
        self,
        records: tf.Tensor,
        waveforms: tf.Tensor,
        positions: tf.Tensor,
        scales: tf.Tensor,
        stretches: Sequence[tuple[int, int]],
    ) -> list[tf.Tensor]:
        """Stretches of N waveforms, each (its frames, C), zeros where a track has not begun or is over.

        Args:
            records: (N,).
            waveforms: (N,), places in ``Excerpts.addresses``.
            positions: (N,), the first estimated frames, as in ``_Slots``.
            scales: (N,); a waveform of scale 0 is not read.
            stretches: for each waveform the first frame, counted from the first estimated one, and how many.
        """
        offsets, lengths = np.array(stretches).T
        excerpts, frame_bytes = self._excerpts, self._excerpts.layout.frame_bytes
        begins = tf.gather(excerpts.context_before, records) + positions + offsets
        ends = begins + lengths
        first = tf.maximum(begins, 0)
        last = tf.where(scales == 0, first, tf.minimum(ends, tf.gather(excerpts.stored_frames, records)))
        addresses = tf.gather_nd(excerpts.addresses, tf.stack([records, waveforms], axis=1)) + first * frame_bytes
        stored = excerpts.read(addresses, (last - first) * frame_bytes)
        padding = tf.unstack(tf.stack([first - begins, ends - last], axis=1)[:, None] * frame_bytes)
        return [
            self._to_samples(tf.pad(values, around), frames, scale)
            for values, around, frames, scale in zip(stored, padding, lengths.tolist(), tf.unstack(scales), strict=True)
        ]

    def _to_samples(self, stored: tf.Tensor, frames: int, scale: tf.Tensor) -> tf.Tensor:
        """Bytes to samples, (frames, C)."""
        dtype = tf.as_dtype(self._excerpts.layout.encoding)
        values = tf.bitcast(tf.reshape(stored, [frames, self._channels, dtype.size]), dtype)
        return tf.cast(values, tf.float32) * scale


def _all_but_one(labels: tf.Tensor, share: float, seed: tf.Tensor) -> tf.Tensor:
    """Ones, and in a share of the examples a zero at one of the labels, never at the only one; (K,) -> (K,)."""
    seeds = tf.unstack(tf.random.split(seed, 2))
    dice = tf.where(labels > 0, tf.random.stateless_uniform(labels.shape, seeds[0]), -1.0)
    silenced = tf.one_hot(tf.argmax(dice), labels.shape[0])
    taken = (tf.random.stateless_uniform([], seeds[1]) < share) & (tf.reduce_sum(labels) > 1)
    return tf.where(taken, 1 - silenced, 1.0)
