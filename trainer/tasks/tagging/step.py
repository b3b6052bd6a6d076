"""Defines the step of tagging, for any Keras backend: network, objective, loss.

Axes: B examples, K instruments, J columns.
"""

from collections.abc import Sequence
from typing import Any

from keras import ops

from configs import Config, TaggerSettings, TaggingSettings
from trainer.loop.protocol import Batch, Networks, Objective
from trainer.networks import make_network

# The part that the only network has in the task.
TAGGER = "tagger"
# Of a probability whose logarithm is taken.
_LEAST = 1e-7


def make_networks(config: Config) -> Networks:
    """Makes the network that hears instruments, its weights included."""
    return {TAGGER: make_network(config)}


def make_objectives(config: Config, networks: Networks) -> Sequence[Objective]:
    """Makes the only objective: answers like the truth."""
    network = networks[TAGGER]

    def loss(batch: Batch, _update: int) -> Any:
        outputs = network(batch["mixture"], {}, training=True)
        return loss_of(config, batch["truth"], batch["known"], outputs)

    weights = network.trainable_variables
    return [Objective("tagging", loss, weights, config.train.own_optimizer)]


def batch_shapes(config: Config, batch_size: int) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every array of a batch.

    ``mixture`` (B, T_mix, C), ``truth`` (B, K, J), from 0 to 1, and ``known`` (B, K), 1 where the
    truth about an instrument is known and 0 where it is not, all float32.
    """
    window = config.model.window()
    num_slots = len(config.data.sources)
    assert isinstance(config.model, TaggerSettings)
    num_columns = window.estimate_frames // config.model.column_frames
    return {
        "mixture": (batch_size, window.mixture_frames, config.audio.channels),
        "truth": (batch_size, num_slots, num_columns),
        "known": (batch_size, num_slots),
    }


def loss_of(config: Config, truth: Any, known: Any, outputs: Batch) -> Any:
    """Computes the loss, a float32 scalar: the mean over what is known of each example.

    Args:
        config: the loss and whether one instrument sounds at a time.
        truth: (B, K, J).
        known: (B, K).
        outputs: of the network.
    """
    assert isinstance(config.task, TaggingSettings)
    assert isinstance(config.model, TaggerSettings)
    decisions = outputs["decisions"]
    if config.task.loss == "squared_error":
        costs = ops.square(outputs["activity"] - truth)
    elif config.model.answers == "one":
        # -log of the probability of what sounds.
        costs = -truth * ops.log(ops.maximum(outputs["activity"], _LEAST))
    else:
        # -log of the probability, sigmoid(decision), of what is right.
        costs = ops.softplus(decisions) - truth * decisions
    # (B,)
    total = ops.sum(ops.mean(costs, axis=2) * known, axis=1)
    return ops.mean(total / ops.maximum(ops.sum(known, axis=1), 1.0))
