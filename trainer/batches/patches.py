"""Turns records into batches of patches, which repeat whenever and wherever they are made.

What the examples of a step are is drawn for all of them at once, as every operation costs a host
more than it computes; then each is read and mixed by itself, a few stretches of waveforms. Whether
these lie in memory or in files makes no difference.

Axes: B examples of a step, K slots, N waveforms that an example is made of, R records, T frames, C
    channels.
"""

from typing import Any

import tensorflow as tf

from configs import Augmentation, Config
from configs.geometry import Window
from trainer.batches.drawing import Drawer, Plan, some_waveforms
from trainer.batches.excerpts import Excerpts, read_stretches
from trainer.batches.notes import NoteCutter, NoteDrawer, NotePlan
from trainer.batches.timbre import Timbre


def make_batches(
    excerpts: Excerpts, config: Config, start_step: int, around_frames: int = 0
) -> tf.data.Dataset:
    """Makes the examples from ``start_step`` on, in order.

    Example i of step n is the same whatever the step the dataset starts at. Not batched: the caller
    batches for its replicas, which take the examples of a step in turn.

    Args:
        excerpts: what they are cut of.
        config: of the experiment.
        start_step: of the first example.
        around_frames: that sources have on both sides beyond the estimate, at most a margin.

    Returns:
        Dictionaries of ``mixture`` (T_mix, C), ``sources`` (K, T_est, C) and ``labels`` (K,),
        float32; for a network that takes them, ``notes`` (P, 4) and ``context`` (K, D).

    Raises:
        ValueError: the network is told what the records do not have.
    """
    window = config.model.window()
    drawer = Drawer(excerpts, config, window)
    cutter = Cutter(excerpts, window, config.augmentation, around_frames)
    takes_notes = config.model.takes_notes
    takes_context = config.model.context_numbers > 0
    if takes_context:
        _require_context(excerpts, config)
    steps = tf.data.Dataset.range(start_step, config.train.steps)
    if takes_notes:
        note_drawer = NoteDrawer(excerpts, config, window)
        note_cutter = NoteCutter(excerpts, config, window)

    def draw(step: tf.Tensor) -> tuple[Any, ...]:
        plan = drawer.draw(step)
        if not takes_notes:
            return (plan,)
        return plan, note_drawer.draw(step, cutter.of_slots(plan, axis=1))

    def cut(plan: Plan, notes: NotePlan | None = None) -> dict[str, tf.Tensor]:
        example = cutter.cut(plan, notes)
        if notes is not None:
            example["notes"] = note_cutter.cut(cutter.of_slots(plan, axis=0), notes)
        if takes_context:
            example["context"] = plan.context
        return example

    plans = steps.map(draw, num_parallel_calls=tf.data.AUTOTUNE).unbatch()
    return plans.map(cut, num_parallel_calls=tf.data.AUTOTUNE)


def _require_context(excerpts: Excerpts, config: Config) -> None:
    """Refuses records whose vectors are not those that the network takes."""
    size = excerpts.context.shape[2]
    if size != config.model.context_numbers:
        raise ValueError(
            f"model.context_size is {config.model.context_numbers}, the vectors of the training "
            f"records have {size} numbers{'' if size else ', which is none'}; set it to theirs, or "
            "write records with vectors (data_prep.write --context)."
        )


class Cutter:
    """Cuts the patch of one example out of the waveforms."""

    def __init__(
        self, excerpts: Excerpts, window: Window, changes: Augmentation, around_frames: int
    ) -> None:
        self._excerpts = excerpts
        self._window = window
        self._keeps_mixture = changes.keeps_the_mixture
        self._num_slots = len(excerpts.layout.sources)
        # Of the sources, in frames of the mixture.
        self._first = window.margin_frames - around_frames
        self._num_frames = window.estimate_frames + 2 * around_frames
        frames = window.mixture_frames
        self._timbre = Timbre(changes.detune_cents, changes.equalise_db, frames)

    def of_slots(self, plan: Plan, axis: int) -> Plan:
        """Returns a plan of the waveforms of slots alone; ``axis`` is that of waveforms."""
        if not self._keeps_mixture:
            return plan
        # The stored mixture is the first waveform.
        return some_waveforms(plan, slice(1, None), axis)

    def cut(self, plan: Plan, notes: NotePlan | None = None) -> dict[str, tf.Tensor]:
        """Returns mixture (T_mix, C), sources (K, T_est, C) and labels (K,)."""
        if self._keeps_mixture:
            mixture, sources = self._as_stored(plan)
        else:
            mixture, sources = self._mixed(plan)
        slots = self.of_slots(plan, axis=0).waveforms[:, None] - 1
        if notes is not None:
            # What has the notes of another piece is in the mixture, and nothing of it is wanted.
            sources *= tf.cast(notes.are_right, tf.float32)[:, None, None]
        # (N, T_est, C) -> (K, T_est, C), zeros in the slots of which no waveform was read.
        shape = [self._num_slots, *sources.shape[1:]]
        scattered = tf.scatter_nd(slots, sources, shape)
        return {"mixture": mixture, "sources": scattered, "labels": plan.labels}

    def _as_stored(self, plan: Plan) -> tuple[tf.Tensor, tf.Tensor]:
        """Reads the stored mixture (T_mix, C) and the sources (N - 1, T_est, C)."""
        mixture = some_waveforms(plan, slice(1), axis=0)
        sources = self.of_slots(plan, axis=0)
        heard = self._read(mixture, -self._window.margin_frames, self._window.mixture_frames)
        offset = self._first - self._window.margin_frames
        played = self._read(sources, offset, self._num_frames)
        scaled = heard * mixture.scales[:, None, None]
        return scaled[0], played * sources.scales[:, None, None]

    def _mixed(self, plan: Plan) -> tuple[tf.Tensor, tf.Tensor]:
        """Reads the sources (N, T_est, C) and sums them to a mixture (T_mix, C)."""
        frames = self._window.mixture_frames
        extra = self._timbre.extra_frames
        stored = self._read(plan, -self._window.margin_frames - extra, frames + 2 * extra)
        waveforms = self._timbre.change(stored, plan.cents, plan.curves)
        # A sum of products is one operation over the stored numbers, half the time of scaling and
        # then adding.
        flat = tf.reshape(waveforms, [waveforms.shape[0], -1])
        mixture = tf.linalg.matvec(flat, plan.scales, transpose_a=True)
        estimated = waveforms[:, self._first : self._first + self._num_frames]
        sources = estimated * plan.scales[:, None, None]
        return tf.reshape(mixture, [frames, -1]), sources

    def _read(self, plan: Plan, offset: int, frames: int) -> tf.Tensor:
        """Reads stretches of waveforms, (N, ``frames``, C), float32; zeros outside of the track.

        They begin ``offset`` frames after the first estimated one. A waveform of scale 0 is not
        read.
        """
        begins = tf.gather(self._excerpts.context_before, plan.records) + plan.positions + offset
        is_wanted = plan.scales != 0
        samples = read_stretches(
            self._excerpts, plan.records, plan.waveforms, begins, frames, is_wanted
        )
        if samples.shape[2] == 1:
            return samples
        return tf.where(plan.swaps[:, None, None], tf.reverse(samples, [2]), samples)
