"""The pure loss of a batch: the forward pass and the loss that every backend shares."""

from typing import Any

from configs import Loss
from trainer.losses import total_loss
from trainer.wave_unet import WaveUNet

Batch = dict[str, Any]
"""``mixture`` (B, T_mix, C), ``sources`` (B, K, T_est, C) and ``labels`` (B, K), float32."""


def loss_of_batch(network: WaveUNet, batch: Batch, weights: Loss) -> Any:
    """The training loss of a batch, a float32 scalar."""
    return total_loss(weights, batch["sources"], network(batch["mixture"], batch["labels"], training=True))
