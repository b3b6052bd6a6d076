"""Says what stands between what a tagger hears and its answers, for any Keras backend.

A body hears columns (B, M, N) and answers for some of them, (B, J, K): for every ``column_hops``-th
one that has ``read_columns`` others on each side. ``encode`` gives the features of its layers, of
which the last ones are those that ``decode`` takes; who wants to know what a tagger makes of a
sound for another purpose takes them all. Each treats an example by itself: there are no batch
statistics.

Axes: B examples, M columns in, J answers, N features, P columns of a picture, K instruments.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import ops

from configs import TaggerSettings


class Body(keras.layers.Layer):
    """Is what all bodies have in common."""

    def __init__(
        self,
        settings: TaggerSettings,
        num_heard: int,
        num_answers: int,
        seeds: Iterator[int],
        dtype: Any,
    ) -> None:
        """Makes the layers.

        Args:
            settings: of the network.
            num_heard: N, features of a column that it hears.
            num_answers: K.
            seeds: gives each kernel its seed.
            dtype: what it computes in.
        """
        super().__init__(name="body", dtype=dtype)
        self.settings = settings
        self.num_heard = num_heard
        self.num_answers = num_answers
        self._seeds = seeds

    def encode(self, heard: Any) -> Sequence[Any]:
        """Returns the features of each layer, (B, J or more, N), of columns (B, M, N)."""
        raise NotImplementedError

    def decode(self, features: Any) -> Any:
        """Returns what decides about every answer, (B, J, K), of the last features."""
        raise NotImplementedError

    def flops(self, num_answers: int) -> int:
        """Returns the multiplications and additions for so many answers."""
        raise NotImplementedError

    def _dense(self, num_outputs: int, name: str, activation: Any = None) -> keras.layers.Layer:
        return keras.layers.Dense(
            num_outputs,
            activation=activation,
            kernel_initializer=keras.initializers.GlorotUniform(next(self._seeds)),
            name=name,
            dtype=self.dtype_policy,
        )

    def _convolution(
        self, num_filters: int, taps: tuple[int, int], name: str, **options: Any
    ) -> keras.layers.Layer:
        """Makes a convolution over columns and features: (B, M, N, F) -> (B, M', N', filters)."""
        return keras.layers.Conv2D(
            num_filters,
            taps,
            kernel_initializer=keras.initializers.GlorotUniform(next(self._seeds)),
            name=name,
            dtype=self.dtype_policy,
            **options,
        )

    def _answered(self, x: Any) -> Any:
        """Returns one column of ``column_hops``: (B, M, N) -> (B, J, N)."""
        hops = self.settings.column_hops
        return x if hops == 1 else x[:, ::hops]


class Pictures(Body):
    """Is a body that looks at a stretch of columns around each answer as at one picture.

    What derives from it overrides ``see`` and ``picture_flops``. Pictures of neighbours overlap,
    and what is common to them is computed again: with an answer for every column that is many times
    the work, so that answers should be ``column_hops`` apart.
    """

    def see(self, pictures: Any) -> Sequence[Any]:
        """Returns the features of each layer: (B', P, N, 1) -> (B', ..., F), the last (B', F)."""
        raise NotImplementedError

    def picture_flops(self) -> int:
        """Returns the multiplications and additions for a picture."""
        raise NotImplementedError

    def encode(self, heard: Any) -> Sequence[Any]:
        """Returns the features of each layer, (B, J, F), the mean of a picture."""
        size = self.settings.picture_columns
        hops = self.settings.column_hops
        num_answers = 1 + (heard.shape[1] - size) // hops
        # (J, P): the columns of each picture.
        columns = ops.arange(num_answers)[:, None] * hops + ops.arange(size)
        # (B, M, N) -> (B, J, P, N) -> (B J, P, N, 1)
        pictures = ops.take(heard, columns, axis=1)
        pictures = ops.reshape(pictures, (-1, size, self.num_heard, 1))
        return [self._by_answer(layer, num_answers) for layer in self.see(pictures)]

    def flops(self, num_answers: int) -> int:
        """Returns the multiplications and additions for so many answers."""
        return num_answers * self.picture_flops()

    def _by_answer(self, x: Any, num_answers: int) -> Any:
        """Returns the means of pictures by example: (B J, ..., F) -> (B, J, F)."""
        if len(x.shape) > 2:
            x = ops.mean(x, axis=tuple(range(1, len(x.shape) - 1)))
        return ops.reshape(x, (-1, num_answers, x.shape[-1]))
