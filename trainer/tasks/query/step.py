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
# A target is there where its power is above -30 dB of the mixture's, and above -60 dBFS: audible,
# as the activity of instruments is (configs.tasks.TaggingSettings).
_AUDIBLE_SHARE = 1e-3
_AUDIBLE_POWER = 1e-6
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
    for in the vocabulary, ``audio`` (B, T_audio, C), it in another recording, zeros where there is
    none, and ``by_audio`` (B,), 1 where it is asked for by that.
    """
    assert isinstance(config.task, QuerySettings)
    window = config.model.window()
    num_channels = config.audio.channels
    audio_frames = round(config.task.query_secs * config.audio.sample_rate)
    return {
        "mixture": (batch_size, window.mixture_frames, num_channels),
        "target": (batch_size, window.estimate_frames, num_channels),
        "slot": (batch_size,),
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
    outputs = network(batch["mixture"], {"query": query[:, None]}, training=True)
    target = ops.cast(batch["target"], "float32")
    mixture = ops.cast(crop(batch["mixture"], target.shape[1]), "float32")
    estimate = outputs["estimates"][:, 0]
    # (B, 2, T, C) each: the target, and the rest.
    references = ops.stack([target, mixture - target], axis=1)
    estimates = ops.stack([estimate, mixture - estimate], axis=1)
    # (B,): the logarithm of the odds, for the whole window.
    odds = ops.mean(outputs["presence"][:, 0], axis=1)
    # -log of the probability of what is right: sigmoid(odds) that it is there.
    wrong = ops.softplus(odds) - is_audible(target, mixture) * odds
    # -log of the probability that a recording is of its own name, among all names.
    likeness = ops.matmul(by_audio, ops.transpose(names)) / _TEMPERATURE
    own = ops.sum(by_audio * by_name, axis=1) / _TEMPERATURE
    apart = (ops.logsumexp(likeness, axis=1) - own) * is_heard
    return (
        total_loss(config, references, estimates, batch["mixture"])
        + task.presence * ops.mean(wrong)
        + task.doors * ops.mean(apart)
    )


def is_audible(target: Any, mixture: Any) -> Any:
    """Returns 1 where a target (B, T, C) is audible in its mixture (B, T, C), else 0: (B,)."""
    power = ops.mean(ops.square(target), axis=(1, 2))
    of_mixture = ops.mean(ops.square(mixture), axis=(1, 2))
    audible = (power > _AUDIBLE_POWER) & (power > _AUDIBLE_SHARE * of_mixture)
    return ops.cast(audible, "float32")
