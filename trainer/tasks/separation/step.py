"""Defines the step of separation, for any Keras backend: networks, objectives, loss."""

from collections.abc import Sequence
from typing import Any

from configs import Config
from trainer.loop.protocol import Batch, Networks, Objective
from trainer.networks import make_network
from trainer.networks.network import Network
from trainer.tasks.separation.losses import total_loss

# The part that the only network has in the task.
SEPARATOR = "separator"


def make_networks(config: Config) -> Networks:
    """Makes the network that estimates the sources, its weights included."""
    return {SEPARATOR: make_network(config)}


def make_objectives(config: Config, networks: Networks) -> Sequence[Objective]:
    """Makes the only objective: estimates like the sources."""
    network = networks[SEPARATOR]

    def loss(batch: Batch, _update: int) -> Any:
        return loss_of_batch(network, batch, config)

    weights = network.trainable_variables
    return [Objective("separation", loss, weights, config.train.own_optimizer)]


def batch_shapes(config: Config, batch_size: int) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every array of a batch.

    ``mixture`` (B, T_mix, C), ``sources`` (B, K, T_est, C) and ``labels`` (B, K), all float32; of a
    network that takes them ``notes`` (B, N, 4) and ``context`` (B, K, D).
    """
    window = config.model.window()
    num_slots = len(config.data.sources)
    num_channels = config.audio.channels
    shapes: dict[str, tuple[int, ...]] = {
        "mixture": (batch_size, window.mixture_frames, num_channels),
        "sources": (batch_size, num_slots, window.estimate_frames, num_channels),
        "labels": (batch_size, num_slots),
    }
    if config.model.num_notes:
        shapes["notes"] = (batch_size, config.model.num_notes, 4)
    if config.model.context_numbers:
        shapes["context"] = (batch_size, num_slots, config.model.context_numbers)
    return shapes


def loss_of_batch(network: Network, batch: Batch, config: Config) -> Any:
    """Computes the training loss of a batch, a float32 scalar, a mean over its examples."""
    conditions = {name: batch[name] for name in network.conditions}
    outputs = network(batch["mixture"], conditions, training=True)
    loss = network.own_loss(batch, outputs)
    if loss is None:
        loss = total_loss(config, batch["sources"], outputs["estimates"], batch["mixture"])
    return loss
