"""Is a network that attends to bands of a spectrum, along time and along frequency in turn.

Lu et al., "Music source separation with band-split RoPE transformer", ICASSP 2024, and Wang et al.,
"Mel-band RoFormer for music source separation", ISMIR 2023. Any Keras backend.

Every column of a chunk reads all others, so that an estimate depends on the whole chunk: its window
is a ``ChunkWindow``.

Axes: B examples, K slots, C channels, T frames, M columns, F bins, N bands, D features.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import keras
from keras import ops

from configs import Config
from configs.band_split import BandSplitSettings
from trainer.networks.band_split.attention import Attention, FeedForward, LinearAttention, Norm
from trainer.networks.band_split.bands import BandSplit, Head, Masks, listed_bands, mel_bands
from trainer.networks.band_split.centred import CentredTransform
from trainer.networks.conditioning import conditioning_vector, gate, make_layer
from trainer.networks.network import (
    Conditions,
    Network,
    Outputs,
    in_turn,
    iter_seeds,
    rematerialised,
)
from trainer.networks.spectra import Spectrum


class Encoded(NamedTuple):
    """Holds the spectrum of a mixture, (B, C, M, F), and the features of its bands."""

    spectrum: Spectrum
    # (B, M, N, D)
    features: Any


class Transformer(keras.layers.Layer):
    """Attends along one axis, and changes every position by itself, so many times: (B, N, D)."""

    def __init__(
        self,
        settings: BandSplitSettings,
        depth: int,
        is_linear: bool,
        seeds: Iterator[int],
        name: str,
        dtype: Any,
    ) -> None:
        """Makes the layers.

        Args:
            settings: of the network.
            depth: how many times.
            is_linear: whether features read features, else positions read positions.
            seeds: gives each kernel its seed.
            name: begins the paths of its variables.
            dtype: what it computes in.
        """
        super().__init__(name=name, dtype=dtype, autocast=False)
        kind = LinearAttention if is_linear else Attention
        heads = (settings.num_heads, settings.head_size, seeds)
        policy = self.dtype_policy
        self._pairs = []
        for i in range(1, depth + 1):
            attention = kind(*heads, name=f"attention_{i}", dtype=policy)
            forward = FeedForward(4, seeds, name=f"feed_forward_{i}", dtype=policy)
            self._pairs.append((attention, forward))
        self.norm = None
        if settings.bands == "mel":
            self.norm = Norm("norm")

    def call(self, x: Any) -> Any:
        """Returns the features, (B, N, D)."""
        for attention, forward in self._pairs:
            x = ops.add(x, attention(x))
            x = ops.add(x, forward(x))
        if self.norm is not None:
            x = self.norm(x)
        return x


class Block(keras.layers.Layer):
    """Lets bands read along time, then columns along frequency: (B, M, N, D) -> (B, M, N, D)."""

    def __init__(
        self, settings: BandSplitSettings, seeds: Iterator[int], name: str, dtype: Any
    ) -> None:
        super().__init__(name=name, dtype=dtype, autocast=False)

        def transformer(depth: int, axis: str) -> Transformer:
            is_linear = axis == "everywhere"
            return Transformer(settings, depth, is_linear, seeds, axis, self.dtype_policy)

        self.everywhere = None
        if settings.linear_depth:
            self.everywhere = transformer(settings.linear_depth, "everywhere")
        self.along_time = transformer(settings.time_depth, "along_time")
        self.along_frequency = transformer(settings.frequency_depth, "along_frequency")

    def call(self, x: Any) -> Any:
        """Returns the features, (B, M, N, D)."""
        _, num_columns, num_bands, width = x.shape
        if self.everywhere is not None:
            x = self.everywhere(ops.reshape(x, (-1, num_columns * num_bands, width)))
            x = ops.reshape(x, (-1, num_columns, num_bands, width))
        # What a column reads of all others is the largest array there is, so band by band:
        # (B, M, N, D) -> (N, B, M, D).
        x = in_turn(self.along_time, ops.transpose(x, (2, 0, 1, 3)))
        # (N, B, M, D) -> (B M, N, D)
        x = ops.reshape(ops.transpose(x, (1, 2, 0, 3)), (-1, num_bands, width))
        return ops.reshape(self.along_frequency(x), (-1, num_columns, num_bands, width))


class BandSplitNetwork(Network):
    """Maps (mixture (B, T, C), labels (B, K)) to estimates (B, K, T, C), float32.

    Spectra, norms, what the softmax and gates compute, masks and estimates are float32 whatever the
    compute dtype.
    """

    settings: BandSplitSettings

    def __init__(self, config: Config) -> None:
        dtype = "mixed_bfloat16" if config.train.compute_dtype == "bfloat16" else "float32"
        super().__init__(config, name="band_split", dtype=dtype, autocast=False)
        model = self.settings
        seeds = iter_seeds(config.train.seed)
        if model.bands == "mel":
            bands = mel_bands(model.num_bands, model.highest_bins, config.audio.sample_rate)
        else:
            bands = listed_bands(model.band_bins)
        self._transform = CentredTransform(model.window_frames, model.hop_frames)
        self.split = BandSplit(bands, model.width, seeds, dtype)
        self.conditioner = None
        if model.conditioning != "none":
            self.conditioner = make_layer(model.conditioning, seeds, "conditioning", dtype)
        self.blocks = [Block(model, seeds, f"block_{i}", dtype) for i in range(1, model.depth + 1)]
        self.norm = None
        if model.bands == "listed":
            self.norm = Norm("norm")
        widths = [model.mask_wider * model.width] * model.hidden_layers
        self.heads = [
            Head(bands, self.num_channels, widths, seeds, f"masks_{i}", dtype)
            for i in range(1, self._num_heads + 1)
        ]
        self._masks = Masks(bands, self.num_channels, self.heads)

    @property
    def _num_heads(self) -> int:
        """Returns how many slots are masked: all but the residual."""
        return len(self.sources) - (self.settings.residual is not None)

    def encode(self, mixture: Any, conditions: Conditions) -> Encoded:
        """Returns the spectrum, and the features of bands before labels enter."""
        del conditions
        # (B, T, C) -> (B, C, T)
        waveforms = ops.transpose(ops.cast(mixture, "float32"), (0, 2, 1))
        spectrum = self._transform.columns(waveforms)
        # (B, C, M, F, 2) -> (B, M, F, C, 2)
        parts = ops.transpose(ops.stack(spectrum, axis=-1), (0, 2, 3, 1, 4))
        return Encoded(spectrum, self.split(parts))

    def decode(self, features: Encoded, conditions: Conditions) -> Outputs:
        """Returns the estimates, (B, K, T, C)."""
        x = features.features
        if self.conditioner is not None:
            _, num_columns, num_bands, width = x.shape
            vector = conditioning_vector(conditions["labels"])
            along = ops.reshape(x, (-1, num_columns * num_bands, width))
            x = ops.reshape(self.conditioner(along, vector), (-1, num_columns, num_bands, width))
        x = self._attend(x)
        # (S, B, M, F, C, 2) -> (2, B, S, C, M, F)
        masks = ops.unstack(ops.transpose(self._masks(x), (5, 1, 0, 4, 2, 3)), axis=0)
        # (B, 1, C, M, F)
        real, imaginary = (part[:, None] for part in features.spectrum)
        masked = (
            masks[0] * real - masks[1] * imaginary,
            masks[0] * imaginary + masks[1] * real,
        )
        # A chunk is a whole number of hops.
        num_frames = (real.shape[3] - 1) * self.settings.hop_frames
        # (B, S, C, T) -> (B, S, T, C)
        estimates = ops.transpose(self._transform.frames(masked, num_frames), (0, 1, 3, 2))
        if self.settings.residual is not None:
            mixture = self._transform.frames(features.spectrum, num_frames)
            estimates = self._with_residual(estimates, ops.transpose(mixture, (0, 2, 1)))
        if self.settings.gate_heads:
            estimates = gate(estimates, ops.cast(conditions["labels"], "float32"))
        return {"estimates": estimates}

    def clip_features(self, clips: Any) -> Any:
        """Returns the last features of all bands, (B, M, N D), of clips (B, T, C)."""
        x = self._attend(self.encode(clips, {}).features)
        return ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))

    def _attend(self, x: Any) -> Any:
        """Goes through all blocks: (B, M, N, D) -> (B, M, N, D)."""
        for block in self.blocks:
            x = rematerialised(block)(x)
        return x if self.norm is None else self.norm(x)

    def _with_residual(self, estimates: Any, mixture: Any) -> Any:
        """Puts what masks leave of the mixture (B, T, C) where it stands among the sources."""
        place = self.sources.index(self.settings.residual)
        rest = mixture[:, None] - ops.sum(estimates, axis=1, keepdims=True)
        return ops.concatenate([estimates[:, :place], rest, estimates[:, place:]], axis=1)

    def forward_flops(self, pruned: bool | None = None) -> int:
        """Returns the multiplications and additions of all products.

        Args:
            pruned: makes no difference: all that is computed is used.
        """
        del pruned
        model = self.settings
        num_columns = self.window().mixture_frames // model.hop_frames + 1
        num_bands = len(self.split.bands)
        num_positions = num_columns * num_bands
        heads = model.num_heads * model.head_size
        # A position's dense layers: queries, keys, values and exit; feed-forward there and back.
        dense = model.width * (4 * heads + 8 * model.width)
        of_depths = (
            # What a position reads of others, twice: products of keys, sums of values.
            (model.time_depth, 2 * heads * num_columns + model.width * model.num_heads),
            (model.frequency_depth, 2 * heads * num_bands + model.width * model.num_heads),
            (model.linear_depth, 2 * heads * model.head_size),
        )
        total = sum(depth * (dense + read) for depth, read in of_depths)
        total *= model.depth * num_positions
        num_features = sum(2 * self.num_channels * len(band) for band in self.split.bands)
        total += num_columns * num_features * model.width
        widths = [model.width] + [model.mask_wider * model.width] * model.hidden_layers
        hidden = sum(first * second for first, second in pairwise(widths))
        of_masks = num_bands * hidden + 2 * num_features * widths[-1]
        return 2 * (total + self._num_heads * num_columns * of_masks)


def make_network(config: Config) -> BandSplitNetwork:
    """Returns the network of an experiment, its weights made from ``train.seed``."""
    network = BandSplitNetwork(config)
    shapes = {"labels": (len(config.data.sources),)}
    network.build_on_symbols({name: shapes[name] for name in network.conditions})
    return network
