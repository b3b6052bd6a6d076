"""Is a Wave-U-Net with one head that answers queries, for any Keras backend.

A query is J numbers, which two doors make: a row of a table for each name of the vocabulary, and a
small network that hears a recording of the instrument. It enters behind the encoder alone, so that
one encoder pass serves all queries about a mixture (after Slizovskaia et al., "Conditioned source
separation for music instrument performances", 2021, and Watcharasupat, Lerch, "A stem-agnostic
single-decoder system", ISMIR 2024).

Axes: B examples, N queries of each, J numbers of a query, T frames, F features, C channels.
"""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from configs import Config, QueryNetworkSettings
from trainer.networks.conditioning import Modulation
from trainer.networks.flops import decoder_flops, encoder_flops
from trainer.networks.folded_wave_unet import FoldedWaveUNet
from trainer.networks.frames import crop
from trainer.networks.layers import LEAKY_SLOPE
from trainer.networks.network import Conditions, Outputs, iter_seeds, rematerialised
from trainer.networks.query.audio_query import AudioQuery
from trainer.networks.wave_unet import Features, WaveUNet

# Of the length of a query, which has none.
_LEAST_LENGTH = 1e-6
# Of the mean feature of a frame: silence has none.
_LEAST_STRENGTH = 1e-5


class QueryWaveUNet(WaveUNet):
    """Maps (mixture (B, T_mix, C), queries (B, N, J)) to what they ask for.

    Outputs: ``estimates`` (B, N, T_est, C), the targets, and ``presence`` (B, N, M), the logarithm
    of the odds that each sounds in them for every frame of the bottleneck, float32.
    """

    settings: QueryNetworkSettings

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        # Seeds of its own, so that the trunk is that of a Wave-U-Net without queries.
        seeds = iter_seeds(config.train.seed + 1)
        size = self.settings.query_size
        self.audio_query = AudioQuery(
            self.settings,
            config.audio.sample_rate,
            seeds,
            name="audio_query",
            dtype=self.bottleneck.dtype_policy,
        )
        self.name_query = keras.layers.Embedding(
            len(self.sources),
            size,
            embeddings_initializer=keras.initializers.RandomNormal(seed=next(seeds)),
            name="name_query",
            dtype="float32",
        )
        self.presence_features = _dense(size, next(seeds), "presence_features")
        self.presence_condition = Modulation(
            scale=True, shift=True, seeds=seeds, name="presence_condition", dtype="float32"
        )
        self.presence_head = _dense(1, next(seeds), "presence_head")

    @property
    def conditions(self) -> tuple[str, ...]:
        """Returns the only condition: the queries."""
        return ("query",)

    @property
    def bottleneck_frames(self) -> int:
        """Returns M, how many frames the bottleneck has in a window of training."""
        return int(self.settings.geometry().bottleneck_frames)

    def build(self, mixture_shape: Any, conditions_shape: Any = None) -> None:
        """Makes the weights from the numbers of features alone."""
        super().build(mixture_shape, conditions_shape)
        size = self.settings.query_size
        self.conditioners[0].build((None, None, self.bottleneck.filters), (None, size))
        for layer, block in zip(self.conditioners[1:], self.decoder, strict=True):
            layer.build((None, None, block.convolution.filters), (None, size))
        self.audio_query.build()
        self.name_query.build()
        self.presence_features.build((None, None, self.bottleneck.filters))
        self.presence_condition.build((None, None, size), (None, size))
        self.presence_head.build((None, size))

    def ask_by_name(self, slots: Any) -> Any:
        """Returns the queries for slots of the vocabulary: whole numbers (...,) -> (..., J)."""
        return _of_length_one(self.name_query(slots))

    def ask_by_audio(self, audio: Any) -> tuple[Any, Any]:
        """Returns the queries for recordings (B, T, C), (B, J), and 1 where one is audible, (B,).

        T is at least a window of the analysis.
        """
        query, is_heard = self.audio_query(audio)
        return _of_length_one(query), is_heard

    def ask(self, mixture: Any, queries: Any, others: Any) -> Outputs:
        """Answers queries in training, and says of others (B, N', J) whether they are there, too.

        Returns:
            The outputs, and ``others``, the logarithm of their odds, (B, N', M).
        """
        with self._wanted(True):
            features = self.encode(mixture, {})
            outputs = self.decode(features, {"query": queries})
            return {**outputs, "others": self.presence(features, others)}

    def decode(self, features: Features, conditions: Conditions) -> Outputs:
        """Answers the queries (B, N, J) about mixtures of which the features are."""
        queries = conditions["query"]
        presence = self.presence(features, queries)
        if queries.shape[1] == 1:
            return {"estimates": self._target(features, queries[:, 0]), "presence": presence}
        # One after the other, in the memory of one: (N, B, J) -> (N, B, 1, T, C)
        in_turn = ops.transpose(queries, (1, 0, 2))
        targets = ops.map(lambda query: self._target(features, query), in_turn)
        return {
            "estimates": ops.transpose(targets[:, :, 0], (1, 0, 2, 3)),
            "presence": presence,
        }

    def presence(self, features: Features, queries: Any) -> Any:
        """Returns the logarithm of the odds that what queries (B, N, J) ask for is there.

        It takes the encoder alone, so that a song can be asked for everything at little cost. There
        is a number for each frame of the bottleneck, (B, N, M): the mean of those of a window is
        what is true of the window.
        """
        num_queries = ops.shape(queries)[1]
        # How strong each feature is beside the others: neither level nor phase play a part.
        x = ops.abs(ops.cast(features.bottleneck, "float32"))
        x = x / (ops.mean(x, axis=2, keepdims=True) + _LEAST_STRENGTH) - 1
        x = ops.leaky_relu(self.presence_features(x), LEAKY_SLOPE)
        num_frames = x.shape[1]
        # (B, M, J), (B, N, J) -> (B N, M, J)
        x = ops.repeat(x, num_queries, axis=0)
        x = self.presence_condition(x, ops.reshape(queries, (-1, queries.shape[2])))
        odds = self.presence_head(ops.leaky_relu(x, LEAKY_SLOPE))
        return ops.reshape(odds, (-1, num_queries, num_frames))

    def forward_flops(self, pruned: bool | None = None, num_queries: int = 1) -> int:
        """Returns the multiplications and additions of a pass that answers so many queries.

        Args:
            pruned: as of the Wave-U-Net.
            num_queries: about one mixture.
        """
        if pruned is None:
            pruned = self.settings.computation != "plain"
        down = encoder_flops(self.settings, self.num_channels, pruned)
        return down + num_queries * decoder_flops(self.settings, 1, self.num_channels)

    def _target(self, features: Features, query: Any) -> Any:
        """Returns the target of one query (B, J) for each example, (B, 1, T, C)."""
        window = self.settings.geometry().for_mixture(features.mixture.shape[1])
        x = self.conditioners[0](features.bottleneck, query)
        layers = zip(self.decoder, reversed(features.skips), self.conditioners[1:], strict=True)
        for i, (block, skip, condition) in enumerate(layers):
            up = rematerialised(block, frames=window.decoder_frames(window.num_levels - i))
            x = rematerialised(condition)(up(x, skip), query)
        mixture = ops.cast(crop(features.mixture, window.estimate_frames), "float32")
        estimate = rematerialised(self._estimate, vector=None, conditions={})
        return estimate(mixture, x)

    def _head_slots(self) -> list[int]:
        """Returns the only slot: that of the target."""
        return [0]

    def _make_conditioners(self, seeds: Iterator[int], dtype: str) -> list[Any]:
        """Makes a layer for the bottleneck and for each level of the decoder."""
        names = [f"conditioning_{i}" for i in range(self.settings.num_levels + 1)]
        return [
            Modulation(scale=True, shift=True, seeds=seeds, name=name, dtype=dtype)
            for name in names
        ]

    def _build_conditioner(self, place: str, i: int, features: int) -> int:
        """Returns how many features leave a layer of queries: as many as enter it."""
        del place, i
        return features


class FoldedQueryWaveUNet(QueryWaveUNet, FoldedWaveUNet):
    """Answers the same with the encoder of the network for a TPU."""


def _dense(units: int, seed: int, name: str) -> keras.layers.Dense:
    initializer = keras.initializers.GlorotUniform(seed)
    return keras.layers.Dense(units, kernel_initializer=initializer, name=name, dtype="float32")


def _of_length_one(queries: Any) -> Any:
    """Returns queries (..., J) whose length is 1, so that both doors speak as loudly."""
    length = ops.sqrt(ops.sum(ops.square(queries), axis=-1, keepdims=True) + _LEAST_LENGTH**2)
    return queries / length


def make_network(config: Config) -> QueryWaveUNet:
    """Returns the network of an experiment, its weights made from ``train.seed``."""
    model = config.model
    assert isinstance(model, QueryNetworkSettings)
    # With same padding all computations are the plain one.
    is_folded = model.computation == "tpu" and model.padding == "valid"
    network = FoldedQueryWaveUNet(config) if is_folded else QueryWaveUNet(config)
    network.build((None, None, config.audio.channels))
    return network
