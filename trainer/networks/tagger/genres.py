"""Holds the genre networks of an earlier system of this family, for any Keras backend.

Each sees some seconds of 64 mel bands as one picture. What is known of them is how many filters
and units they have, and how large the filters of ``multi_kernel`` are. The rest is as it is in such
networks: ReLU, zeros around a picture, and behind each block the largest of neighbours, as in Choi,
Fazekas, Sandler, "Automatic tagging using deep convolutional neural networks", ISMIR 2016.

Axes as in ``body``; F features, U units.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import keras
from keras import ops

from trainer.networks.network import rematerialised
from trainer.networks.tagger.body import Pictures, products

_UNITS = 41


class _Block(NamedTuple):
    """Says what a block is: filters of some sizes beside each other, then a maximum."""

    # Of each size.
    num_filters: int
    # Taps along columns and along bands.
    sizes: Sequence[tuple[int, int]]
    # Of how many columns and bands the largest is kept.
    pool: tuple[int, int]


class _Blocks(Pictures):
    """Is blocks of convolutions behind each other; what derives from it says which.

    It gives the mean over columns of what the last one makes of each band.
    """

    blocks: ClassVar[Sequence[_Block]]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.convolutions = [
            [
                self._convolution(
                    block.num_filters,
                    taps,
                    f"block_{i}_{j}",
                    activation="relu",
                    padding="same",
                )
                for j, taps in enumerate(block.sizes, start=1)
            ]
            for i, block in enumerate(self.blocks, start=1)
        ]
        self._make_end()
        self.exit = self._dense(self.num_answers, "exit")

    def see(self, pictures: Any) -> Sequence[Any]:
        """Returns the features of each block, (B', P', N', F), and those of a picture, (B', F')."""
        x = self._enter(pictures)
        layers = []
        for i, _ in enumerate(self.blocks):
            x = rematerialised(self._go_through, i=i)(x)
            layers.append(x)
        # (B', P, N, F) -> (B', P, N F)
        x = ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))
        return [*layers[:-1], self._end(x)]

    def _go_through(self, x: Any, i: int) -> Any:
        """Goes through one block: (B', P, N, F) -> (B', P', N', F')."""
        x = ops.concatenate([convolution(x) for convolution in self.convolutions[i]], axis=-1)
        return ops.max_pool(x, self.blocks[i].pool)

    def _make_end(self) -> None:
        """Makes the layers of ``_end``: none."""

    def _enter(self, pictures: Any) -> Any:
        """Returns what the first block reads of pictures (B', P, N, 1)."""
        return pictures

    def _end(self, x: Any) -> Any:
        """Returns the features of a picture: (B', P, N F) -> (B', F')."""
        return ops.mean(x, axis=1)

    def _entry_shape(self) -> tuple[int, int, int]:
        """Returns the columns, bands and features of what the first block reads."""
        return self.settings.picture_columns, self.num_heard, 1

    def _shapes(self) -> Iterator[tuple[int, int, int]]:
        """Yields the columns, bands and features of what each block reads, and of the end."""
        num_columns, num_bands, num_features = self._entry_shape()
        for block in self.blocks:
            yield num_columns, num_bands, num_features
            num_columns //= block.pool[0]
            num_bands //= block.pool[1]
            num_features = block.num_filters * len(block.sizes)
        yield num_columns, num_bands, num_features

    def picture_flops(self) -> int:
        """Returns the multiplications and additions for a picture, but for those of ``exit``."""
        total = 0
        for block, shape in zip(self.blocks, self._shapes(), strict=False):
            num_columns, num_bands, num_inputs = shape
            num_taps = sum(height * width for height, width in block.sizes)
            total += products(num_columns * num_bands, num_taps, num_inputs, block.num_filters)
        return total

    def picture_numbers(self) -> int:
        """Returns how many numbers the widest block makes of a picture."""
        pairs = zip(self.blocks, self._shapes(), strict=False)
        # What stands beside each other is there by itself, too.
        return max(
            2 * num_columns * num_bands * block.num_filters * len(block.sizes)
            for block, (num_columns, num_bands, _) in pairs
        )


class Cnn1d(_Blocks):
    """Is a convolution along time that reads all bands at once.

    It has 30 filters; that each reads eight columns, and that the largest of four neighbours is
    kept, is as in Dieleman, Schrauwen, "End-to-end learning for music audio", ICASSP 2014.
    """

    blocks = (_Block(30, ((8, 1),), (4, 1)),)

    def _enter(self, pictures: Any) -> Any:
        """Returns bands as features: (B', P, N, 1) -> (B', P, 1, N)."""
        return ops.transpose(pictures, (0, 1, 3, 2))

    def _entry_shape(self) -> tuple[int, int, int]:
        return self.settings.picture_columns, 1, self.num_heard


class Cnn3x3(_Blocks):
    """Is two convolutions of 3 x 3 taps, of 10 and of 20 filters."""

    blocks = (_Block(10, ((3, 3),), (2, 2)), _Block(20, ((3, 3),), (2, 2)))


class MultiKernel(_Blocks):
    """Is convolutions that see what is long, what is high and what is near, then one of all.

    Seven filters of each of 20 x 3, 3 x 3 and 3 x 20 taps stand beside each other; behind them are
    21 of 3 x 3.
    """

    blocks = (_Block(7, ((20, 3), (3, 3), (3, 20)), (2, 2)), _Block(21, ((3, 3),), (2, 2)))


class _GruCell(keras.layers.Layer):
    """Steps from one column to the next.

    Not that of Keras, which holds a random state for what it might drop.
    """

    def __init__(self, units: int, seeds: Iterator[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = units
        self.output_size = units
        self._first_gates = keras.initializers.Orthogonal(seed=next(seeds))
        self._first_candidate = keras.initializers.Orthogonal(seed=next(seeds))

    def build(self, shape: Any) -> None:
        """Makes the kernels of the state before, (U, 2 U) of both gates and (U, U)."""
        del shape
        units = self.state_size
        self.gates = self.add_weight(
            shape=(units, 2 * units), initializer=self._first_gates, name="gates"
        )
        self.candidate = self.add_weight(
            shape=(units, units), initializer=self._first_candidate, name="candidate"
        )

    def call(self, inputs: Any, states: Any) -> tuple[Any, Any]:
        """Returns the new state (B, U), twice.

        Args:
            inputs: what the column adds to both gates and to the candidate, (B, 3 U).
            states: the state before, (B, U).
        """
        (state,) = states
        units = self.state_size
        gates = ops.sigmoid(inputs[:, : 2 * units] + ops.matmul(state, self.gates))
        keep, reset = ops.split(gates, 2, axis=-1)
        candidate = ops.tanh(inputs[:, 2 * units :] + ops.matmul(reset * state, self.candidate))
        state = keep * state + (1 - keep) * candidate
        return state, [state]


class Crnn(_Blocks):
    """Is four convolutions of 21 filters, then two recurrent layers of 41 units over columns.

    The layers are gated (Cho et al., "Learning phrase representations using RNN encoder-decoder for
    statistical machine translation", EMNLP 2014), and what the last one knows behind the last
    column is what it gives, as in Choi, Fazekas, Sandler, Cho, "Convolutional recurrent neural
    networks for music classification", ICASSP 2017. The convolutions leave one of 64 bands, and 16
    of 129 columns.
    """

    blocks = (
        _Block(21, ((3, 3),), (2, 2)),
        _Block(21, ((3, 3),), (2, 2)),
        _Block(21, ((3, 3),), (2, 4)),
        _Block(21, ((3, 3),), (1, 4)),
    )

    def _make_end(self) -> None:
        """Makes the recurrent layers."""
        self.entrances = [self._dense(3 * _UNITS, f"gates_{i}") for i in (1, 2)]
        self.recurrences = [
            keras.layers.RNN(
                _GruCell(_UNITS, self._seeds, name="cell", dtype=self.dtype_policy),
                return_sequences=i == 1,
                name=f"columns_{i}",
                dtype=self.dtype_policy,
            )
            for i in (1, 2)
        ]

    def _end(self, x: Any) -> Any:
        """Returns the features of a picture: (B', P, N F) -> (B', U)."""
        for entrance, recurrence in zip(self.entrances, self.recurrences, strict=True):
            x = recurrence(entrance(x))
        return x

    def picture_flops(self) -> int:
        """Returns the multiplications and additions for a picture, but for those of ``exit``."""
        num_columns, num_bands, num_features = list(self._shapes())[-1]
        total = super().picture_flops()
        for num_inputs in (num_bands * num_features, _UNITS):
            total += products(num_columns, 1, num_inputs + _UNITS, 3 * _UNITS)
        return total
