"""Holds the body of a published singing detector, for any Keras backend.

Axes as in ``body``; P = 115 columns and N = 80 bands as published.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from trainer.networks.network import rematerialised
from trainer.networks.tagger.body import Pictures, products

_TAPS = 3
# Filters of two convolutions behind each other, of each of two levels.
_FILTERS = ((64, 32), (128, 64))
# Of so many neighbours in both directions the largest is kept.
_POOL = 3
_UNITS = (256, 64)
# Of what is negative.
_SLOPE = 0.01


class SingingCnn(Pictures):
    """Is the network of a singing detector, with an answer for each instrument.

    Schlüter, Grill, "Exploring data augmentation for improved singing voice detection with neural
    networks", ISMIR 2015: convolutions of 3 x 3 taps without padding, a maximum over 3 x 3, again,
    then dense layers, all with leaky ReLU. For 80 bands and one answer they have 1,408,225 numbers.
    The mean and the spread of each band over the training data, by which it divides, are a learnt
    scale and shift here. It drops nothing at random while it learns, as all that is random in this
    project lies in the examples.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.heard = self._normalisation()
        self.levels = [
            [
                self._convolution(
                    num_filters, (_TAPS, _TAPS), f"level_{i}_{j}", activation=self._leaky()
                )
                for j, num_filters in enumerate(filters, start=1)
            ]
            for i, filters in enumerate(_FILTERS, start=1)
        ]
        self.denses = [
            self._dense(num_units, f"dense_{i}", self._leaky())
            for i, num_units in enumerate(_UNITS, start=1)
        ]
        self.exit = self._dense(self.num_answers, "exit")

    def _leaky(self) -> keras.layers.Layer:
        return keras.layers.LeakyReLU(_SLOPE, dtype=self.dtype_policy)

    def see(self, pictures: Any) -> Sequence[Any]:
        """Returns the features of both levels and both dense layers: of (B', P, N, 1)."""
        x = self.heard(pictures[..., 0])[..., None]
        layers = []
        for i, _ in enumerate(self.levels):
            x = rematerialised(self._level, i=i)(x)
            layers.append(x)
        # (B', 11, 7, 64) -> (B', 4928)
        x = ops.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))
        for dense in self.denses:
            x = dense(x)
            layers.append(x)
        return layers

    def _level(self, x: Any, i: int) -> Any:
        """Goes through one level: (B', P, N, F) -> (B', (P - 4) // 3, (N - 4) // 3, F')."""
        for convolution in self.levels[i]:
            x = convolution(x)
        return ops.max_pool(x, _POOL)

    def picture_flops(self) -> int:
        """Returns the multiplications and additions for a picture, but for those of ``exit``."""
        num_columns = self.settings.picture_columns
        num_bands = self.num_heard
        num_inputs = 1
        total = 0
        for filters in _FILTERS:
            for num_filters in filters:
                num_columns -= _TAPS - 1
                num_bands -= _TAPS - 1
                total += products(num_columns * num_bands, _TAPS**2, num_inputs, num_filters)
                num_inputs = num_filters
            num_columns //= _POOL
            num_bands //= _POOL
        num_inputs *= num_columns * num_bands
        for num_units in _UNITS:
            total += products(1, 1, num_inputs, num_units)
            num_inputs = num_units
        return total

    def picture_numbers(self) -> int:
        """Returns how many numbers the first convolution makes of a picture."""
        return _FILTERS[0][0] * self.settings.picture_columns * self.num_heard
