"""Says where the sources of a mixture are audible, column by column.

A source is audible at a time if its power over ``task.level_secs`` around it is above
``task.audible_db`` relative to that of the mixture, and above ``task.audible_dbfs``. Column n is
centred on frame n times the distance of columns.

Axes: K slots, T frames, C channels, J columns.
"""

from typing import NamedTuple

import tensorflow as tf

from configs import Config, TaggerSettings, TaggingSettings

# Of a float32 sum of squares that is nothing.
_NOTHING = 1e-20


class Audibility(NamedTuple):
    """Is the rule of an experiment by which sources are audible."""

    # Of the stretch over which power is measured, an even number.
    level_frames: int
    column_frames: int
    # As powers.
    of_mixture: float
    of_full_scale: float

    @property
    def margin_frames(self) -> int:
        """Returns the frames before the first column, and behind the last, that play a part."""
        return self.level_frames // 2

    def columns(self, sources: tf.Tensor, mixture: tf.Tensor) -> tf.Tensor:
        """Returns 1 where a source is audible and 0 where it is not, (K, J) float32.

        Args:
            sources: (K, T, C), from ``margin_frames`` before the first column on; T is as long as J
                columns and a margin on both sides.
            mixture: (T, C), the same frames.
        """
        # (K, T, C) -> (K, J)
        power = self._powers(sources)
        whole = self._powers(mixture[None])
        audible = (power > self.of_mixture * whole) & (power > self.of_full_scale)
        return tf.cast(audible & (power > _NOTHING), tf.float32)

    def _powers(self, waveforms: tf.Tensor) -> tf.Tensor:
        """Returns the mean square around each column: (K, T, C) -> (K, J).

        A stretch is whole distances of columns, which neighbours share, and what is left at both
        ends of it: a quarter of the time of a mean over each stretch by itself.
        """
        hop = self.column_frames
        num_whole, rest = divmod(self.margin_frames, hop)
        # (K, T): zeros before and behind, so that columns lie on multiples of a hop.
        squares = tf.reduce_mean(tf.square(waveforms), axis=2)
        padded = tf.pad(squares, [[0, 0], [hop - rest, hop - rest]])
        # (K, J + 2 (num_whole + 1), hop)
        blocks = tf.reshape(padded, [-1, tf.shape(padded)[1] // hop, hop])
        whole = tf.reduce_sum(blocks, axis=2)
        # What a stretch has of the block before its whole ones, and of the one behind them.
        last = tf.reduce_sum(blocks[:, :, hop - rest :], axis=2)
        first = tf.reduce_sum(blocks[:, :, :rest], axis=2)
        num_columns = tf.shape(blocks)[1] - 2 * (num_whole + 1)
        total = last[:, :num_columns] + first[:, 2 * num_whole + 1 :][:, :num_columns]
        for i in range(1, 2 * num_whole + 1):
            total += whole[:, i : i + num_columns]
        return total / self.level_frames


def audibility_of(config: Config) -> Audibility:
    """Returns the rule of an experiment."""
    task = config.task
    model = config.model
    assert isinstance(task, TaggingSettings)
    assert isinstance(model, TaggerSettings)
    half = max(1, round(task.level_secs * config.audio.sample_rate / 2))
    return Audibility(
        level_frames=2 * half,
        column_frames=model.column_frames,
        of_mixture=10 ** (task.audible_db / 10),
        of_full_scale=10 ** (task.audible_dbfs / 10),
    )
