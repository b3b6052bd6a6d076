"""Takes steps on the devices of a strategy."""

from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from configs import Train
from data_prep.runtime.datasets import untuned
from trainer.loop.optimisation import Optimisation
from trainer.loop.protocol import Task

RunSteps = Callable[[Iterator[Any], tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""(batches, number of steps) -> losses (steps, objectives), seconds waited for batches."""


def make_optimisation(
    task: Task, settings: Train, strategy: tf.distribute.Strategy
) -> Optimisation:
    """Makes the networks of a task, and what changes their weights, in the scope of a strategy."""
    with strategy.scope():
        networks = task.make_networks()
        return Optimisation(settings, networks, task.make_objectives(networks))


def distribute(examples: tf.data.Dataset, batch_size: int, strategy: tf.distribute.Strategy) -> Any:
    """Turns examples in order into global batches, of which replica r takes the r-th equal share.

    Nothing rewrites or shards the dataset, so that one device and several see the same examples at
    the same step.
    """
    share = batch_size // strategy.num_replicas_in_sync

    def of_host(context: tf.distribute.InputContext) -> tf.data.Dataset:
        shares = shares_of_host(examples.batch(share, drop_remainder=True), context)
        return untuned(shares.prefetch(tf.data.AUTOTUNE))

    return strategy.distribute_datasets_from_function(of_host)


def shares_of_host(shares: tf.data.Dataset, context: tf.distribute.InputContext) -> tf.data.Dataset:
    """Returns the shares of one host, of those of all replicas; a large TPU has several hosts."""
    num_hosts = context.num_input_pipelines
    if num_hosts == 1:
        return shares
    replicas = context.num_replicas_in_sync // num_hosts
    return shares.batch(replicas).shard(num_hosts, context.input_pipeline_id).unbatch()


def make_run_steps(optimisation: Optimisation, strategy: tf.distribute.Strategy) -> RunSteps:
    """Makes a compiled function that takes a number of steps in one call.

    A step takes every objective in order, each with all of its updates; its loss is that of the
    last of them.
    """
    num_replicas = strategy.num_replicas_in_sync

    def replica_step(batch: Any) -> tf.Tensor:
        losses = []
        for optimizer in optimisation.optimizers:
            objective = optimizer.objective
            for update in range(objective.updates_per_step):
                with tf.GradientTape() as tape:
                    # Gradients are summed over replicas: of the mean over the global batch each
                    # owes its share.
                    loss = objective.loss(batch, update) / num_replicas
                optimizer.apply(tape.gradient(loss, objective.weights))
            losses.append(loss)
        optimisation.end_step()
        return tf.stack(losses)

    @tf.function
    def run_steps(batches: Iterator[Any], num_steps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        num_objectives = len(optimisation.optimizers)
        losses = tf.TensorArray(tf.float32, num_steps, element_shape=[num_objectives])
        waited_secs = tf.zeros([], tf.float64)
        for i in tf.range(num_steps):
            asked = tf.timestamp()
            batch = next(batches)
            waited_secs += tf.timestamp() - asked
            replica_losses = strategy.run(replica_step, args=(batch,))
            summed = strategy.reduce(tf.distribute.ReduceOp.SUM, replica_losses, axis=None)
            losses = losses.write(i, summed)
        return losses.stack(), waited_secs

    return run_steps
