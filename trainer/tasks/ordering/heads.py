"""Compares clips by their features, for any Keras backend; the encoder hears each by itself.

Noroozi, Favaro, "Unsupervised learning of visual representations by solving jigsaw puzzles", ECCV
2016; Huang, Chou, Yang, "Generating music medleys via playing music puzzle games", AAAI 2018; Carr,
Berthet, Blondel, Teboul, Zeghidour, "Self-supervised learning of audio representations from
permutations with differentiable ranking", IEEE SPL 28, 2021.

Axes: B puzzles, P clips of a puzzle, J columns of a clip, N features of a column, D of a clip.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise, permutations
from typing import Any

import keras
import numpy as np
from keras import ops

from configs import Config, OrderingSettings
from trainer.networks.network import iter_seeds

# Columns that are next to each other are averaged until at most so many are left of a clip.
_MOST_CELLS = 16
# Of them so many are its beginning, and as many its end.
_EDGE_SHARE = 1 / 8
_SORTER_UNITS = (1000, 1000, 200)
_PAIR_UNITS = (256, 128)
# Of the projection that COLA compares.
_SIMILARITY_UNITS = 512
# Of so many clips every order is held against the true one.
_MOST_ENUMERATED = 5


class Head(keras.Model):
    """Is what all heads have in common: (B, P, J, N), features of encoders, to (B, P, D).

    D features are left of a clip: of its beginning, of its end, by the same layer, and of its mean.
    So a head need not find out what an edge is before it can compare two. What it decides is
    float32 whatever the compute dtype.
    """

    def __init__(self, config: Config) -> None:
        """Makes the layers; their first values follow from ``train.seed``."""
        dtype = "mixed_bfloat16" if config.train.compute_dtype == "bfloat16" else "float32"
        super().__init__(name="sorter", dtype=dtype, autocast=False)
        assert isinstance(config.task, OrderingSettings)
        self.settings = config.task
        # Other ones than those of the encoder, which takes its own from the same seed.
        self._seeds = iter_seeds(config.train.seed + 1)
        self._dtype = dtype
        self._edge_size = config.task.features // 3
        whole_size = config.task.features - 2 * self._edge_size
        self.whole = self._dense(whole_size, "whole")
        self.whole_norm = self._norm("whole_norm")
        if self._edge_size:
            self.edge = self._dense(self._edge_size, "edge")
            self.edge_norm = self._norm("edge_norm")
            # Of encoders that leave one column of a clip, which is its beginning and its end.
            seed = next(iter_seeds(config.train.seed + 2))
            self.only_end = self._dense(self._edge_size, "only_end", seed=seed)

    def build(self, encoded_shape: Any) -> None:
        """Leaves the weights to the first call, in which each layer makes its own."""

    def call(self, encoded: Any) -> Any:
        """Returns what the head decides about puzzles, of features (B, P, J, N)."""
        return self.decide(self.describe_clips(encoded))

    def describe_clips(self, encoded: Any) -> Any:
        """Returns what is left of each clip, (B, P, D), of features (B, P, J, N)."""
        num_columns = encoded.shape[2]
        if num_columns > _MOST_CELLS:
            # (cells, J) (B, P, J, N) -> (B, P, cells, N)
            cells = ops.cast(_means(num_columns), encoded.dtype)
            encoded = ops.matmul(cells, encoded)
            num_columns = _MOST_CELLS
        whole = self.whole_norm(self.whole(ops.mean(encoded, axis=2)))
        if not self._edge_size:
            return whole
        if num_columns == 1:
            end = self.edge_norm(self.only_end(encoded[:, :, 0]))
            return ops.concatenate([self._edge(encoded), end, whole], axis=2)
        size = max(1, round(_EDGE_SHARE * num_columns))
        # The end is read from behind, so that what lies at the cut comes first in both.
        begin = self._edge(encoded[:, :, :size])
        end = self._edge(ops.flip(encoded[:, :, -size:], axis=2))
        return ops.concatenate([begin, end, whole], axis=2)

    def _edge(self, columns: Any) -> Any:
        """Returns the features of an edge, of its columns (B, P, columns, N)."""
        _, num_clips, num_columns, num_features = columns.shape
        flat = ops.reshape(columns, (-1, num_clips, num_columns * num_features))
        return self.edge_norm(self.edge(flat))

    def decide(self, features: Any) -> Any:
        """Returns what the head decides, of features (B, P, D)."""
        raise NotImplementedError

    def costs(self, decisions: Any, places: Any) -> Any:
        """Returns the loss of each puzzle, (B,) float32.

        Args:
            decisions: of ``call``.
            places: (B, P), where each clip stands, from 0 on.
        """
        raise NotImplementedError

    def _dense(
        self, num_units: int, name: str, activation: str | None = None, seed: int | None = None
    ) -> Any:
        if seed is None:
            seed = next(self._seeds)
        return keras.layers.Dense(
            num_units,
            activation=activation,
            kernel_initializer=keras.initializers.GlorotUniform(seed),
            name=name,
            dtype=self._dtype,
        )

    def _norm(self, name: str) -> Any:
        return keras.layers.LayerNormalization(name=name, dtype=self._dtype)

    def _hidden(self, units: Sequence[int]) -> list[Any]:
        return [self._dense(size, f"hidden_{i}", "relu") for i, size in enumerate(units, start=1)]


class Sorter(Head):
    """Hears all clips at once, and decides of each about every place: (B, P, P)."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.hidden = self._hidden(_SORTER_UNITS)
        self.exit = self._dense(self.settings.num_clips**2, "exit")

    def decide(self, features: Any) -> Any:
        """Returns the logarithm of the probability of every place, (B, P clips, P places)."""
        _, num_clips, size = features.shape
        x = ops.reshape(features, (-1, num_clips * size))
        for layer in self.hidden:
            x = layer(x)
        decisions = ops.cast(self.exit(x), "float32")
        return ops.log_softmax(ops.reshape(decisions, (-1, num_clips, num_clips)), axis=2)

    def costs(self, decisions: Any, places: Any) -> Any:
        """Returns -log of the probability of the right place, the mean over clips."""
        is_there = _one_hot(places)
        return -ops.mean(ops.sum(is_there * decisions, axis=2), axis=1)


class _OfPairs(Head):
    """Compares every two clips."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.hidden = self._hidden(_PAIR_UNITS)
        self.exit = self._dense(1, "exit")

    def score(self, features: Any) -> Any:
        """Returns a number of every two clips, (B, P, P) float32, of features (B, P, D)."""
        num_clips = features.shape[1]
        # (B, P, P, D) both: the first of a pair, and the second.
        first = ops.repeat(features[:, :, None], num_clips, axis=2)
        second = ops.repeat(features[:, None], num_clips, axis=1)
        size = self._edge_size
        # How far the end of the first is from the beginning of the second, and the one from the
        # other. What they are plays no part: by it tracks would be learnt by heart.
        apart = ops.square(first[..., size : 2 * size] - second[..., :size])
        unlike = ops.square(first[..., 2 * size :] - second[..., 2 * size :])
        x = ops.concatenate([apart, unlike], axis=3)
        for layer in self.hidden:
            x = layer(x)
        return ops.cast(self.exit(x), "float32")[..., 0]


class Pairs(_OfPairs):
    """Decides of every two clips whether the one comes before the other: (B, P, P).

    What it says of (i, j) is minus what it says of (j, i), so that it has no opinion of places.
    """

    def decide(self, features: Any) -> Any:
        """Returns d, (B, P, P): the probability that clip i comes before clip j is sigmoid(d)."""
        scores = self.score(features)
        return scores - ops.transpose(scores, (0, 2, 1))

    def costs(self, decisions: Any, places: Any) -> Any:
        """Returns -log of the probability of what is right, the mean over pairs."""
        comes_first = ops.cast(places[:, :, None] < places[:, None], "float32")
        costs = ops.softplus(decisions) - comes_first * decisions
        num_clips = decisions.shape[1]
        others = 1 - np.eye(num_clips, dtype=np.float32)
        return ops.sum(costs * others, axis=(1, 2)) / (num_clips * (num_clips - 1))


class Chain(_OfPairs):
    """Decides which clip follows which: (B, P, P). The order is the chain of the highest sum.

    Unlike ``Pairs`` it learns from what does not fit together, too: of three clips the two that are
    not neighbours say which one is between them.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._orders = _neighbours(_orders(self.settings.num_clips))

    def decide(self, features: Any) -> Any:
        """Returns how well clip j follows clip i, (B, P, P); sums over neighbours are logits."""
        return self.score(features)

    def costs(self, decisions: Any, places: Any) -> Any:
        """Returns -log of the probability of the true order, among those that it is held against.

        They are all orders of up to five clips; of more those in which two clips have changed
        places, and those that begin elsewhere.
        """
        num_clips = decisions.shape[1]
        is_there = _one_hot(places)
        # From clips to places: (B, P, P).
        in_order = ops.matmul(ops.transpose(is_there, (0, 2, 1)), ops.matmul(decisions, is_there))
        # (B, P P) (P P, orders) -> (B, orders), the true one first.
        flat = ops.reshape(in_order, (-1, num_clips * num_clips))
        sums = ops.matmul(flat, self._orders.T)
        return ops.logsumexp(sums, axis=1) - sums[:, 0]


class Contrast(Head):
    """Says of two clips whether they are of the same puzzle: (B, B), nothing about order.

    COLA: Saeed, Grangier, Zeghidour, "Contrastive learning of general-purpose audio
    representations", ICASSP 2021. Of each puzzle the first two clips that are shown are compared
    with those of all others, by a bilinear product. The others are those of the same device: on
    several devices each clip has fewer rivals.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.train.accumulate > 1:
            raise ValueError(
                f"train.accumulate is {config.train.accumulate}; expected 1, as "
                "task.head=contrastive compares the examples of a batch with each other."
            )
        self.projection = self._dense(_SIMILARITY_UNITS, "projection")
        self.norm = self._norm("norm")
        self.product = keras.layers.Dense(
            _SIMILARITY_UNITS,
            use_bias=False,
            kernel_initializer=keras.initializers.Identity(_SIMILARITY_UNITS**-0.5),
            name="product",
            dtype=self._dtype,
        )

    def decide(self, features: Any) -> Any:
        """Returns the similarity of the first clip of each puzzle to the second of each, (B, B)."""
        projected = ops.tanh(self.norm(self.projection(features[:, :2])))
        anchors = self.product(projected[:, 0])
        similar = ops.matmul(anchors, ops.transpose(projected[:, 1]))
        return ops.cast(similar, "float32")

    def costs(self, decisions: Any, places: Any) -> Any:
        """Returns -log of the probability of the own second clip among all."""
        del places
        own = ops.diagonal(decisions)
        return ops.logsumexp(decisions, axis=1) - own


def _one_hot(places: Any) -> Any:
    """Returns 1 at the place of each clip: (B, P) -> (B, P, P), float32."""
    all_places = np.arange(places.shape[1], dtype=np.float32)
    return ops.cast(ops.equal(places[:, :, None], all_places), "float32")


def _orders(num_clips: int) -> list[tuple[int, ...]]:
    """Returns orders of places, the true one first."""
    true = tuple(range(num_clips))
    if num_clips <= _MOST_ENUMERATED:
        return list(permutations(true))
    found = [true]
    for i, j in combinations(true, 2):
        changed = list(true)
        changed[i], changed[j] = j, i
        found.append(tuple(changed))
    found += [(*true[i:], *true[:i]) for i in range(1, num_clips)]
    return found


def _neighbours(orders: Sequence[Sequence[int]]) -> Any:
    """Returns which places follow each other in each order, (orders, P P), 0 or 1."""
    num_clips = len(orders[0])
    follows = np.zeros((len(orders), num_clips, num_clips), np.float32)
    for row, order in zip(follows, orders, strict=True):
        row[list(order[:-1]), list(order[1:])] = 1
    return follows.reshape(len(orders), -1)


def _means(num_columns: int) -> Any:
    """Returns what of each column is in the mean of each cell, (cells, J)."""
    borders = np.round(np.linspace(0, num_columns, _MOST_CELLS + 1)).astype(int)
    cells = np.zeros((_MOST_CELLS, num_columns), np.float32)
    for i, (first, stop) in enumerate(pairwise(borders)):
        cells[i, first:stop] = 1 / (stop - first)
    return cells


HEADS: dict[str, type[Head]] = {
    "chain": Chain,
    "pairs": Pairs,
    "sorter": Sorter,
    "contrastive": Contrast,
}
