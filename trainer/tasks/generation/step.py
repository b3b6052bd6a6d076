"""Defines the step of generation, for any Keras backend: networks, objectives, losses.

Axes: B sounds, T frames, C channels, Z numbers of a sound, U updates of the critic.
"""

from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from configs import Config, GenerationSettings, GeneratorSettings
from trainer.loop.protocol import Batch, Networks, Objective
from trainer.networks import make_network
from trainer.networks.generator.critic import Critic, make_critic
from trainer.networks.generator.network import Generator
from trainer.tasks.generation import losses

# The parts that networks have in the task.
GENERATOR = "generator"
CRITIC = "critic"
# What the critic hears in an update: real sounds, made ones, and what is between them. Each has
# phase shuffles of its own.
_REAL, _MADE, _BETWEEN = range(3)
_NUM_HEARD = 3


def make_networks(config: Config) -> Networks:
    """Makes the network and, where one teaches it, the critic."""
    networks: dict[str, Any] = {GENERATOR: make_network(config)}
    if _task_of(config).method == "adversarial":
        networks[CRITIC] = make_critic(config)
    return networks


def make_objectives(config: Config, networks: Networks) -> Sequence[Objective]:
    """Makes the objectives of the method that ``task.method`` names."""
    generator = networks[GENERATOR]
    assert isinstance(generator, Generator)
    method = _task_of(config).method
    if method == "adversarial":
        critic = networks[CRITIC]
        assert isinstance(critic, Critic)
        return _make_adversaries(config, generator, critic)
    if method == "encoder":
        assert generator.encoder is not None
        weights = generator.encoder.trainable_variables
        return [Objective("encoder", _find_numbers(generator), weights, _own(config))]
    weights = generator.trainable_variables
    return [Objective("generation", _return(config, generator), weights, _own(config))]


def batch_shapes(config: Config, batch_size: int) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every array of a batch, all of them float32.

    Of sounds that come back: ``sounds`` (B, T, C); ``noise`` (B, Z), for numbers that vary; and
    ``ramp`` (B,), how much the divergence counts, from 0 to 1. Of two adversaries: ``sounds`` (B,
    U, T, C) and ``latents`` (B, U + 1, Z), the last ones for the network's own update; ``between``
    (B, U), from 0 to 1; and ``shifts`` (B, U + 1, 3, levels - 1), the same for all B. Of an encoder
    alone: ``latents`` (B, Z).
    """
    model = _model_of(config)
    task = _task_of(config)
    sounds = (model.num_frames, config.audio.channels)
    if task.method == "adversarial":
        updates = task.critic_updates
        return {
            "sounds": (batch_size, updates, *sounds),
            "latents": (batch_size, updates + 1, model.latents),
            "between": (batch_size, updates),
            "shifts": (batch_size, updates + 1, _NUM_HEARD, max(model.num_levels - 1, 1)),
        }
    if task.method == "encoder":
        return {"latents": (batch_size, model.latents)}
    return {
        "sounds": (batch_size, *sounds),
        "noise": (batch_size, model.latents),
        "ramp": (batch_size,),
    }


def example_flops(config: Config, networks: Networks) -> float:
    """Returns the multiplications and additions of an example of a step, there and back."""
    generator = networks[GENERATOR]
    assert isinstance(generator, Generator)
    task = _task_of(config)
    # What is computed, once for the result and twice for its gradients.
    if task.method != "adversarial":
        return 3.0 * generator.forward_flops()
    critic = networks[CRITIC]
    assert isinstance(critic, Critic)
    # Real and made sounds, there and back; of those between them the slope, which takes a pass
    # there and one back, and the way back through both.
    of_critic = (2 * 3 + 2 + 4) * critic.flops() + generator.forward_flops()
    of_generator = 3 * (critic.flops() + generator.forward_flops())
    return float(task.critic_updates * of_critic + of_generator)


def _return(config: Config, generator: Generator) -> Callable[[Batch, int], Any]:
    """Makes the loss of sounds that come back."""
    task = _task_of(config)

    def loss(batch: Batch, _update: int) -> Any:
        sounds = _mono(batch["sounds"])
        means, logarithms = generator.distribution(sounds)
        if logarithms is None:
            made = generator.decode(means, {})["sounds"]
            return losses.reconstruction(task, sounds, made)
        # z = mean + deviation * noise
        latents = means + ops.exp(logarithms / 2) * batch["noise"]
        made = generator.decode(latents, {})["sounds"]
        # Summed over numbers, mean over sounds.
        divergence = ops.sum(losses.divergences(means, logarithms), axis=1)
        weighted = task.kl * ops.mean(batch["ramp"] * divergence)
        return losses.reconstruction(task, sounds, made) + weighted

    return loss


def _make_adversaries(config: Config, generator: Generator, critic: Critic) -> list[Objective]:
    """Makes the objectives of a critic and of the network that is to mislead it."""
    task = _task_of(config)

    def make(batch: Batch, update: int) -> Any:
        return generator.decode(batch["latents"][:, update], {})["sounds"]

    def criticise(batch: Batch, update: int) -> Any:
        # The same shifts for all sounds of a batch, and so on all replicas.
        shifts = batch["shifts"][0, update]
        real = _mono(batch["sounds"][:, update])
        made = ops.stop_gradient(make(batch, update))
        share = batch["between"][:, update, None, None]
        between = real + share * (made - real)
        slope = losses.slope_cost(lambda x: critic(x, shifts=shifts[_BETWEEN]), between)
        gap = ops.mean(critic(made, shifts=shifts[_MADE])) - ops.mean(
            critic(real, shifts=shifts[_REAL])
        )
        return gap + task.penalty * slope

    def mislead(batch: Batch, _update: int) -> Any:
        made = make(batch, task.critic_updates)
        shifts = batch["shifts"][0, task.critic_updates, _MADE]
        return -ops.mean(critic(made, shifts=shifts))

    return [
        Objective(
            "critic", criticise, critic.trainable_variables, task.critic, task.critic_updates
        ),
        Objective("generator", mislead, generator.trainable_variables, _own(config)),
    ]


def _find_numbers(generator: Generator) -> Callable[[Batch, int], Any]:
    """Makes the loss of an encoder that hears what the decoder makes of known numbers."""

    def loss(batch: Batch, _update: int) -> Any:
        sounds = ops.stop_gradient(generator.decode(batch["latents"], {})["sounds"])
        found, _ = generator.distribution(sounds)
        return ops.mean(ops.square(found - batch["latents"]))

    return loss


def _mono(sounds: Any) -> Any:
    return ops.mean(sounds, axis=-1, keepdims=True)


def _own(config: Config) -> Any:
    return config.train.own_optimizer


def _task_of(config: Config) -> GenerationSettings:
    assert isinstance(config.task, GenerationSettings)
    return config.task


def _model_of(config: Config) -> GeneratorSettings:
    assert isinstance(config.model, GeneratorSettings)
    return config.model
