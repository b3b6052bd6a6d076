"""Ends iterators of ``tf.data`` at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns a dataset whose numbers of threads are not tuned while it is read.

    A tuned iterator has a thread that sleeps for up to a minute and now and then sleeps through the
    end of it; whoever ends the iterator, and holds Python's lock, waits for that thread. Instead of
    what is tuned, ``tf.data.AUTOTUNE`` is a thread for each core.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
