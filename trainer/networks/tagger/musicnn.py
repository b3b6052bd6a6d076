"""Holds the bodies of the taggers of music that Jordi Pons published, for any Keras backend.

Their normalisation over batches is a fixed scale and shift, and nothing is dropped at random.

Axes as in ``body``; P = 187 columns and N = 96 bands as published, F features.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from keras import ops

from trainer.networks.masks.recurrent_bodies import Scaling
from trainer.networks.network import rematerialised
from trainer.networks.tagger.body import Body, Pictures, products

# Filters over seven columns and these shares of the bands, for timbre.
_TIMBRES = (0.4, 0.7)
_TIMBRE_COLUMNS = 7
_TIMBRE_FILTERS = 204
# Filters over so many columns and one band, for rhythm.
_RHYTHMS = (128, 64, 32)
_RHYTHM_FILTERS = 51
# Filters over seven columns and all features before them.
_MIDDLE_COLUMNS = 7
_MIDDLE_FILTERS = 64
_MIDDLE_DEPTH = 3
_UNITS = 200

_VGG_FILTERS = 128
_VGG_TAPS = 3
# Of how many columns and bands the largest is kept, and how far apart.
_Pool = tuple[tuple[int, int], tuple[int, int]]
_HALF: _Pool = ((2, 2), (2, 2))
_QUARTER: _Pool = ((4, 4), (4, 4))


class Musicnn(Pictures):
    """Is musicnn: filters for timbre and for rhythm, convolutions along time, two kinds of means.

    Pons, Nieto, Prockup, Schmidt, Ehmann, Serra, "End-to-end learning for music audio tagging at
    scale", ISMIR 2018; Pons, Serra, "musicnn: pre-trained convolutional neural networks for music
    audio tagging", ISMIR 2019 (late-breaking demo). Sizes as in the package musicnn 0.1.0.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.heard = _scaling(self, "heard")
        sizes = [(_TIMBRE_COLUMNS, int(share * self.num_heard)) for share in _TIMBRES]
        self.timbres = [
            self._convolution(_TIMBRE_FILTERS, taps, f"timbre_{i}", activation="relu")
            for i, taps in enumerate(sizes, start=1)
        ]
        self.timbre_scalings = [_scaling(self, f"timbre_scaling_{i}") for i in (1, 2)]
        self.rhythms = [
            self._convolution(
                _RHYTHM_FILTERS, (num_columns, 1), f"rhythm_{i}", activation="relu", padding="same"
            )
            for i, num_columns in enumerate(_RHYTHMS, start=1)
        ]
        self.rhythm_scalings = [_scaling(self, f"rhythm_scaling_{i}") for i in (1, 2, 3)]
        self.middles = [
            self._convolution(
                _MIDDLE_FILTERS,
                (_MIDDLE_COLUMNS, 1),
                f"middle_{i}",
                activation="relu",
                padding="same",
            )
            for i in range(1, _MIDDLE_DEPTH + 1)
        ]
        self.middle_scalings = [
            _scaling(self, f"middle_scaling_{i}") for i in range(1, _MIDDLE_DEPTH + 1)
        ]
        self.pooled_scaling = _scaling(self, "pooled_scaling")
        self.dense = self._dense(_UNITS, "dense", "relu")
        self.dense_scaling = _scaling(self, "dense_scaling")
        self.exit = self._dense(self.num_answers, "exit")

    def see(self, pictures: Any) -> Sequence[Any]:
        """Returns the features of pictures (B', P, N, 1), layer by layer.

        They are those for timbre (B', P, 408) and for rhythm (B', P, 153), of each convolution
        behind them (B', P, 64), and of the dense layer (B', 200).
        """
        x = self.heard(pictures)
        timbre = [rematerialised(self._timbre, i=i)(x) for i, _ in enumerate(_TIMBRES)]
        rhythm = [rematerialised(self._rhythm, i=i)(x) for i, _ in enumerate(_RHYTHMS)]
        # (B', P, 561)
        front = ops.concatenate([*timbre, *rhythm], axis=-1)
        layers = [front]
        for i, _ in enumerate(self.middles):
            layers.append(self._middle(layers[-1], i))
        features = self._summary(ops.concatenate(layers, axis=-1))
        return [
            ops.concatenate(timbre, axis=-1),
            ops.concatenate(rhythm, axis=-1),
            *layers[1:],
            features,
        ]

    def _timbre(self, x: Any, i: int) -> Any:
        """Returns the loudest over bands of each filter: (B', P, N, 1) -> (B', P, 204)."""
        around = _TIMBRE_COLUMNS // 2
        x = ops.pad(x, ((0, 0), (around, around), (0, 0), (0, 0)))
        return ops.max(self.timbre_scalings[i](self.timbres[i](x)), axis=2)

    def _rhythm(self, x: Any, i: int) -> Any:
        """Returns the loudest over bands of each filter: (B', P, N, 1) -> (B', P, 51)."""
        return ops.max(self.rhythm_scalings[i](self.rhythms[i](x)), axis=2)

    def _middle(self, x: Any, i: int) -> Any:
        """Goes through one convolution along time: (B', P, F) -> (B', P, 64)."""
        y = self.middle_scalings[i](self.middles[i](x[:, :, None])[:, :, 0])
        # The first one has nothing of its size to be added to.
        return y + x if i else y

    def _summary(self, x: Any) -> Any:
        """Returns the features of a picture: (B', P, 753) -> (B', 200)."""
        # The maximum and the mean of a feature stand beside each other.
        pooled = ops.stack([ops.max(x, axis=1), ops.mean(x, axis=1)], axis=-1)
        pooled = ops.reshape(pooled, (-1, 2 * x.shape[-1]))
        return self.dense_scaling(self.dense(self.pooled_scaling(pooled)))

    def picture_flops(self) -> int:
        """Returns the multiplications and additions for a picture, but for those of ``exit``."""
        num_columns = self.settings.picture_columns
        total = 0
        for timbre in self.timbres:
            columns, bands = timbre.kernel_size
            num_places = num_columns * (self.num_heard - bands + 1)
            total += products(num_places, columns * bands, 1, _TIMBRE_FILTERS)
        for columns in _RHYTHMS:
            total += products(num_columns * self.num_heard, columns, 1, _RHYTHM_FILTERS)
        num_features = len(_TIMBRES) * _TIMBRE_FILTERS + len(_RHYTHMS) * _RHYTHM_FILTERS
        num_inputs = num_features
        for _ in range(_MIDDLE_DEPTH):
            total += products(num_columns, _MIDDLE_COLUMNS, num_inputs, _MIDDLE_FILTERS)
            num_inputs = _MIDDLE_FILTERS
            num_features += _MIDDLE_FILTERS
        return total + products(1, 1, 2 * num_features, _UNITS)

    def picture_numbers(self) -> int:
        """Returns how many numbers the first filters make of a picture."""
        num_bands = self.num_heard - self.timbres[0].kernel_size[1] + 1
        return self.settings.picture_columns * num_bands * _TIMBRE_FILTERS


class Vgg(Pictures):
    """Is the network that musicnn's authors set beside it: convolutions of 3 x 3 taps alone.

    After Choi, Fazekas, Sandler, "Automatic tagging using deep convolutional neural networks",
    ISMIR 2016. Sizes as in the package musicnn 0.1.0, for its model of MagnaTagATune: the first
    maximum passes over every second band.
    """

    # Behind each convolution.
    pools: ClassVar[Sequence[_Pool]] = (((4, 1), (2, 2)), _HALF, _HALF, _HALF, _QUARTER)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.heard = _scaling(self, "heard")
        numbers = range(1, len(self.pools) + 1)
        self.convolutions = [
            self._convolution(
                _VGG_FILTERS,
                (_VGG_TAPS, _VGG_TAPS),
                f"convolution_{i}",
                activation="relu",
                padding="same",
            )
            for i in numbers
        ]
        self.scalings = [_scaling(self, f"scaling_{i}") for i in numbers]
        self.exit = self._dense(self.num_answers, "exit")

    def see(self, pictures: Any) -> Sequence[Any]:
        """Returns the features behind each convolution, of which the last (B', F) are all."""
        x = self.heard(pictures)
        layers = []
        for i, _ in enumerate(self.convolutions):
            x = rematerialised(self._convolve, i=i)(x)
            layers.append(x)
        # (B', 2, 1, 128) -> (B', 256)
        return [*layers[:-1], ops.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))]

    def _convolve(self, x: Any, i: int) -> Any:
        """Goes through one convolution and the maximum behind it."""
        sizes, strides = self.pools[i]
        return ops.max_pool(self.scalings[i](self.convolutions[i](x)), sizes, strides)

    def picture_flops(self) -> int:
        """Returns the multiplications and additions for a picture, but for those of ``exit``."""
        num_columns = self.settings.picture_columns
        num_bands = self.num_heard
        num_inputs = 1
        total = 0
        for sizes, strides in self.pools:
            total += products(num_columns * num_bands, _VGG_TAPS**2, num_inputs, _VGG_FILTERS)
            num_inputs = _VGG_FILTERS
            num_columns = 1 + (num_columns - sizes[0]) // strides[0]
            num_bands = 1 + (num_bands - sizes[1]) // strides[1]
        return total

    def picture_numbers(self) -> int:
        """Returns how many numbers the first convolution makes of a picture."""
        return self.settings.picture_columns * self.num_heard * _VGG_FILTERS


class VggMsd(Vgg):
    """Is that network for the Million Song Dataset, with other maxima behind its first layers.

    They are those of the graph that lies beside the weights, with which these were trained; the
    code of musicnn 0.1.0 takes those of the other model in their place.
    """

    pools = (((4, 1), (4, 1)), ((1, 4), (1, 4)), _HALF, _HALF, _QUARTER)


def _scaling(body: Body, name: str) -> Scaling:
    return Scaling(name=name, dtype=body.dtype_policy)
