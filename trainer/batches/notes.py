"""Gives each example the notes of what it is made of, by the rules of trainer.networks.notes.

Axes: B examples of a step, N waveforms that an example is made of, R records, K slots, M notes of
all records, Q notes of an example, P notes that the network takes.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from configs import Config
from configs.geometry import Window
from trainer.batches.drawing import Plan, count_positions
from trainer.batches.excerpts import Excerpts
from trainer.networks.notes import UNKNOWN_NOTE

# Tells these draws from those of trainer.batches.drawing.
_OWN_DRAWS = 1
# Records among which one of another track is looked for.
_NUM_CANDIDATES = 8
_CENTS_OF_OCTAVE = 1200.0


class NotePlan(NamedTuple):
    """Says whose notes the examples of a step are told; or without the B, one of them."""

    # (B, N), the records in which the notes lie, and the first estimated frames as in ``Plan``.
    records: tf.Tensor
    positions: tf.Tensor
    # (B, N), whether the notes are those of the waveform: the target of others is silence.
    are_right: tf.Tensor
    # (B,), whether the network is told any.
    are_known: tf.Tensor
    # (B, 2), of how far each note is moved.
    seeds: tf.Tensor


class NoteDrawer:
    """Draws whose notes the examples of a step are told, from the seed and the step alone."""

    def __init__(self, excerpts: Excerpts, config: Config, window: Window) -> None:
        self._tracks = excerpts.tracks
        self._augmentation = config.augmentation
        self._seed = config.train.seed
        self._num_positions = count_positions(excerpts, window)
        # (R, K): the records that have notes of a slot, those first that do; and how many do.
        has_notes = tf.cast(excerpts.count_notes() > 0, tf.int64)
        self._having = tf.argsort(has_notes, axis=0, direction="DESCENDING", stable=True)
        self._num_having = tf.reduce_sum(has_notes, axis=0)

    def draw(self, step: tf.Tensor, plan: Plan) -> NotePlan:
        """Draws them for a plan, whose waveforms are those of slots alone."""
        root = tf.random.fold_in(tf.stack([self._seed, step]), _OWN_DRAWS)
        seeds = tf.unstack(tf.random.split(root, 3))
        num_examples = plan.records.shape[0]
        known = tf.random.stateless_uniform([num_examples], seeds[0])
        right = NotePlan(
            records=plan.records,
            positions=plan.positions,
            are_right=tf.ones_like(plan.records, tf.bool),
            are_known=known >= self._augmentation.note_dropout,
            seeds=tf.random.split(seeds[1], num_examples),
        )
        if not self._augmentation.wrong_notes:
            return right
        return self._with_wrong_notes(right, plan, seeds[2])

    def _with_wrong_notes(self, right: NotePlan, plan: Plan, seed: tf.Tensor) -> NotePlan:
        """Gives, in a share of the examples, one slot that sounds the notes of another track."""
        seeds = tf.unstack(tf.random.split(seed, 4))
        shape = plan.records.shape
        dice = tf.random.stateless_uniform(shape, seeds[0])
        chosen = tf.one_hot(tf.argmax(tf.where(plan.scales != 0, dice, -1.0), axis=1), shape[1])
        taken = tf.random.stateless_uniform([shape[0], 1], seeds[1])
        is_chosen = (chosen > 0) & (plan.scales != 0) & (taken < self._augmentation.wrong_notes)

        # (B, N, candidates): records with notes of the slot, of which the first of another track.
        slots = tf.repeat(plan.waveforms[:, :, None] - 1, _NUM_CANDIDATES, axis=2)
        choices = _below(tf.gather(self._num_having, slots), seeds[2])
        candidates = tf.gather_nd(self._having, tf.stack([choices, slots], axis=3))
        own = tf.gather(self._tracks, plan.records)[:, :, None]
        is_other = tf.gather(self._tracks, candidates) != own
        first = tf.argmax(tf.cast(is_other, tf.int32), axis=2)
        records = tf.cast(tf.gather(candidates, first, batch_dims=2), tf.int64)
        positions = _below(tf.gather(self._num_positions, records), seeds[3])
        is_wrong = is_chosen & tf.reduce_any(is_other, axis=2) & right.are_known[:, None]
        return right._replace(
            records=tf.where(is_wrong, records, right.records),
            positions=tf.where(is_wrong, positions, right.positions),
            are_right=~is_wrong,
        )


class NoteCutter:
    """Cuts the notes of one example out of those of the records."""

    def __init__(self, excerpts: Excerpts, config: Config, window: Window) -> None:
        """Takes the notes of a split.

        Raises:
            ValueError: the records have no notes, or a patch may have more than the network takes.
        """
        self._excerpts = excerpts
        self._window = window
        self._num_notes = config.model.num_notes
        self._jitter = config.augmentation.note_jitter_ms / 1000 * config.audio.sample_rate
        most = most_notes(excerpts, self._longest(config.augmentation.detune_cents))
        if not most:
            raise ValueError(
                "the network is told notes (model.timing, model.gate_timing), and the training "
                "records have none; write records of a corpus that has some, such as URMP's."
            )
        if most > self._num_notes:
            raise ValueError(
                f"model.max_notes is {self._num_notes}; a patch of these records may have up to "
                f"{most} notes: set model.max_notes={-(-most // 64) * 64}, or shorten patches."
            )

    def _longest(self, detune_cents: float) -> int:
        """Returns in how many frames of a record lie the notes that may reach into a patch."""
        stretched = self._window.mixture_frames * 2 ** (detune_cents / _CENTS_OF_OCTAVE)
        return int(np.ceil(stretched + 2 * self._jitter)) + 2

    def cut(self, plan: Plan, notes: NotePlan) -> tf.Tensor:
        """Returns the notes (P, 4) of an example whose waveforms are those of slots alone."""
        slots = plan.waveforms - 1
        cells = notes.records * len(self._excerpts.layout.sources) + slots
        starts = tf.gather(self._excerpts.note_splits, cells)
        stops = tf.where(plan.scales != 0, tf.gather(self._excerpts.note_splits, cells + 1), starts)
        ranges = tf.ragged.range(starts, stops)
        # (Q,), the waveform of each note.
        owners = ranges.value_rowids()
        # (Q, 3): onset and offset, counted from the first owned frame, and cents.
        stored = tf.gather(self._excerpts.notes, ranges.flat_values)
        shifts = self._window.margin_frames - tf.gather(notes.positions, owners)
        frames = tf.cast(tf.cast(stored[:, :2], tf.int64) + shifts[:, None], tf.float32)
        cents = tf.cast(stored[:, 2], tf.float32)
        detuned = tf.gather(plan.cents, owners)
        # A waveform is played faster or slower about the middle of the patch.
        middle = (self._window.mixture_frames - 1) / 2
        frames = middle + (frames - middle) / 2 ** (detuned[:, None] / _CENTS_OF_OCTAVE)
        if self._jitter:
            shape = tf.shape(frames)
            moved = tf.random.stateless_uniform(shape, notes.seeds, -self._jitter, self._jitter)
            frames += moved
        frames = tf.round(frames)
        onsets = frames[:, 0]
        # A note that is moved still lasts a frame.
        offsets = tf.maximum(frames[:, 1], onsets + 1)
        slot_numbers = tf.cast(tf.gather(slots, owners), tf.float32)
        rows = tf.stack([onsets, offsets, cents + detuned, slot_numbers], axis=1)
        rows = rows[(offsets > 0) & (onsets < self._window.mixture_frames)]
        padded = tf.pad(rows, [[0, self._num_notes - tf.shape(rows)[0]], [0, 0]])
        known = tf.ensure_shape(padded, [self._num_notes, 4])
        return tf.where(notes.are_known, known, tf.constant([UNKNOWN_NOTE], tf.float32))


def most_notes(excerpts: Excerpts, num_frames: int) -> int:
    """Returns how many notes reach into so many frames at most, over all slots that may sound."""
    notes = excerpts.notes.numpy()
    counts = excerpts.count_notes().numpy()
    # (R K, notes of each)
    parts = np.split(notes, np.cumsum(counts.ravel())[:-1])
    most = np.array([_most_of(part, num_frames) for part in parts]).reshape(counts.shape)
    # Remixing puts together slots of any records.
    of_slots = np.sort(most.max(axis=0))[::-1]
    return int(of_slots[: excerpts.max_sounding].sum())


def _most_of(notes: NDArray[np.int32], num_frames: int) -> int:
    """Returns how many of some notes (M, 3) reach into any stretch of so many frames at most."""
    if not len(notes):
        return 0
    onsets = np.sort(notes[:, 0])
    offsets = np.sort(notes[:, 1])
    # The fullest stretch begins with the last frame of some note.
    begins = offsets - 1
    begun = np.searchsorted(onsets, begins + num_frames)
    ended = np.searchsorted(offsets, begins, side="right")
    return int((begun - ended).max())


def _below(limits: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws whole numbers from 0 to below each limit, 0 where it is 0."""
    fractions = tf.random.stateless_uniform(limits.shape, seed, dtype=tf.float64)
    return tf.cast(fractions * tf.cast(limits, tf.float64), tf.int64)
