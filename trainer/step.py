"""The pure loss of a batch: the forward pass and the loss that every backend shares."""

from typing import Any

from trainer.losses import mean_squared_error
from trainer.wave_unet import WaveUNet

Batch = dict[str, Any]
"""``mixture`` (B, T_mix, C), ``sources`` (B, K, T_est, C) and ``labels`` (B, K), float32."""


def loss_of_batch(network: WaveUNet, batch: Batch) -> Any:
    """The training loss of a batch, a float32 scalar."""
    return mean_squared_error(batch["sources"], network(batch["mixture"], batch["labels"], training=True))
