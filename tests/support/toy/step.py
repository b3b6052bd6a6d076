"""The step of the toy task, for any Keras backend: two networks, two optimizers."""

import keras
from keras import ops

from trainer.loop.protocol import Objective
from trainer.networks import make_network
from trainer.tasks.separation import step


def make_networks(config):
    critic = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(
                1, kernel_initializer=keras.initializers.GlorotUniform(3), name="score"
            ),
        ],
        name="toy_critic",
    )
    return {"separator": make_network(config), "critic": critic}


def make_objectives(config, networks):
    separator = networks["separator"]
    critic = networks["critic"]

    def energy(waveforms):
        """Is what the critic hears of estimates (B, K, T, C): (B, 1)."""
        return ops.mean(ops.square(waveforms), axis=(1, 2, 3))[:, None]

    def estimate(batch):
        conditions = {"labels": batch["labels"]}
        return separator(batch["mixture"], conditions, training=True)["estimates"]

    def criticise(batch, update):
        # Each update hears other noise, which the batch brings along.
        noise = batch["noise"][:, update]
        real = energy(batch["sources"] + noise[:, None, None, None])
        fake = energy(ops.stop_gradient(estimate(batch)))
        return ops.mean(ops.square(critic(real) - 1) + ops.square(critic(fake)))

    def imitate(batch, _update):
        estimates = estimate(batch)
        error = ops.mean(ops.square(batch["sources"] - estimates))
        return error + 1e-3 * ops.mean(ops.square(critic(energy(estimates)) - 1))

    task = config.task
    return [
        Objective(
            "critic", criticise, critic.trainable_variables, task.critic, task.num_critic_updates
        ),
        Objective("separator", imitate, separator.trainable_variables, config.train.own_optimizer),
    ]


def batch_shapes(config, batch_size):
    noise = (batch_size, config.task.num_critic_updates)
    return {**step.batch_shapes(config, batch_size), "noise": noise}
