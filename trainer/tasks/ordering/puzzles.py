"""Draws puzzles: clips of one stretch of a track with gaps between them, shuffled.

All of a puzzle follows from its seed. What is drawn of a silent stretch is drawn again.

Axes: P clips of a puzzle, T frames of a clip, S frames of a stretch, C channels, R records.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from configs import Config, OrderingSettings
from data_prep.audio.tracks import Waveform
from trainer.batches.excerpts import Excerpts, read_stretches
from trainer.tasks.ordering.step import clip_frames

# Of a puzzle, the root mean square over all clips, before each has its own gain.
_LEVEL = 0.1
# Of silent puzzles; the last one is taken as it is.
_MOST_ATTEMPTS = 40
# Of the second one of two stretches that sound together.
_MOST_SOFTER_DB = 12.0
_LEAST_RMS = 1e-4
# Of puzzles that are asked of a track, so that none of them is learnt from.
_ASKED = 2**40


class Puzzle(NamedTuple):
    """Holds one puzzle."""

    # (P, T, C), shuffled.
    clips: tf.Tensor
    # (P,) float32, where each of them stands, from 0 on.
    places: tf.Tensor


class _Attempt(NamedTuple):
    """Holds what was drawn, and whether it can be heard."""

    number: tf.Tensor
    clips: tf.Tensor
    places: tf.Tensor
    is_silent: tf.Tensor


class Puzzles:
    """Draws puzzles as an experiment wants them."""

    def __init__(self, config: Config) -> None:
        """Takes the laws of gaps, gains and levels."""
        task = config.task
        assert isinstance(task, OrderingSettings)
        self._task = task
        rate = config.audio.sample_rate
        self._clip_frames = clip_frames(config)
        self._least_gap = round(task.min_gap_secs * rate)
        # The probability that a gap is at most so much longer than the least one.
        self._gaps = tf.constant(np.cumsum(gap_law(task.gap_law, round(task.gap_secs * rate))))
        longest_gap = self._least_gap + round(task.gap_secs * rate)
        num_gaps = task.num_clips - 1
        self.longest_frames = task.num_clips * self._clip_frames + num_gaps * longest_gap

    def draw(self, seed: tf.Tensor, stretch_of: Callable[[tf.Tensor], tf.Tensor]) -> Puzzle:
        """Draws a puzzle.

        Args:
            seed: (2,), int64.
            stretch_of: returns a stretch (S, C), ``longest_frames`` long, for a seed.
        """

        def attempt(before: _Attempt) -> tuple[_Attempt]:
            own = tf.random.fold_in(seed, before.number)
            return (self._attempt(before.number + 1, own, stretch_of),)

        first = self._attempt(tf.constant(1), tf.random.fold_in(seed, 0), stretch_of)
        (last,) = tf.while_loop(
            lambda last: last.is_silent & (last.number < _MOST_ATTEMPTS), attempt, (first,)
        )
        return Puzzle(last.clips, last.places)

    def _attempt(
        self, number: tf.Tensor, seed: tf.Tensor, stretch_of: Callable[[tf.Tensor], tf.Tensor]
    ) -> _Attempt:
        seeds = tf.unstack(tf.random.split(seed, 5))
        stretch = stretch_of(seeds[0])
        task = self._task
        count = [task.num_clips]
        # (P - 1,)
        dice = tf.random.stateless_uniform([task.num_clips - 1], seeds[1], dtype=tf.float64)
        gaps = self._least_gap + tf.searchsorted(self._gaps, dice, side="right")
        begins = tf.range(task.num_clips) * self._clip_frames + tf.cumsum(tf.pad(gaps, [[1, 0]]))
        # (P, T): the frames of each clip.
        frames = begins[:, None] + tf.range(self._clip_frames)
        in_order = tf.gather(stretch, frames)
        powers = tf.reduce_mean(tf.square(in_order), axis=[1, 2])
        is_silent = tf.reduce_min(powers) < 10 ** (task.silent_dbfs / 10)
        level = tf.sqrt(tf.maximum(tf.reduce_mean(powers), 1e-20))
        shuffled = tf.argsort(tf.random.stateless_uniform(count, seeds[2]))
        gains_db = tf.random.stateless_uniform(count, seeds[3], -task.gain_db, task.gain_db)
        gains = 10 ** (gains_db / 20) * _LEVEL / level
        if task.flip_polarity:
            coins = tf.random.stateless_uniform(count, seeds[4])
            gains = tf.where(coins < 0.5, gains, -gains)
        clips = tf.gather(in_order, shuffled) * gains[:, None, None]
        return _Attempt(number, clips, tf.cast(shuffled, tf.float32), is_silent)


def gap_law(name: str, num_frames: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Returns the probability of each number of frames that a gap is longer than the least one.

    Args:
        name: hann or uniform.
        num_frames: over which the law is spread; 0 for a gap that is always the same.
    """
    if num_frames < 2:
        return np.ones(1)
    if name == "uniform":
        return np.full(num_frames, 1 / num_frames)
    # In the middle of each frame.
    phases = 2 * np.pi * (np.arange(num_frames) + 0.5) / num_frames
    weights = 1 - np.cos(phases)
    return np.asarray(weights / weights.sum())


class RecordPuzzles:
    """Draws puzzles of the records of a split: every start of every track is equally likely."""

    def __init__(self, excerpts: Excerpts, config: Config) -> None:
        """Finds where stretches may begin.

        Raises:
            ValueError: no record that sounds is as long as a puzzle.
        """
        self._excerpts = excerpts
        self._puzzles = Puzzles(config)
        self._seed = config.train.seed
        assert isinstance(config.task, OrderingSettings)
        self._overlay = config.task.overlay
        longest = self._puzzles.longest_frames
        # A stretch begins in the owned frames, and ends in the stored ones.
        behind = excerpts.stored_frames - excerpts.context_before - longest + 1
        starts = tf.maximum(tf.minimum(excerpts.owned_frames, behind), 0)
        sounds = tf.cast(excerpts.mixture_scales > 0, tf.int64)
        self._ends = tf.cumsum(starts * sounds)
        self._begins = self._ends - starts * sounds
        if not int(self._ends[-1]):
            rate = excerpts.layout.sample_rate
            raise ValueError(
                f"no training track sounds for {longest / rate:.2f} s, which a puzzle has; give "
                "longer tracks, or a smaller task.num_clips, task.clip_secs or task.gap_secs."
            )

    def puzzle(self, number: tf.Tensor) -> Puzzle:
        """Draws the puzzle of a number, which counts all examples of a run."""
        return self._puzzles.draw(tf.stack([self._seed, number]), self._stretch)

    def _stretch(self, seed: tf.Tensor) -> tf.Tensor:
        """Returns a stretch (S, C), or of some seeds two that sound together."""
        if not self._overlay:
            return self._stored(seed)
        seeds = tf.unstack(tf.random.split(seed, 4))
        first, second = self._stored(seeds[0]), self._stored(seeds[1])
        softer_db = tf.random.stateless_uniform([], seeds[2], 0.0, _MOST_SOFTER_DB)
        level = _rms(first) * 10 ** (-softer_db / 20)
        both = first + second * level / tf.maximum(_rms(second), _LEAST_RMS)
        return tf.where(tf.random.stateless_uniform([], seeds[3]) < self._overlay, both, first)

    def _stored(self, seed: tf.Tensor) -> tf.Tensor:
        """Returns a stretch of a record."""
        excerpts = self._excerpts
        drawn = tf.random.stateless_uniform([], seed, 0, self._ends[-1], tf.int64)
        record = tf.searchsorted(self._ends, drawn[None], side="right", out_type=tf.int64)
        begin = tf.gather(excerpts.context_before, record) + drawn - tf.gather(self._begins, record)
        scale = tf.gather(excerpts.mixture_scales, record)
        mixture = tf.zeros_like(record)
        frames = self._puzzles.longest_frames
        stretch = read_stretches(excerpts, record, mixture, begin, frames, scale > 0)
        return stretch[0] * scale[0]


def _rms(stretch: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_mean(tf.square(stretch)))


class TrackPuzzles:
    """Draws puzzles of whole tracks, the same ones each time."""

    def __init__(self, config: Config) -> None:
        self._puzzles = Puzzles(config)
        self._seed = config.train.seed

    @property
    def longest_frames(self) -> int:
        """Returns how long a track is at least of which a puzzle is drawn."""
        return self._puzzles.longest_frames

    def of_track(self, waveform: Waveform, number: int, count: int) -> Puzzle:
        """Draws puzzles of a track.

        Args:
            waveform: of the track, (S, C), at least ``longest_frames`` long.
            number: of the track among those that are asked about.
            count: B, how many puzzles.

        Returns:
            Clips (B, P, T, C) and places (B, P).
        """
        held = tf.constant(waveform)
        num_starts = len(waveform) - self.longest_frames + 1
        assert num_starts > 0, "the track is long enough"

        def stretch(seed: tf.Tensor) -> tf.Tensor:
            first = tf.random.stateless_uniform([], seed, 0, num_starts, tf.int32)
            return held[first : first + self.longest_frames]

        def draw(i: tf.Tensor) -> Puzzle:
            return self._puzzles.draw(tf.stack([self._seed, _ASKED + number * 2**20 + i]), stretch)

        numbers = tf.data.Dataset.range(count)
        drawn = numbers.map(draw, num_parallel_calls=tf.data.AUTOTUNE).batch(count)
        return Puzzle(*next(iter(drawn)))
