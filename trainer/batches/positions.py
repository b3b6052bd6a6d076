"""Draws where in the records examples lie.

Axes: B examples of a step, R records, K slots, E slots that some record stores.
"""

import tensorflow as tf


class Positions:
    """Draws records and positions in them: the first estimated frames of patches.

    Patches stand side by side on a line, record after record, so that a number below their count is
    one of them. Balanced, there is such a line for each slot, of the records that store it.
    """

    def __init__(self, num_positions: tf.Tensor, stored: tf.Tensor, is_balanced: bool) -> None:
        """Lays out the lines.

        Args:
            num_positions: (R,), int64, the patches of each record.
            stored: (R, K), int64, 1 for what a record stores.
            is_balanced: whether first a slot is drawn, each that some record stores as likely, and
                then a patch of a record that stores it; else any patch is as likely.
        """
        self._num_records = tf.size(num_positions, tf.int64)
        self._is_balanced = is_balanced
        # (R,), or the lines of all slots one after the other, (K R,).
        counts = num_positions
        if is_balanced:
            counts = tf.reshape(tf.transpose(stored * num_positions[:, None]), [-1])
        self._ends = tf.cumsum(counts)
        self._starts = self._ends - counts
        # (E,), the slots that have a line.
        self._slots = tf.where(tf.reduce_sum(stored, axis=0) > 0)[:, 0]

    def draw(
        self, batch_size: int, seed: tf.Tensor, balance_seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws records and positions, (B,) and (B,), int64; the second seed is of the balance."""
        shape = [batch_size]
        if self._is_balanced:
            drawn = self._draw_on_lines(shape, balance_seed)
        else:
            drawn = tf.random.stateless_uniform(shape, seed, 0, self._ends[-1], tf.int64)
        # The cell whose patches the number falls among, and which of these it is.
        cell = tf.searchsorted(self._ends, drawn, side="right", out_type=tf.int64)
        return cell % self._num_records, drawn - tf.gather(self._starts, cell)

    def _draw_on_lines(self, shape: list[int], seed: tf.Tensor) -> tf.Tensor:
        """Draws first a line and then a number on it, (B,)."""
        seeds = tf.unstack(tf.random.split(seed, 2))
        num_slots = tf.size(self._slots, tf.int64)
        choices = tf.random.stateless_uniform(shape, seeds[0], 0, num_slots, tf.int64)
        slots = tf.gather(self._slots, choices)
        first = tf.gather(self._starts, slots * self._num_records)
        last = tf.gather(self._ends, (slots + 1) * self._num_records - 1)
        fractions = tf.random.stateless_uniform(shape, seeds[1], dtype=tf.float64)
        return first + tf.cast(fractions * tf.cast(last - first, tf.float64), tf.int64)
