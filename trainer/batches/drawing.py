"""Draws what the examples of a step are made of, for all of them at once.

Everything follows from the seed and the step, so that a run repeats from any step on.

Axes: B examples of a step, K slots, N waveforms that an example is made of, R records, P points of
    an equaliser.
"""

from typing import NamedTuple

import tensorflow as tf

from configs import Config
from configs.geometry import Window
from trainer.batches.excerpts import Excerpts
from trainer.batches.positions import Positions
from trainer.batches.timbre import NUM_POINTS
from trainer.networks.conditioning import UNKNOWN

# Tells the draws of a context from all others.
_CONTEXT_DRAWS = 2


def count_positions(excerpts: Excerpts, window: Window) -> tf.Tensor:
    """Counts the patches of each record, (R,): estimates that lie in its owned frames.

    A record shorter than an estimate holds one, which begins at its first owned frame.
    """
    return tf.maximum(excerpts.owned_frames - window.estimate_frames, 0) + 1


class Plan(NamedTuple):
    """Says what the examples of a step are made of; or without the B, one of them."""

    # (B, N), the records in which the waveforms lie.
    records: tf.Tensor
    # (B, N), columns of Excerpts.addresses: 0 is the mixture, 1 + k slot k.
    waveforms: tf.Tensor
    # (B, N), the first estimated frames, counted from the first owned ones of the records.
    positions: tf.Tensor
    # (B, N), 0 for a silent waveform.
    scales: tf.Tensor
    # (B, N), whether the channels trade places.
    swaps: tf.Tensor
    # (B, N), how much higher each is played.
    cents: tf.Tensor
    # (B, N, P), the equaliser of each, in dB.
    curves: tf.Tensor
    # (B, K)
    labels: tf.Tensor
    # (B, K, D), zeros for slots without a label; (B,) of a network that takes none.
    context: tf.Tensor


def some_waveforms(plan: Plan, chosen: slice, axis: int) -> Plan:
    """Returns a plan of some of its waveforms; ``axis`` is theirs, 1 or, without the B, 0."""
    cut = (slice(None),) * axis + (chosen,)
    return plan._replace(
        records=plan.records[cut],
        waveforms=plan.waveforms[cut],
        positions=plan.positions[cut],
        scales=plan.scales[cut],
        swaps=plan.swaps[cut],
        cents=plan.cents[cut],
        curves=plan.curves[cut],
    )


class _Seeds(NamedTuple):
    """Holds a seed for each draw. Another comes last: a run repeats only in this order."""

    position: tf.Tensor
    gains: tf.Tensor
    label_dropout: tf.Tensor
    polarity: tf.Tensor
    remix: tf.Tensor
    silence: tf.Tensor
    channels: tf.Tensor
    detune: tf.Tensor
    equalise: tf.Tensor
    balance: tf.Tensor


class _Slots(NamedTuple):
    """Says what the slots play, (B, K) each; or the slots that sound, (B, N) each."""

    records: tf.Tensor
    positions: tf.Tensor
    # 0 for a silent slot.
    scales: tf.Tensor
    labels: tf.Tensor


class Drawer:
    """Draws what the examples of a step are.

    The numbers are drawn with the default algorithm, which on a CPU is Philox: naming it would
        double the graph.
    """

    def __init__(self, excerpts: Excerpts, config: Config, window: Window) -> None:
        self._excerpts = excerpts
        self._augmentation = config.augmentation
        self._has_context = config.model.context_numbers > 0
        self._seed = config.train.seed
        self._shape = [config.train.batch_size, len(excerpts.layout.sources)]
        # (R,)
        self._num_positions = count_positions(excerpts, window)
        # (R, K) -> (K,), the number of records that store a slot.
        stored = tf.cast(excerpts.source_scales > 0, tf.int64)
        self._positions = Positions(self._num_positions, stored, config.train.balance)
        self._num_stored = tf.reduce_sum(stored, axis=0)
        # (R, K), in each column the records that store the slot come first.
        self._storing = tf.argsort(stored, axis=0, direction="DESCENDING", stable=True)

    def draw(self, step: tf.Tensor) -> Plan:
        """Draws the examples of a step."""
        root = self._root(step)
        seeds = _Seeds(*tf.unstack(tf.random.split(root, len(_Seeds._fields))))
        # (B,), (B,)
        record, position = self._positions.draw(self._shape[0], seeds.position, seeds.balance)
        return self._plan_at(record, position, root)

    def _root(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the seed from which all draws of a step follow."""
        return tf.stack([self._seed, step])

    def _plan_at(
        self,
        record: tf.Tensor,
        position: tf.Tensor,
        root: tf.Tensor,
        wishes: tf.Tensor | None = None,
    ) -> Plan:
        """Draws all else of examples that begin as stretches of records.

        Args:
            record: (B,).
            position: (B,).
            root: of the step.
            wishes: (B, K), 1 for a slot that shall sound whatever is drawn, -1 for one that shall
                not; None: no matter.
        """
        seeds = _Seeds(*tf.unstack(tf.random.split(root, len(_Seeds._fields))))
        num_slots = self._shape[1]
        slots = _Slots(
            records=tf.repeat(record[:, None], num_slots, axis=1),
            positions=tf.repeat(position[:, None], num_slots, axis=1),
            scales=tf.gather(self._excerpts.source_scales, record),
            labels=tf.gather(self._excerpts.labels, record),
        )
        if self._augmentation.keeps_the_mixture:
            plan = self._plan(slots, seeds)
            plan = self._with_mixture(plan, record[:, None], position[:, None])
        else:
            slots = self._augment(slots, seeds, wishes)
            plan = self._plan(slots, seeds)
        return plan._replace(context=self._context(slots, root))

    def _context(self, slots: _Slots, root: tf.Tensor) -> tf.Tensor:
        """Returns the vectors of slots with a label, (B, K, D), zeros in a share of examples."""
        if not self._has_context:
            # An array without numbers cannot be taken apart into examples.
            return tf.zeros(self._shape[:1])
        slot_numbers = tf.broadcast_to(tf.range(self._shape[1], dtype=tf.int64), self._shape)
        cells = tf.stack([slots.records, slot_numbers], axis=2)
        vectors = tf.gather_nd(self._excerpts.context, cells) * slots.labels[:, :, None]
        seed = tf.random.fold_in(root, _CONTEXT_DRAWS)
        dice = tf.random.stateless_uniform([self._shape[0], 1, 1], seed)
        return tf.where(dice < self._augmentation.context_dropout, 0.0, vectors)

    def _augment(self, slots: _Slots, seeds: _Seeds, wishes: tf.Tensor | None) -> _Slots:
        """Draws other instruments, one instrument less, and other gains."""
        if wishes is None:
            wishes = tf.zeros(self._shape)
        if self._augmentation.remix:
            slots = self._remix(slots, seeds.remix, wishes)
        if self._augmentation.silence:
            kept = _all_but_one(slots.labels, self._augmentation.silence, seeds.silence)
            kept = tf.maximum(kept, wishes)
            slots = slots._replace(scales=slots.scales * kept, labels=slots.labels * kept)
        # What shall not sound is taken out of a record in which it does.
        may_sound = tf.cast(wishes >= 0, tf.float32)
        slots = slots._replace(scales=slots.scales * may_sound, labels=slots.labels * may_sound)
        return slots._replace(scales=slots.scales * self._gains(seeds))

    def _remix(self, slots: _Slots, seed: tf.Tensor, wishes: tf.Tensor) -> _Slots:
        """Draws other slots in a share of the examples, those first that shall sound.

        As many instruments as play in the track drawn, but any, each at a random position of any
        record that stores it. So a network cannot learn which instruments play together, of which a
        small corpus has a few cases only.
        """
        seeds = tf.unstack(tf.random.split(seed, 4))
        choices = self._below(self._num_stored, seeds[0])
        every_slot = tf.broadcast_to(tf.range(self._shape[1], dtype=tf.int64), self._shape)
        cells = tf.stack([choices, every_slot], axis=2)
        records = tf.cast(tf.gather_nd(self._storing, cells), tf.int64)

        # The slots that some record stores, in a random order; the first of them play.
        available = self._num_stored > 0
        order = tf.where(available, tf.random.stateless_uniform(self._shape, seeds[2]), 2.0)
        order -= wishes
        rank = tf.argsort(tf.argsort(order))
        wanted = tf.cast(tf.reduce_sum(slots.labels, axis=1, keepdims=True), tf.int32)
        labels = tf.cast(available & (rank < wanted), tf.float32)
        scales = tf.gather_nd(self._excerpts.source_scales, tf.stack([records, every_slot], axis=2))
        other = _Slots(
            records=records,
            positions=self._below(tf.gather(self._num_positions, records), seeds[1]),
            scales=scales * labels,
            labels=labels,
        )
        dice = tf.random.stateless_uniform([self._shape[0], 1], seeds[3])
        taken = dice < self._augmentation.remix
        pairs = zip(other, slots, strict=True)
        return _Slots(*(tf.where(taken, theirs, ours) for theirs, ours in pairs))

    def _below(self, limits: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draws whole numbers from 0 to below a limit, (B, K).

        Args:
            limits: (B, K), or (K,) for all examples; where one is 0, so is the number.
            seed: (2,).
        """
        fractions = tf.random.stateless_uniform(self._shape, seed, dtype=tf.float64)
        return tf.cast(fractions * tf.cast(limits, tf.float64), tf.int64)

    def _gains(self, seeds: _Seeds) -> tf.Tensor:
        """Draws a gain for each slot, (B, K)."""
        lowest = self._augmentation.min_gain
        highest = self._augmentation.max_gain
        gains = tf.random.stateless_uniform(self._shape, seeds.gains, lowest, highest)
        if not self._augmentation.flip_polarity:
            return gains
        dice = tf.random.stateless_uniform(self._shape, seeds.polarity)
        return tf.where(dice < 0.5, gains, -gains)

    def _plan(self, slots: _Slots, seeds: _Seeds) -> Plan:
        """Keeps as many slots as may sound, first those that do: time goes into these alone."""
        sounds = tf.cast(slots.scales != 0, tf.int32)
        num_waveforms = self._excerpts.max_sounding
        # (B, K) -> (B, N)
        sounding = tf.cast(tf.math.top_k(sounds, num_waveforms).indices, tf.int64)
        kept = _Slots(*(tf.gather(values, sounding, batch_dims=1) for values in slots))
        swaps = tf.zeros_like(kept.scales, tf.bool)
        most_cents = self._augmentation.detune_cents
        cents = tf.zeros_like(kept.scales)
        if most_cents:
            drawn = tf.random.stateless_uniform(self._shape, seeds.detune, -most_cents, most_cents)
            cents = tf.gather(drawn, sounding, batch_dims=1)
        most_db = self._augmentation.equalise_db
        curves = tf.zeros([*kept.scales.shape, NUM_POINTS])
        if most_db:
            shape = [*self._shape, NUM_POINTS]
            drawn = tf.random.stateless_uniform(shape, seeds.equalise, -most_db, most_db)
            curves = tf.gather(drawn, sounding, batch_dims=1)
        if self._augmentation.swap_channels:
            dice = tf.random.stateless_uniform(self._shape, seeds.channels)
            swaps = tf.gather(dice, sounding, batch_dims=1) < 0.5
        labels = slots.labels
        if self._augmentation.label_dropout:
            dice = tf.random.stateless_uniform([self._shape[0], 1], seeds.label_dropout)
            labels = tf.where(dice < self._augmentation.label_dropout, UNKNOWN, labels)
        return Plan(
            records=kept.records,
            waveforms=1 + sounding,
            positions=kept.positions,
            scales=kept.scales,
            swaps=swaps,
            cents=cents,
            curves=curves,
            labels=labels,
            context=tf.zeros(self._shape),
        )

    def _with_mixture(self, plan: Plan, record: tf.Tensor, position: tf.Tensor) -> Plan:
        """Puts the stored mixture before the other waveforms; record and position are (B, 1)."""
        mixture = Plan(
            records=record,
            waveforms=tf.zeros_like(record),
            positions=position,
            scales=tf.gather(self._excerpts.mixture_scales, record),
            swaps=tf.zeros_like(record, tf.bool),
            cents=tf.zeros_like(plan.cents[:, :1]),
            curves=tf.zeros_like(plan.curves[:, :1]),
            labels=plan.labels,
            context=plan.context,
        )
        pairs = zip(mixture, plan, strict=True)
        joined = Plan(*(tf.concat([first, others], axis=1) for first, others in pairs))
        # Labels are of the slots, not of the waveforms.
        return joined._replace(labels=plan.labels)


def _all_but_one(labels: tf.Tensor, share: float, seed: tf.Tensor) -> tf.Tensor:
    """Returns ones, but in a share of the examples a zero at a label that is not the only one.

    (B, K) -> (B, K).
    """
    seeds = tf.unstack(tf.random.split(seed, 2))
    dice = tf.where(labels > 0, tf.random.stateless_uniform(labels.shape, seeds[0]), -1.0)
    silenced = tf.one_hot(tf.argmax(dice, axis=1), labels.shape[1])
    chosen = tf.random.stateless_uniform([labels.shape[0], 1], seeds[1]) < share
    taken = chosen & (tf.reduce_sum(labels, axis=1, keepdims=True) > 1)
    return tf.where(taken, 1 - silenced, 1.0)
