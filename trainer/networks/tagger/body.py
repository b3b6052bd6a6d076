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
from trainer.networks.masks.recurrent_bodies import Scaling

# About where bands of music lie as each kind of loudness counts them, loud and soft: a mean, and a
# standard deviation around it.
_USUAL = {"decibels": (0.0, 1.0), "log_magnitude": (0.0, 2.0), "log_power": (2.0, 1.0)}
# Of numbers as wide as the widest image so many are there at a time.
_COPIES = 4


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

    def column_bytes(self) -> int:
        """Returns how many bytes a column of the analysis takes in the body, at most.

        Unless overridden: bands and the widest of their images, each there a few times.
        """
        return 4 * 40 * self.num_heard

    def _normalisation(self) -> Scaling:
        """Makes a scale and a shift of each band, learnt from the usual ones on.

        They stand for the mean and the spread of a band over all training data, by which the
        published networks divide.
        """
        mean, spread = _USUAL[self.settings.loudness]
        return Scaling(1 / spread, -mean / spread, name="heard", dtype=self.dtype_policy)

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

    What derives from it makes ``exit`` and overrides ``see``, ``picture_flops`` and
    ``picture_numbers``. Pictures of neighbours overlap, and what is common to them is computed
    again: with an answer for every column that is many times the work, so that answers should be
    ``column_hops`` apart.
    """

    # From the last features to what decides.
    exit: keras.layers.Layer

    def see(self, pictures: Any) -> Sequence[Any]:
        """Returns the features of each layer: (B', P, N, 1) -> (B', ..., F), the last (B', F)."""
        raise NotImplementedError

    def picture_flops(self) -> int:
        """Returns the multiplications and additions for a picture, but for those of ``exit``."""
        raise NotImplementedError

    def picture_numbers(self) -> int:
        """Returns how many numbers the widest layer makes of a picture."""
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
        layers = self.see(ops.cast(pictures, self.compute_dtype))
        return [self._by_answer(layer, num_answers) for layer in layers]

    def decode(self, features: Any) -> Any:
        """Returns what decides about every answer, (B, J, K)."""
        return self.exit(features)

    def flops(self, num_answers: int) -> int:
        """Returns the multiplications and additions for so many answers."""
        of_exit = 2 * self.exit.kernel.shape[0] * self.num_answers
        return num_answers * (self.picture_flops() + of_exit)

    def column_bytes(self) -> int:
        """Returns how many bytes a column of the analysis takes in the body, at most."""
        gathered = self.settings.picture_columns * self.num_heard
        numbers = _COPIES * max(self.picture_numbers(), gathered)
        return 4 * numbers // self.settings.column_hops

    def _by_answer(self, x: Any, num_answers: int) -> Any:
        """Returns the means of pictures by example: (B J, ..., F) -> (B, J, F)."""
        if len(x.shape) > 2:
            x = ops.mean(x, axis=tuple(range(1, len(x.shape) - 1)))
        return ops.reshape(x, (-1, num_answers, x.shape[-1]))


def products(num_places: int, num_taps: int, num_inputs: int, num_filters: int) -> int:
    """Returns the multiplications and additions of filters of so many taps at so many places."""
    return 2 * num_places * num_taps * num_inputs * num_filters
