"""Draws what is asked of mixtures, and cuts mixtures, targets and the audio of queries.

Instruments are asked for evenly, however many tracks have them. Everything follows from the seed
and the step, so that a run repeats from any step on.

Axes: B examples of a step, K slots, R records, A slots that some record stores, T frames, C
channels.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from configs import Config, QuerySettings
from configs.geometry import Window
from data_prep.runtime.quantities import pluralized
from trainer.batches.drawing import Drawer, Plan
from trainer.batches.excerpts import Excerpts, read_stretches
from trainer.batches.patches import Cutter

# Of the seed of a step: another stream than that of its mixtures.
_STREAM = 1
# What is above -30 dB of the mixture's power, and above -60 dBFS, is audible, as it is where
# instruments are heard (configs.tasks.TaggingSettings).
_AUDIBLE_SHARE = 1e-3
_AUDIBLE_POWER = 1e-6


class Question(NamedTuple):
    """Says what the examples of a step ask, and of what; or without the B, one of them."""

    plan: Plan
    # (B,), the slot that is asked for.
    slot: tf.Tensor
    # (B,), whether it is asked for by audio.
    by_audio: tf.Tensor
    # (B,), where the audio of the query lies: its record, and its first frame counted from the
    # first owned one.
    record: tf.Tensor
    position: tf.Tensor
    # (B,), false where no other recording of the instrument is there.
    has_audio: tf.Tensor


class _Places(NamedTuple):
    """Says in which records each slot lies, (R, K) each but for the numbers, (K,)."""

    # In each column first the records that have the slot, in order.
    records: tf.Tensor
    num_records: tf.Tensor


class QuestionDrawer(Drawer):
    """Draws what the examples of a step are, and what is asked of them."""

    def __init__(self, excerpts: Excerpts, config: Config, window: Window) -> None:
        """Looks where instruments lie.

        Raises:
            ValueError: what is not there cannot be asked for, as all records have an instrument and
                mixtures stay as they are.
        """
        super().__init__(excerpts, config, window)
        assert isinstance(config.task, QuerySettings)
        self._task = config.task
        self.audio_frames = round(config.task.query_secs * config.audio.sample_rate)
        stored = excerpts.source_scales.numpy() > 0
        lacking = excerpts.labels.numpy() == 0
        asked = np.flatnonzero(stored.any(axis=0))
        if config.task.absent and config.augmentation.keeps_the_mixture:
            _require_absence(lacking[:, asked].any(axis=0), asked, config)
        # Of what every record has, the target is taken out of the sum of sources.
        lacking |= ~lacking.any(axis=0)
        self._asked = tf.constant(asked, tf.int64)
        self._having = _places(stored)
        self._lacking = _places(lacking)
        self._num_before, self._num_own, self._rank = map(
            tf.constant, _by_track(stored, excerpts.tracks.numpy())
        )

    def ask(self, step: tf.Tensor) -> Question:
        """Draws the examples of a step."""
        root = self._root(step)
        seeds = tf.unstack(tf.random.split(tf.random.fold_in(root, _STREAM), 7))
        shape = self._shape[:1]
        slot = tf.gather(self._asked, self._number(tf.fill(shape, len(self._asked)), seeds[0]))
        is_absent = tf.random.stateless_uniform(shape, seeds[1]) < self._task.absent
        record = tf.where(
            is_absent,
            self._record(self._lacking, slot, seeds[2]),
            self._record(self._having, slot, seeds[2]),
        )
        position = self._number(tf.gather(self._num_positions, record), seeds[3])
        wish = tf.where(is_absent, -1.0, 1.0)[:, None]
        wishes = wish * tf.one_hot(slot, self._shape[1])
        plan = self._plan_at(record, position, root, wishes)
        # (B,), the record that the target is from; else the one that lacks it.
        is_target = (plan.waveforms == 1 + slot[:, None]) & (plan.scales != 0)
        targets = tf.reduce_max(tf.where(is_target, plan.records, -1), axis=1)
        index, has_audio = self._elsewhere(tf.where(targets >= 0, targets, record), slot, seeds[4])
        audio_record = tf.gather_nd(self._having.records, tf.stack([index, slot], axis=1))
        owned = tf.gather(self._excerpts.owned_frames, audio_record)
        num_positions = tf.maximum(owned - self.audio_frames, 0) + 1
        by_audio = tf.random.stateless_uniform(shape, seeds[6]) < self._task.by_audio
        return Question(
            plan=plan,
            slot=slot,
            by_audio=by_audio & has_audio,
            record=audio_record,
            position=self._number(num_positions, seeds[5]),
            has_audio=has_audio,
        )

    def _elsewhere(
        self, record: tf.Tensor, slot: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws where else instruments are: numbers among the records that have them, (B,).

        It is a record of another track. Where one track alone has the instrument it is the record
        half of these away from the target's; where one record alone has it, it is that one, and
        the second result, (B,), is false.
        """
        cells = tf.stack([record, slot], axis=1)
        before = tf.gather_nd(self._num_before, cells)
        own = tf.gather_nd(self._num_own, cells)
        total = tf.gather(self._having.num_records, slot)
        drawn = self._number(total - own, seed)
        other_track = drawn + tf.where(drawn >= before, own, 0)
        far = (tf.gather_nd(self._rank, cells) + own // 2) % tf.maximum(own, 1)
        is_shared = total > own
        return tf.where(is_shared, other_track, before + far), is_shared | (own > 1)

    def _record(self, places: _Places, slot: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draws one of the records of each slot, (B,)."""
        index = self._number(tf.gather(places.num_records, slot), seed)
        return tf.gather_nd(places.records, tf.stack([index, slot], axis=1))

    def _number(self, limits: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draws whole numbers from 0 to below limits (B,)."""
        fractions = tf.random.stateless_uniform(self._shape[:1], seed, dtype=tf.float64)
        return tf.cast(fractions * tf.cast(limits, tf.float64), tf.int64)


def make_questions(excerpts: Excerpts, config: Config, start_step: int) -> tf.data.Dataset:
    """Makes the examples from ``start_step`` on, in order, not batched.

    Returns: Dictionaries of ``mixture`` (T_mix, C), ``target`` (T_est, C), ``slot`` (), ``there``
        (K,), 1 for what is audible, ``audio`` (T_audio, C), zeros where there is none, and
        ``by_audio`` (), 1 or 0, float32.

    Raises:
        ValueError: what is not there cannot be asked for.
    """
    window = config.model.window()
    drawer = QuestionDrawer(excerpts, config, window)
    cutter = Cutter(excerpts, window, config.augmentation, around_frames=0)

    def cut(question: Question) -> dict[str, tf.Tensor]:
        example = cutter.cut(question.plan)
        slot = question.slot
        begin = tf.gather(excerpts.context_before, question.record) + question.position
        audio = read_stretches(
            excerpts,
            question.record[None],
            1 + slot[None],
            begin[None],
            drawer.audio_frames,
            question.has_audio[None],
        )
        scale = tf.gather_nd(excerpts.source_scales, tf.stack([question.record, slot]))
        return {
            "mixture": example["mixture"],
            "target": tf.gather(example["sources"], slot),
            "slot": tf.cast(slot, tf.float32),
            "there": are_audible(example["sources"], example["mixture"]),
            "audio": audio[0] * scale,
            "by_audio": tf.cast(question.by_audio, tf.float32),
        }

    steps = tf.data.Dataset.range(start_step, config.train.steps)
    questions = steps.map(drawer.ask, num_parallel_calls=tf.data.AUTOTUNE).unbatch()
    return questions.map(cut, num_parallel_calls=tf.data.AUTOTUNE)


def are_audible(sources: tf.Tensor, mixture: tf.Tensor) -> tf.Tensor:
    """Returns 1 for sources (K, T, C) that are audible in the middle of a mixture (T', C): (K,)."""
    power = tf.reduce_mean(tf.square(sources), axis=[1, 2])
    begin = (mixture.shape[0] - sources.shape[1]) // 2
    of_mixture = tf.reduce_mean(tf.square(mixture[begin : begin + sources.shape[1]]))
    audible = (power > _AUDIBLE_POWER) & (power > _AUDIBLE_SHARE * of_mixture)
    return tf.cast(audible, tf.float32)


def tell_of_audio(excerpts: Excerpts) -> None:
    """Prints which instruments have no recording but one, so that no other one can be a query."""
    stored = excerpts.source_scales.numpy() > 0
    tracks = excerpts.tracks.numpy()
    for slot in np.flatnonzero(stored.any(axis=0)):
        name = excerpts.layout.sources[slot]
        num_records = int(stored[:, slot].sum())
        if num_records == 1:
            told = "one excerpt alone has it, so that it is asked for by name alone"
        elif len(set(tracks[stored[:, slot]])) == 1:
            told = (
                f"one track alone has it, so that the audio of its queries is from another of its "
                f"{pluralized(num_records, 'excerpt')}"
            )
        else:
            continue
        print(f"note: {name}: {told}.", flush=True)


def _require_absence(
    has_lacking: NDArray[np.bool_], asked: NDArray[np.intp], config: Config
) -> None:
    """Refuses instruments that every record has, where mixtures stay as they are stored."""
    everywhere = [config.data.sources[k] for k in asked[~has_lacking]]
    if everywhere:
        raise ValueError(
            f"every training record has {', '.join(everywhere)}, so that nothing teaches what is "
            f"not there; let the section augmentation change mixtures, as "
            f"augmentation.min_gain=0.9, by which a target can be left out, or set task.absent=0."
        )


def _places(has: NDArray[np.bool_]) -> _Places:
    """Returns the records of each slot, given which records have which, (R, K)."""
    order = np.argsort(~has, axis=0, kind="stable")
    return _Places(tf.constant(order, tf.int64), tf.constant(has.sum(axis=0), tf.int64))


def _by_track(stored: NDArray[np.bool_], tracks: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Returns where a record and its track stand among the records that have a slot, (R, K) each.

    They are how many of them are of tracks before, how many of its own track, and how many of these
    come before the record itself. The records of a track follow each other.
    """
    before = np.stack([stored[tracks < track].sum(axis=0) for track in tracks])
    own = np.stack([stored[tracks == track].sum(axis=0) for track in tracks])
    rank = np.cumsum(stored, axis=0) - stored - before
    return [before, own, rank]
