"""The expanded, label-conditioned Wave-U-Net: a mixture and labels in, one estimate for every slot out.

Stoller, Ewert, Dixon, "Wave-U-Net", ISMIR 2018, with a slot for every instrument of a vocabulary. Any Keras backend.
Axes: B examples, K slots, T frames, C channels.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from configs import Config, WaveUNetSettings
from trainer.networks import conditioning
from trainer.networks.folded import fold, frames_of, unfold
from trainer.networks.layers import (
    DownsamplingBlock,
    FoldedHeads,
    UpsamplingBlock,
    convolution,
    crop,
)


class WaveUNet(keras.Model):
    """(mixture (B, T_mix, C), labels (B, K)) -> estimates (B, K, T_est, C), float32.

    The sizes that fit are those of ``config.model.window()`` and its ``resized``. Unknown labels are -1 throughout.
    Weights, heads and residual are float32 whatever the compute dtype.
    """

    def __init__(self, config: Config) -> None:
        model, dtype = config.model, _dtype_policy(config)
        assert isinstance(model, WaveUNetSettings)
        # The name begins the path of every variable in a checkpoint. The inputs are not cast to the compute dtype:
        # a residual of a rounded mixture would carry the rounding.
        super().__init__(name="wave_unet", dtype=dtype, autocast=False)
        self.sources, self.model_config = config.data.sources, model
        self.config = config
        self.num_channels, self.geometry = config.audio.channels, model.geometry()
        filters = [model.num_filters * level for level in range(1, model.num_levels + 2)]
        down, up, padding = model.down_kernel, model.up_kernel, model.padding
        up_phases = self._decoder_phases()
        self.encoder = [
            DownsamplingBlock(
                n, down, padding, model.computation, *phases, name=f"down_{level}", dtype=dtype
            )
            for level, (n, *phases) in enumerate(
                zip(filters[:-1], self._encoder_phases(), up_phases, strict=True), start=1
            )
        ]
        self.bottleneck = convolution(filters[-1], down, padding, "bottleneck", dtype)
        self.conditioners = self._make_conditioners(dtype)
        self.decoder = [
            UpsamplingBlock(
                n, up, padding, model.upsampling, phases, name=f"up_{level}", dtype=dtype
            )
            for level, (n, phases) in reversed(
                list(enumerate(zip(filters[:-1], up_phases, strict=True), start=1))
            )
        ]
        self.heads = self._make_heads(up_phases[0])

    def forward_flops(self) -> int:
        """Counts multiplications and additions of one forward pass of one example."""
        return forward_flops(self.config, pruned=self.model_config.computation != "plain")

    def call(self, mixture: Any, labels: Any) -> Any:
        """See the class."""
        vector = conditioning.conditioning_vector(labels)
        geometry = self.geometry.for_mixture(mixture.shape[1])
        x, skips = fold(self._condition("input", mixture, vector), self.encoder[0].phases), []
        for level, block in enumerate(self.encoder, start=1):
            sizes = {
                "frames": geometry.encoder_frames(level),
                "skip_frames": geometry.skip_frames(level),
            }
            skip, x = block(x, **sizes)
            skips.append(skip)
        x = self._condition("bottleneck", self.bottleneck(x), vector)
        for i, (block, skip) in enumerate(zip(self.decoder, reversed(skips), strict=True)):
            frames = geometry.decoder_frames(geometry.num_levels - i)
            x = self._condition("decoder", block(x, skip, frames=frames), vector, i)
        mixture = ops.cast(crop(mixture, geometry.estimate_frames), "float32")
        heads = self._call_heads(mixture, ops.cast(x, "float32"), vector)
        return self._estimates(heads, mixture, ops.cast(labels, "float32"))

    def _encoder_phases(self) -> list[int]:
        """By how much the input of each level is folded: the first two then fill three tiles of 128 features."""
        return self._halving(5)

    def _decoder_phases(self) -> list[int]:
        """By how much the result of each level on the way up is folded; labels that enter there need it unfolded."""
        return self._halving(0 if self.model_config.conditioned_at in ("decoder", "heads") else 3)

    def _halving(self, folds: int) -> list[int]:
        """2^folds for the first level, half of it for the next, down to 1 (docs/tpu.md); only the tpu form folds."""
        model = self.model_config
        folds = (
            min(folds, model.num_levels)
            if model.computation == "tpu" and model.padding == "valid"
            else 0
        )
        return [2 ** max(0, folds - level) for level in range(model.num_levels)]

    def _call_heads(self, mixture: Any, x: Any, vector: Any) -> Any:
        """The cropped mixture (B, T, C) and x (B, T, F), which may be folded -> (B, T, heads * C)."""
        phases = self.decoder[-1].phases
        if phases == 1:
            return self.heads(
                self._condition("heads", ops.concatenate([mixture, x], axis=-1), vector)
            )
        return frames_of(unfold(self.heads(fold(mixture, phases), x), phases), 0, mixture.shape[1])

    def _make_heads(self, phases: int) -> Any:
        count = len(self._head_slots()) * self.num_channels
        options = {
            "activation": self.model_config.head_activation,
            "name": "heads",
            "dtype": "float32",
        }
        return (
            keras.layers.Conv1D(count, 1, **options)
            if phases == 1
            else FoldedHeads(count, phases, **options)
        )

    def _make_conditioners(self, dtype: str) -> list[Any]:
        """A layer for the place where labels enter; one for each level of the decoder, none without conditioning."""
        kind, place = self.model_config.conditioning, self.model_config.conditioned_at
        if kind == "none":
            return []
        count = self.model_config.num_levels if place == "decoder" else 1
        dtype = "float32" if place == "heads" else dtype
        return [
            conditioning.LAYERS[kind](name=f"conditioning_{i + 1}", dtype=dtype)
            for i in range(count)
        ]

    def _condition(self, place: str, features: Any, vector: Any, i: int = 0) -> Any:
        """The features with the labels in them, if this is where labels enter."""
        return (
            self.conditioners[i](features, vector)
            if place == self.model_config.conditioned_at
            else features
        )

    def _head_slots(self) -> Sequence[int]:
        """The slots that have a head: all but the residual one."""
        return [k for k, name in enumerate(self.sources) if name != self.model_config.residual]

    def _estimates(self, heads: Any, mixture: Any, labels: Any) -> Any:
        """Heads (B, T, heads * C) and the cropped mixture (B, T, C) to estimates (B, K, T, C), all float32."""
        slots = self._head_slots()
        heads = ops.reshape(heads, (-1, heads.shape[1], len(slots), self.num_channels))
        estimates = ops.transpose(heads, (0, 2, 1, 3))
        if self.model_config.gate_heads:
            estimates = conditioning.gate(estimates, ops.take(labels, slots, axis=1))
        if self.model_config.output == "direct":
            return estimates
        residual = mixture[:, None] - ops.sum(estimates, axis=1, keepdims=True)
        slot = self.sources.index(self.model_config.residual)
        return ops.concatenate([estimates[:, :slot], residual, estimates[:, slot:]], axis=1)


def make_network(config: Config) -> WaveUNet:
    """The network of an experiment with its weights made, from ``train.seed``."""
    keras.utils.set_random_seed(config.train.seed)
    network = WaveUNet(config)
    frames = config.model.window().mixture_frames
    # Symbols in place of a batch: weights are made, nothing is computed.
    network(
        keras.KerasTensor((1, frames, config.audio.channels)),
        keras.KerasTensor((1, len(config.data.sources))),
    )
    return network


def _dtype_policy(config: Config) -> str:
    return "mixed_bfloat16" if config.train.compute_dtype == "bfloat16" else "float32"


def forward_flops(config: Config, pruned: bool | None = None) -> int:
    """Multiplications and additions in the convolutions of one forward pass of one example.

    Pruned leaves out what nothing uses: of the encoder, around a skip, every second frame.
    """
    model, geometry = config.model, config.model.window()
    assert isinstance(model, WaveUNetSettings)
    shrink = (
        1 if model.padding == "valid" else 0
    )  # a convolution of k taps takes k - 1 frames, or none
    filters = [
        config.audio.channels,
        *(model.num_filters * level for level in range(1, model.num_levels + 2)),
    ]
    total = model.down_kernel * filters[-2] * filters[-1] * geometry.bottleneck_frames
    for level in range(1, model.num_levels + 1):
        below, here, above = filters[level + 1], filters[level], filters[level - 1]
        skip = geometry.skip_frames(level)
        on_each_side = (
            geometry.encoder_frames(level) - shrink * (model.down_kernel - 1) - skip
        ) // 2
        frames = skip + 2 * (-(-on_each_side // 2) if pruned else on_each_side)
        total += model.down_kernel * above * here * frames
        total += model.up_kernel * (below + here) * here * (skip - shrink * (model.up_kernel - 1))
    num_heads = len(config.data.sources) * config.audio.channels
    total += (filters[1] + config.audio.channels) * num_heads * geometry.estimate_frames
    return 2 * total
