"""Records to batches of patches, each patch a function of (seed, step, its place in the batch) and the records alone.

What the examples of a step are is drawn for all of them at once, as every operation costs a host more than it computes;
then each is read and mixed by itself, a few stretches of waveforms. Whether these lie in memory or in files makes no
difference.

Axes: B examples of a step, K slots, N waveforms that an example is made of, T frames, C channels.
"""

from typing import NamedTuple

import tensorflow as tf

from configs import Train
from configs.geometry import PatchGeometry
from trainer.batches.excerpts import Excerpts
from trainer.networks.conditioning import UNKNOWN


def make_batches(
    excerpts: Excerpts, geometry: PatchGeometry, train: Train, start_step: int
) -> tf.data.Dataset:
    """The batches from ``start_step`` on, of ``mixture`` (T_mix, C), ``sources`` (K, T_est, C) and ``labels`` (K,).

    Example i of step n is the same whatever the step the dataset starts at. Not batched: the caller batches for its
    replicas, which take the examples of a step in turn.
    """
    draw, cut = (
        _Drawer(excerpts, geometry, train).draw,
        _Cutter(excerpts, geometry, keeps_the_mixture(train)).cut,
    )
    steps = tf.data.Dataset.range(start_step, train.steps)
    plans = steps.map(draw, num_parallel_calls=tf.data.AUTOTUNE).unbatch()
    return plans.map(cut, num_parallel_calls=tf.data.AUTOTUNE)


def count_positions(excerpts: Excerpts, geometry: PatchGeometry) -> tf.Tensor:
    """How many patches each record holds, (R,): one for every first frame whose estimate stays within the owned ones.

    A record shorter than an estimate holds one, which begins at its first owned frame.
    """
    return tf.maximum(excerpts.owned_frames - geometry.estimate_frames, 0) + 1


def keeps_the_mixture(train: Train) -> bool:
    """Whether the stored mixture is what the network hears; else it hears the sum of the augmented sources."""
    changed = train.flip_polarity or train.swap_channels or train.remix or train.silence
    return train.min_gain == train.max_gain == 1 and not changed


class _Plan(NamedTuple):
    """What the examples of a step are made of; or without the B, one of them."""

    records: tf.Tensor  # (B, N), where the waveforms are
    waveforms: tf.Tensor  # (B, N), places in Excerpts.addresses: 0 is the mixture, 1 + k slot k
    positions: (
        tf.Tensor
    )  # (B, N), the first estimated frames, counted from the first owned ones of the records
    scales: tf.Tensor  # (B, N), 0 for a silent waveform
    swaps: tf.Tensor  # (B, N), whether the channels trade places
    labels: tf.Tensor  # (B, K)


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
    """What the slots play, (B, K) each; or the slots that sound, (B, N) each."""

    records: tf.Tensor
    positions: tf.Tensor
    scales: tf.Tensor  # 0 for a silent slot
    labels: tf.Tensor


class _Drawer:
    """Draws what the examples of a step are.

    The numbers are drawn with the default algorithm, which on a CPU is Philox: naming it would double the graph.
    """

    def __init__(self, excerpts: Excerpts, geometry: PatchGeometry, train: Train) -> None:
        self._excerpts, self._train = excerpts, train
        self._shape = [train.batch_size, len(excerpts.layout.sources)]
        self._num_positions = count_positions(excerpts, geometry)
        self._ends = tf.cumsum(self._num_positions)
        self._starts = self._ends - self._num_positions
        stored = tf.cast(excerpts.source_scales > 0, tf.int64)
        self._num_stored = tf.reduce_sum(stored, axis=0)  # (K,), records that store a slot ...
        self._storing = tf.argsort(
            stored, axis=0, direction="DESCENDING", stable=True
        )  # ... which come first, (R, K)

    def draw(self, step: tf.Tensor) -> _Plan:
        """The examples of a step: every position of every record is equally likely."""
        seeds = _Seeds(
            *tf.unstack(tf.random.split(tf.stack([self._train.seed, step]), len(_Seeds._fields)))
        )
        drawn = tf.random.stateless_uniform(
            self._shape[:1], seeds.position, 0, self._ends[-1], tf.int64
        )
        record = tf.searchsorted(self._ends, drawn, side="right", out_type=tf.int64)  # (B,)
        position = drawn - tf.gather(self._starts, record)
        slots = _Slots(
            records=tf.repeat(record[:, None], self._shape[1], axis=1),
            positions=tf.repeat(position[:, None], self._shape[1], axis=1),
            scales=tf.gather(self._excerpts.source_scales, record),
            labels=tf.gather(self._excerpts.labels, record),
        )
        stored = keeps_the_mixture(self._train)
        if not stored:
            slots = self._augment(slots, seeds)
        plan = self._plan(slots, seeds)
        if stored:
            plan = self._with_mixture(plan, record[:, None], position[:, None])
        return plan

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
        choices = self._below(self._num_stored, seeds[0])
        every_slot = tf.broadcast_to(tf.range(self._shape[1], dtype=tf.int64), self._shape)
        records = tf.cast(
            tf.gather_nd(self._storing, tf.stack([choices, every_slot], axis=2)), tf.int64
        )

        available = self._num_stored > 0
        order = tf.where(available, tf.random.stateless_uniform(self._shape, seeds[2]), 2.0)
        rank = tf.argsort(tf.argsort(order))
        wanted = tf.cast(tf.reduce_sum(slots.labels, axis=1, keepdims=True), tf.int32)
        labels = tf.cast(available & (rank < wanted), tf.float32)
        other = _Slots(
            records=records,
            positions=self._below(tf.gather(self._num_positions, records), seeds[1]),
            scales=tf.gather_nd(
                self._excerpts.source_scales, tf.stack([records, every_slot], axis=2)
            )
            * labels,
            labels=labels,
        )
        taken = tf.random.stateless_uniform([self._shape[0], 1], seeds[3]) < self._train.remix
        return _Slots(
            *(tf.where(taken, theirs, ours) for theirs, ours in zip(other, slots, strict=True))
        )

    def _below(self, limits: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Whole numbers from 0 to below a limit of each, (B, K), or (K,) for all examples; 0 where that is 0."""
        fractions = tf.random.stateless_uniform(self._shape, seed, dtype=tf.float64)
        return tf.cast(fractions * tf.cast(limits, tf.float64), tf.int64)

    def _gains(self, seeds: _Seeds) -> tf.Tensor:
        """A random gain for each slot, (B, K)."""
        gains = tf.random.stateless_uniform(
            self._shape, seeds.gains, self._train.min_gain, self._train.max_gain
        )
        if not self._train.flip_polarity:
            return gains
        return tf.where(
            tf.random.stateless_uniform(self._shape, seeds.polarity) < 0.5, gains, -gains
        )

    def _plan(self, slots: _Slots, seeds: _Seeds) -> _Plan:
        """As many slots as may sound: first those that do, in their order. The time goes into these alone."""
        sounds = tf.cast(slots.scales != 0, tf.int32)
        sounding = tf.cast(tf.math.top_k(sounds, self._excerpts.max_sounding).indices, tf.int64)
        records, positions, scales, _ = (tf.gather(each, sounding, batch_dims=1) for each in slots)
        swaps = tf.zeros_like(scales, tf.bool)
        if self._train.swap_channels:
            dice = tf.random.stateless_uniform(self._shape, seeds.channels)
            swaps = tf.gather(dice, sounding, batch_dims=1) < 0.5
        labels = slots.labels
        if self._train.label_dropout:
            dice = tf.random.stateless_uniform([self._shape[0], 1], seeds.label_dropout)
            labels = tf.where(dice < self._train.label_dropout, UNKNOWN, labels)
        return _Plan(records, 1 + sounding, positions, scales, swaps, labels)

    def _with_mixture(self, plan: _Plan, record: tf.Tensor, position: tf.Tensor) -> _Plan:
        """The stored mixture (B, 1) as the first of the waveforms."""
        scale = tf.gather(self._excerpts.mixture_scales, record)
        first = (record, tf.zeros_like(record), position, scale, tf.zeros_like(record, tf.bool))
        joined = {
            name: tf.concat([one, getattr(plan, name)], axis=1)
            for name, one in zip(
                ("records", "waveforms", "positions", "scales", "swaps"), first, strict=True
            )
        }
        return plan._replace(**joined)


class _Cutter:
    """Cuts the patch of one example out of the waveforms."""

    def __init__(self, excerpts: Excerpts, geometry: PatchGeometry, keeps_mixture: bool) -> None:
        self._excerpts, self._geometry, self._keeps_mixture = excerpts, geometry, keeps_mixture
        self._num_slots = len(excerpts.layout.sources)
        self._estimated = slice(
            geometry.margin_frames, geometry.margin_frames + geometry.estimate_frames
        )

    def cut(self, plan: _Plan) -> dict[str, tf.Tensor]:
        """Mixture (T_mix, C), sources (K, T_est, C) and labels (K,)."""
        mixture, sources = (self._as_stored if self._keeps_mixture else self._mixed)(plan)
        slots = plan.waveforms[1 if self._keeps_mixture else 0 :, None] - 1
        shape = [self._num_slots, *sources.shape[1:]]
        return {
            "mixture": mixture,
            "sources": tf.scatter_nd(slots, sources, shape),
            "labels": plan.labels,
        }

    def _as_stored(self, plan: _Plan) -> tuple[tf.Tensor, tf.Tensor]:
        mixture = tf.nest.map_structure(lambda each: each[:1], plan)
        sources = tf.nest.map_structure(lambda each: each[1:], plan)
        margin, frames = self._geometry.margin_frames, self._geometry.estimate_frames
        heard = (
            self._read(mixture, -margin, self._geometry.mixture_frames)
            * mixture.scales[:, None, None]
        )
        return heard[0], self._read(sources, 0, frames) * sources.scales[:, None, None]

    def _mixed(self, plan: _Plan) -> tuple[tf.Tensor, tf.Tensor]:
        frames = self._geometry.mixture_frames
        waveforms = self._read(plan, -self._geometry.margin_frames, frames)
        # A sum of products is one operation over the stored numbers, half the time of scaling and then adding.
        mixture = tf.linalg.matvec(
            tf.reshape(waveforms, [waveforms.shape[0], -1]), plan.scales, transpose_a=True
        )
        sources = waveforms[:, self._estimated] * plan.scales[:, None, None]
        return tf.reshape(mixture, [frames, -1]), sources

    def _read(self, plan: _Plan, offset: int, frames: int) -> tf.Tensor:
        """Stretches of waveforms as stored, (N, ``frames``, C), float32; zeros where a track has not begun or is over.

        They begin ``offset`` frames after the first estimated one. A waveform of scale 0 is not read.
        """
        excerpts, layout = self._excerpts, self._excerpts.layout
        begins = tf.gather(excerpts.context_before, plan.records) + plan.positions + offset
        ends = begins + frames
        first = tf.maximum(begins, 0)
        last = tf.where(
            plan.scales == 0,
            first,
            tf.minimum(ends, tf.gather(excerpts.stored_frames, plan.records)),
        )
        places = tf.stack([plan.records, plan.waveforms], axis=1)
        addresses = tf.gather_nd(excerpts.addresses, places) + first * layout.frame_bytes
        stored = excerpts.read(addresses, (last - first) * layout.frame_bytes)
        paddings = tf.unstack(
            tf.stack([first - begins, ends - last], axis=1)[:, None] * layout.frame_bytes
        )
        padded = tf.stack(
            [tf.pad(values, around) for values, around in zip(stored, paddings, strict=True)]
        )
        dtype = tf.as_dtype(layout.encoding)
        samples = tf.bitcast(
            tf.reshape(padded, [len(stored), frames, layout.channels, dtype.size]), dtype
        )
        return self._swap(tf.cast(samples, tf.float32), plan.swaps)

    def _swap(self, waveforms: tf.Tensor, swaps: tf.Tensor) -> tf.Tensor:
        if self._excerpts.layout.channels == 1:
            return waveforms
        return tf.where(swaps[:, None, None], tf.reverse(waveforms, [2]), waveforms)


def _all_but_one(labels: tf.Tensor, share: float, seed: tf.Tensor) -> tf.Tensor:
    """Ones, and in a share of the examples a zero at one of the labels, never at the only one; (B, K) -> (B, K)."""
    seeds = tf.unstack(tf.random.split(seed, 2))
    dice = tf.where(labels > 0, tf.random.stateless_uniform(labels.shape, seeds[0]), -1.0)
    silenced = tf.one_hot(tf.argmax(dice, axis=1), labels.shape[1])
    chosen = tf.random.stateless_uniform([labels.shape[0], 1], seeds[1]) < share
    taken = chosen & (tf.reduce_sum(labels, axis=1, keepdims=True) > 1)
    return tf.where(taken, 1 - silenced, 1.0)
