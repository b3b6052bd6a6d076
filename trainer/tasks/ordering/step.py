"""Defines the step of ordering, for any Keras backend: networks, objective, loss.

Axes: B puzzles, P clips of a puzzle, T frames of a clip, C channels, J columns, N features.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from configs import Config, OrderingSettings
from trainer.loop.protocol import Batch, Networks, Objective
from trainer.networks import make_network
from trainer.networks.network import Network
from trainer.tasks.ordering.heads import HEADS, Contrast, Head

# The parts that networks have in the task. That of the encoder is named as other tasks name theirs,
# so that its variables have the same paths.
ENCODER = "encoder"
SORTER = "sorter"


def make_networks(config: Config) -> Networks:
    """Makes the encoder and what compares its features, their weights included."""
    encoder = make_network(config)
    assert isinstance(config.task, OrderingSettings)
    head = HEADS[config.task.head](config)
    _, *shape = batch_shapes(config, 1)["clips"]
    # From symbols: nothing is computed.
    decide(encoder, head, keras.KerasTensor((1, *shape)))
    return {ENCODER: encoder, SORTER: head}


def make_objectives(config: Config, networks: Networks) -> Sequence[Objective]:
    """Makes the only objective: put clips where they were."""
    encoder, head = networks[ENCODER], networks[SORTER]
    assert isinstance(encoder, Network)
    assert isinstance(head, Head)

    def loss(batch: Batch, _update: int) -> Any:
        decisions = decide(encoder, head, batch["clips"], training=True)
        return ops.mean(head.costs(decisions, batch["places"]))

    name = "contrast" if isinstance(head, Contrast) else "ordering"
    weights = [*encoder_weights(config, encoder), *head.trainable_variables]
    return [Objective(name, loss, weights, config.train.own_optimizer)]


def decide(encoder: Network, head: Head, clips: Any, training: bool = False) -> Any:
    """Returns what a head decides about puzzles, of clips (B, P, T, C)."""
    _, num_clips, *shape = clips.shape
    # (B, P, T, C) -> (B P, T, C)
    features = encoder.hear_clips(ops.reshape(clips, (-1, *shape)), training=training)
    return head(ops.reshape(features, (-1, num_clips, *features.shape[1:])))


def batch_shapes(config: Config, batch_size: int) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every array of a batch.

    ``clips`` (B, P, T, C), shuffled, and ``places`` (B, P), where each of them stands, from 0 on,
    both float32.
    """
    assert isinstance(config.task, OrderingSettings)
    num_clips = config.task.num_clips
    num_frames = clip_frames(config)
    return {
        "clips": (batch_size, num_clips, num_frames, config.audio.channels),
        "places": (batch_size, num_clips),
    }


def clip_frames(config: Config) -> int:
    """Returns how many frames a clip has."""
    assert isinstance(config.task, OrderingSettings)
    return round(config.task.clip_secs * config.audio.sample_rate)


class _Reads(keras.StatelessScope):
    """Notes which variables are read within."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[int] = set()

    def get_current_value(self, variable: Any) -> Any:
        """Returns the value of a variable, None for its own."""
        self.read.add(id(variable))
        return super().get_current_value(variable)


def encoder_weights(config: Config, encoder: Network) -> list[Any]:
    """Returns the weights by which an encoder hears clips: of a separator those before its masks.

    The others of a network that does more get no gradient, so that nothing may move them.
    """
    shape = (1, clip_frames(config), config.audio.channels)
    with _Reads() as scope:
        encoder.hear_clips(ops.zeros(shape))
    return [weight for weight in encoder.trainable_variables if id(weight) in scope.read]
