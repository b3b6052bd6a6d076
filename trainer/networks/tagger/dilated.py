"""Holds the default body of a tagger, which is convolutions, for any Keras backend."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from configs.tagger import IMAGE_FILTERS
from trainer.networks.frames import crop
from trainer.networks.network import rematerialised
from trainer.networks.tagger.body import Body

_TAPS = 3
# Of the convolutions over columns and bands, of which each gives half as many bands.
_BANDS_A_STEP = 2


class Dilated(Body):
    """Is convolutions over columns and bands, then dilated ones along time.

    The first three see what is near in time and pitch, at every second band; that is less work than
    the largest of two neighbours, as in Choi, Fazekas, Sandler, "Automatic tagging using deep
    convolutional neural networks", ISMIR 2016. The others are those of the masks of this project,
    each added to what it read (van den Oord et al., "WaveNet", 2016), without padding along time:
    the length of a window changes nothing. What is scaled to unit variance is a column by itself.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        width = self.settings.width
        self.images = [
            self._convolution(
                num_filters,
                (_TAPS, _TAPS),
                f"image_{i}",
                strides=(1, _BANDS_A_STEP),
                activation="relu",
            )
            for i, num_filters in enumerate(IMAGE_FILTERS, start=1)
        ]
        self.entrance = self._dense(width, "entrance")
        self.norms = []
        self.convolutions = []
        self.returns = []
        for i, dilation in enumerate(self.settings.dilations, start=1):
            convolution = keras.layers.Conv1D(
                width,
                _TAPS,
                dilation_rate=dilation,
                activation="relu",
                kernel_initializer=keras.initializers.GlorotUniform(next(self._seeds)),
                name=f"convolution_{i}",
                dtype=self.dtype_policy,
            )
            self.norms.append(self._norm(f"norm_{i}"))
            self.convolutions.append(convolution)
            self.returns.append(self._dense(width, f"return_{i}"))
        self.last_norm = self._norm("last_norm")
        self.exit = self._dense(self.num_answers, "exit")

    def _norm(self, name: str) -> keras.layers.Layer:
        return keras.layers.LayerNormalization(name=name, dtype=self.dtype_policy)

    def encode(self, heard: Any) -> Sequence[Any]:
        """Returns the features behind the images and behind each block, (B, M', width) each."""
        x = rematerialised(self._enter)(ops.cast(heard, self.compute_dtype))
        layers = [x]
        for i, _ in enumerate(self.convolutions):
            x = rematerialised(self._convolve, i=i)(x)
            layers.append(x)
        return [*layers[:-1], self._answered(layers[-1])]

    def decode(self, features: Any) -> Any:
        """Returns what decides about every answer, (B, J, K)."""
        return self.exit(self.last_norm(features))

    def _enter(self, heard: Any) -> Any:
        """Returns the features of columns, (B, M - 6, width), of (B, M, N)."""
        x = heard[..., None]
        for image in self.images:
            # Along bands it is padded, along time it is not.
            x = image(ops.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0))))
        return self.entrance(ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3])))

    def _convolve(self, x: Any, i: int) -> Any:
        """Goes through one dilated convolution: (B, M, width) -> (B, M - 2 dilation, width)."""
        y = self.returns[i](self.convolutions[i](self.norms[i](x)))
        return crop(x, y.shape[1]) + y

    def flops(self, num_answers: int) -> int:
        """Returns the multiplications and additions of all products."""
        width = self.settings.width
        total = num_answers * width * self.num_answers
        num_columns = num_answers * self.settings.column_hops
        for dilation in reversed(self.settings.dilations):
            total += num_columns * (_TAPS + 1) * width**2
            num_columns += 2 * dilation
        num_bands = [self.num_heard]
        for _ in IMAGE_FILTERS:
            num_bands.append(-(-num_bands[-1] // _BANDS_A_STEP))
        total += num_columns * width * num_bands[-1] * IMAGE_FILTERS[-1]
        for i in reversed(range(len(IMAGE_FILTERS))):
            num_inputs = IMAGE_FILTERS[i - 1] if i else 1
            total += num_columns * num_bands[i + 1] * _TAPS**2 * num_inputs * IMAGE_FILTERS[i]
            num_columns += 2
        return 2 * total
