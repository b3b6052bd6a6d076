"""The pure loss of a batch: the forward pass and the loss that every backend shares."""

from typing import Any

from configs import Config, TaskSettings
from trainer.networks.wave_unet import WaveUNet
from trainer.tasks.separation.losses import total_loss

Batch = dict[str, Any]
"""``mixture`` (B, T_mix, C), ``sources`` (B, K, T_est, C) and ``labels`` (B, K), float32."""


def batch_shapes(config: Config, batch_size: int) -> dict[str, tuple[int, ...]]:
    """The shape of every array of a batch."""
    geometry, slots, channels = (
        config.model.window(),
        len(config.data.sources),
        config.audio.channels,
    )
    return {
        "mixture": (batch_size, geometry.mixture_frames, channels),
        "sources": (batch_size, slots, geometry.estimate_frames, channels),
        "labels": (batch_size, slots),
    }


def loss_of_batch(network: WaveUNet, batch: Batch, weights: TaskSettings) -> Any:
    """The training loss of a batch, a float32 scalar."""
    return total_loss(
        weights, batch["sources"], network(batch["mixture"], batch["labels"], training=True)
    )
