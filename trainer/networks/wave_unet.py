"""Is the expanded, label-conditioned Wave-U-Net: mixture and labels in, an estimate per slot out.

Stoller, Ewert, Dixon, "Wave-U-Net", ISMIR 2018, with a slot for every instrument of a vocabulary.
Any Keras backend. Axes: B examples, K slots, T frames, F features, C channels.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
from keras import ops

from configs import Config, WaveUNetSettings
from trainer.networks.conditioning import UNKNOWN, conditioning_vector, gate, make_layer
from trainer.networks.flops import wave_unet_flops
from trainer.networks.frames import crop, decimate
from trainer.networks.layers import (
    DownsamplingBlock,
    PrunedDownsamplingBlock,
    UpsamplingBlock,
    convolution,
)
from trainer.networks.network import Conditions, Network, Outputs, iter_seeds, rematerialised
from trainer.networks.notes import NoteConditioning


class Features(NamedTuple):
    """Holds what the encoder makes of a mixture; the skips of one computation fit no other."""

    # As it came, (B, T_mix, C): its middle enters the heads and the residual.
    mixture: Any
    # One for each level, the first level first: (B, T, F), cropped to what comes up to it.
    skips: list[Any]
    # (B, T, F) at the lowest rate, before labels enter.
    bottleneck: Any


class WaveUNet(Network):
    """Maps (mixture (B, T_mix, C), labels (B, K)) to estimates (B, K, T_est, C), float32.

    The sizes that fit are those of ``window``. Unknown labels are -1 throughout. Weights, heads and
    residual are float32 whatever the compute dtype.
    """

    settings: WaveUNetSettings

    def __init__(self, config: Config) -> None:
        # bfloat16 is for convolutions; their variables stay float32.
        dtype = "mixed_bfloat16" if config.train.compute_dtype == "bfloat16" else "float32"
        # The name begins the path of every variable in a checkpoint. The inputs are not cast to the
        # compute dtype: a residual of a rounded mixture would carry the rounding.
        super().__init__(config, name="wave_unet", dtype=dtype, autocast=False)
        model = self.settings
        self._sample_rate = config.audio.sample_rate
        seeds = iter_seeds(config.train.seed)
        levels = range(1, model.num_levels + 1)
        # The order of these lines is that of the variables and of their seeds: it must not change.
        self.encoder = [self._make_down(level, next(seeds), dtype) for level in levels]
        self.bottleneck = convolution(
            filters=self._num_filters(model.num_levels + 1),
            kernel=model.down_kernel,
            padding=model.padding,
            seed=next(seeds),
            name="bottleneck",
            dtype=dtype,
        )
        self.conditioners = self._make_conditioners(seeds, dtype)
        self.decoder = [self._make_up(level, next(seeds), dtype) for level in reversed(levels)]
        self.heads = self._make_heads(len(self._head_slots()) * self.num_channels, next(seeds))
        self.notes = NoteConditioning(model, len(self.sources), self._sample_rate, seeds)
        self.context_layers = []
        if model.context_size:
            self.context_layers.append(make_layer("film", seeds, "context", dtype))

    @property
    def conditions(self) -> tuple[str, ...]:
        """Returns the names of the conditions that the network takes."""
        names = list(super().conditions)
        if self.settings.takes_notes:
            names.append("notes")
        if self.settings.context_size:
            names.append("context")
        return tuple(names)

    def build(self, mixture_shape: Any, conditions_shape: Any = None) -> None:
        """Makes the weights from the numbers of features alone; no layer but small ones is called.

        Args:
            mixture_shape: (B, T_mix, C); B and T_mix may be None.
            conditions_shape: not needed; the vocabulary says what K is.
        """
        del conditions_shape
        features = self._build_conditioner("input", 0, mixture_shape[-1])
        skip_features = []
        for block in self.encoder:
            block.build((None, None, features))
            features = block.convolution.filters
            skip_features.append(features)
        self.bottleneck.build((None, None, features))
        features = self._build_conditioner("bottleneck", 0, self.bottleneck.filters)
        for i, block in enumerate(self.decoder):
            block.build((None, None, features), (None, None, skip_features.pop()))
            features = self._build_conditioner("decoder", i, block.convolution.filters)
        features = self._build_conditioner("heads", 0, mixture_shape[-1] + features)
        self.heads.build((None, None, features))
        self.notes.build()
        for layer in self.context_layers:
            numbers = len(self.sources) * self.settings.context_size
            layer.build((None, None, self.bottleneck.filters), (None, numbers))

    def encode(self, mixture: Any, conditions: Conditions) -> Features:
        """Goes down to the bottleneck; labels play a part only where they enter at the input."""
        window = self.settings.geometry().for_mixture(mixture.shape[1])
        x = mixture
        if self.settings.conditioned_at == "input":
            x = self.conditioners[0](x, conditioning_vector(conditions["labels"]))
        skips = []
        for level, block in enumerate(self.encoder, start=1):
            go_down = rematerialised(
                _go_down,
                block=block,
                frames=window.encoder_frames(level),
                skip_frames=window.skip_frames(level),
            )
            x, skip = go_down(x)
            skips.append(skip)
        return Features(mixture, skips, rematerialised(self.bottleneck)(x))

    def clip_features(self, clips: Any) -> Any:
        """Returns the bottleneck of clips (B, T, C), (B, J, N), to which labels are unknown."""
        x = clips
        if self.settings.conditioned_at == "input":
            unknown = ops.full((ops.shape(clips)[0], len(self.sources)), UNKNOWN, "float32")
            x = self.conditioners[0](x, conditioning_vector(unknown))
        for block in self.encoder:
            x = rematerialised(_only_down, block=block)(x)
        return rematerialised(self.bottleneck)(x)

    def decode(self, features: Features, conditions: Conditions) -> Outputs:
        """Goes up from the bottleneck to the estimates (B, K, T_est, C)."""
        window = self.settings.geometry().for_mixture(features.mixture.shape[1])
        conditioned_at = self.settings.conditioned_at
        vector = None
        if conditioned_at in ("bottleneck", "decoder", "heads"):
            vector = conditioning_vector(conditions["labels"])
        x = features.bottleneck
        if conditioned_at == "bottleneck":
            x = self.conditioners[0](x, vector)
        for layer in self.context_layers:
            # (B, K, D) -> (B, K D)
            x = layer(x, ops.reshape(conditions["context"], (ops.shape(x)[0], -1)))
        for i, (block, skip) in enumerate(zip(self.decoder, reversed(features.skips), strict=True)):
            level = window.num_levels - i
            up = rematerialised(block, frames=window.decoder_frames(level))
            x = up(x, skip)
            if conditioned_at == "decoder":
                x = rematerialised(self.conditioners[i])(x, vector)
            if level in self.notes.levels:
                told = self.notes.tell(level, conditions["notes"], window)
                x = rematerialised(told)(x)
        mixture = ops.cast(crop(features.mixture, window.estimate_frames), "float32")
        estimate = rematerialised(self._estimate, vector=vector, conditions=conditions)
        return {"estimates": estimate(mixture, x)}

    def forward_flops(self, pruned: bool | None = None) -> int:
        """Returns the multiplications and additions of the convolutions for one training example.

        Args:
            pruned: leave out what nothing uses: of the encoder, around a skip, every second frame.
                None does so unless the computation is the plain one.
        """
        if pruned is None:
            pruned = self.settings.computation != "plain"
        return wave_unet_flops(self.settings, len(self.sources), self.num_channels, pruned)

    def frame_bytes(self) -> int:
        """Returns how many bytes a frame of a mixture takes while estimates are computed, at most.

        Measured on a CPU, where TensorFlow takes memory in ever larger pieces: fourteen numbers for
        each filter of the first level.
        """
        return 4 * 14 * self.settings.num_filters

    def _estimate(self, mixture: Any, x: Any, vector: Any, conditions: Conditions) -> Any:
        """Returns (B, K, T, C) of the cropped mixture (B, T, C) and what comes up, (B, T, F)."""
        heads = self._call_heads(mixture, ops.cast(x, "float32"), vector)
        return self._estimates(heads, mixture, conditions)

    def _call_heads(self, mixture: Any, x: Any, vector: Any) -> Any:
        """Returns (B, T, heads * C) of the cropped mixture (B, T, C) and x (B, T, F)."""
        x = ops.concatenate([mixture, x], axis=-1)
        if self.settings.conditioned_at == "heads":
            x = self.conditioners[0](x, vector)
        return self.heads(x)

    def _estimates(self, heads: Any, mixture: Any, conditions: Conditions) -> Any:
        """Returns (B, K, T, C) of heads (B, T, heads * C) and the cropped mixture (B, T, C)."""
        slots = self._head_slots()
        # (B, T, heads * C) -> (B, heads, T, C)
        heads = ops.reshape(heads, (-1, heads.shape[1], len(slots), self.num_channels))
        estimates = ops.transpose(heads, (0, 2, 1, 3))
        if self.settings.gate_heads:
            labels = ops.cast(conditions["labels"], "float32")
            estimates = gate(estimates, ops.take(labels, slots, axis=1))
        if self.settings.gate_timing:
            is_open = self.notes.gate(conditions["notes"], mixture.shape[1])
            estimates = estimates * ops.take(is_open, slots, axis=1)[:, :, :, None]
        if self.settings.output == "direct":
            return estimates
        # A difference output gives the residual slot what the others leave of the mixture.
        residual = mixture[:, None] - ops.sum(estimates, axis=1, keepdims=True)
        slot = self.sources.index(self.settings.residual)
        return ops.concatenate([estimates[:, :slot], residual, estimates[:, slot:]], axis=1)

    def _head_slots(self) -> list[int]:
        """Returns the slots that have a head: all but the residual one."""
        return [k for k, name in enumerate(self.sources) if name != self.settings.residual]

    def _num_filters(self, level: int) -> int:
        return self.settings.num_filters * level

    def _make_down(self, level: int, seed: int, dtype: str) -> DownsamplingBlock:
        model = self.settings
        # With same padding every frame is used: there is nothing to prune.
        is_pruned = model.computation == "cpu" and model.padding == "valid"
        block = PrunedDownsamplingBlock if is_pruned else DownsamplingBlock
        return block(
            filters=self._num_filters(level),
            kernel=model.down_kernel,
            padding=model.padding,
            seed=seed,
            name=f"down_{level}",
            dtype=dtype,
        )

    def _make_up(self, level: int, seed: int, dtype: str) -> UpsamplingBlock:
        return UpsamplingBlock(
            filters=self._num_filters(level),
            kernel=self.settings.up_kernel,
            padding=self.settings.padding,
            upsampling=self.settings.upsampling,
            seed=seed,
            name=f"up_{level}",
            dtype=dtype,
        )

    def _make_conditioners(self, seeds: Iterator[int], dtype: str) -> list[Any]:
        """Makes a layer for where labels enter; one for each level of the decoder."""
        model = self.settings
        if model.conditioning == "none":
            return []
        count = model.num_levels if model.conditioned_at == "decoder" else 1
        if model.conditioned_at == "heads":
            dtype = "float32"
        names = [f"conditioning_{i + 1}" for i in range(count)]
        return [make_layer(model.conditioning, seeds, name, dtype) for name in names]

    def _build_conditioner(self, place: str, i: int, features: int) -> int:
        """Builds layer i if labels enter at ``place``; returns how many features leave it."""
        if self.settings.conditioned_at != place:
            return features
        frame = keras.KerasTensor((1, 1, features))
        labels = keras.KerasTensor((1, len(self.sources)))
        conditioned: int = self.conditioners[i](frame, labels).shape[-1]
        return conditioned

    def _make_heads(self, num_outputs: int, seed: int) -> keras.layers.Layer:
        return keras.layers.Conv1D(num_outputs, 1, **self._head_options(seed))

    def _head_options(self, seed: int) -> dict[str, Any]:
        return {
            "activation": self.settings.head_activation,
            "kernel_initializer": keras.initializers.GlorotUniform(seed),
            "name": "heads",
            "dtype": "float32",
        }


def _go_down(x: Any, block: DownsamplingBlock, frames: int, skip_frames: int) -> tuple[Any, Any]:
    """Returns what goes down and the skip, in the order of ``rematerialised``."""
    skip, x = block(x, frames=frames, skip_frames=skip_frames)
    return x, skip


def _only_down(x: Any, block: DownsamplingBlock) -> Any:
    """Returns what goes down; no skip is wanted."""
    return decimate(block.convolution(x))


def make_network(config: Config) -> WaveUNet:
    """Returns the network of an experiment, its weights made from ``train.seed``."""
    # Imported here, because its class derives from the one above.
    from trainer.networks.folded_wave_unet import FoldedWaveUNet

    model = config.model
    assert isinstance(model, WaveUNetSettings)
    # With same padding all computations are the plain one.
    is_folded = model.computation == "tpu" and model.padding == "valid"
    network = FoldedWaveUNet(config) if is_folded else WaveUNet(config)
    network.build((None, None, config.audio.channels))
    return network
