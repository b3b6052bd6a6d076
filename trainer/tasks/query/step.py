"""Defines the step of answering queries, for any Keras backend: network, objective, loss.

Axes: B examples, K names, T frames, C channels, J numbers of a query.
"""

from collections.abc import Sequence
from typing import Any

from keras import ops

from configs import Config, QuerySettings
from trainer.loop.protocol import Batch, Networks, Objective
from trainer.networks import make_network
from trainer.networks.frames import crop
from trainer.tasks.separation.losses import total_loss

# The part that the only network has in the task.
ANSWERER = "answerer"
# By which the cosine of two queries is divided.
_TEMPERATURE = 0.1


def make_networks(config: Config) -> Networks:
    """Makes the network that answers, its weights included."""
    return {ANSWERER: make_network(config)}


def make_objectives(config: Config, networks: Networks) -> Sequence[Objective]:
    """Makes the only objective: answers like the targets, by name as by audio."""
    network = networks[ANSWERER]

    def loss(batch: Batch, _update: int) -> Any:
        return loss_of_batch(network, batch, config)

    weights = network.trainable_variables
    return [Objective("query", loss, weights, config.train.own_optimizer)]


def batch_shapes(config: Config, batch_size: int) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every array of a batch, all float32.

    ``mixture`` (B, T_mix, C), ``target`` (B, T_est, C), ``slot`` (B,), the place of what is asked
    for in the vocabulary, ``there`` (B, K), 1 for what is audible, ``audio`` (B, T_audio, C), what
    is asked for in another recording, zeros where there is none, and ``by_audio`` (B,), 1 where it
    is asked for by that.
    """
    assert isinstance(config.task, QuerySettings)
    window = config.model.window()
    num_channels = config.audio.channels
    audio_frames = round(config.task.query_secs * config.audio.sample_rate)
    return {
        "mixture": (batch_size, window.mixture_frames, num_channels),
        "target": (batch_size, window.estimate_frames, num_channels),
        "slot": (batch_size,),
        "there": (batch_size, len(config.data.sources)),
        "audio": (batch_size, audio_frames, num_channels),
        "by_audio": (batch_size,),
    }


def loss_of_batch(network: Any, batch: Batch, config: Config) -> Any:
    """Computes the loss, a float32 scalar, a mean over examples.

    It is that of separation, of the target and of what it leaves of the mixture; and what a wrong
    probability costs, and what it costs that both doors disagree. A recording is to be nearer to
    its own name than to all others: were both only drawn together, all names would become one.
    """
    assert isinstance(config.task, QuerySettings)
    task = config.task
    # (K, J), and (B, J) each
    names = network.ask_by_name(ops.arange(len(config.data.sources)))
    slots = ops.cast(batch["slot"], "int32")
    by_name = ops.take(names, slots, axis=0)
    by_audio, is_heard = network.ask_by_audio(batch["audio"])
    # Of a rest nobody hears an instrument: its name is asked for.
    takes_audio = batch["by_audio"] * is_heard > 0.5
    query = ops.where(takes_audio[:, None], by_audio, by_name)
    # Whether all other names are there takes the encoder alone, and teaches much.
    num_examples = ops.shape(query)[0]
    others = ops.repeat(names[None], num_examples, axis=0)
    outputs = network.ask(batch["mixture"], query[:, None], others)
    target = ops.cast(batch["target"], "float32")
    mixture = ops.cast(crop(batch["mixture"], target.shape[1]), "float32")
    estimate = outputs["estimates"][:, 0]
    # (B, 2, T, C) each: the target, and the rest.
    references = ops.stack([target, mixture - target], axis=1)
    estimates = ops.stack([estimate, mixture - estimate], axis=1)
    there = batch["there"]
    of_target = ops.sum(there * ops.one_hot(slots, len(config.data.sources)), axis=1)
    wrong = _cost(outputs["presence"], of_target[:, None]) + _cost(outputs["others"], there)
    # -log of the probability that a recording is of its own name, among all names.
    likeness = ops.matmul(by_audio, ops.transpose(names)) / _TEMPERATURE
    own = ops.sum(by_audio * by_name, axis=1) / _TEMPERATURE
    apart = (ops.logsumexp(likeness, axis=1) - own) * is_heard
    return (
        total_loss(config, references, estimates, batch["mixture"])
        + task.presence * wrong
        + task.doors * ops.mean(apart)
    )


def _cost(odds: Any, there: Any) -> Any:
    """Returns what wrong probabilities cost: the logarithm of odds (B, N, M), the truth (B, N)."""
    # Of the whole window.
    odds = ops.mean(odds, axis=2)
    # -log of the probability, sigmoid(odds), of what is right.
    return ops.mean(ops.softplus(odds) - there * odds)
