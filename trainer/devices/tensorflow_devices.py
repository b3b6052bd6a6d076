"""Takes steps on the devices of a strategy of TensorFlow."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from data_prep.runtime.datasets import untuned
from trainer.loop.optimisation import ObjectiveOptimizer, Optimisation
from trainer.loop.protocol import Batch, RunSteps

_RunSteps = Callable[[Iterator[Any], tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class TensorFlowDevices:
    """Is a strategy of TensorFlow, as the loop sees it (trainer.loop.protocol.Devices)."""

    is_writer = True

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self._strategy = strategy
        self.num_replicas = strategy.num_replicas_in_sync
        kind = tf.config.list_logical_devices()[-1].device_type
        self.name = f"{self.num_replicas} x {kind}"

    def scope(self) -> AbstractContextManager[Any]:
        """Returns the scope of the strategy."""
        scope: AbstractContextManager[Any] = self._strategy.scope()
        return scope

    def distribute(self, examples: tf.data.Dataset, batch_size: int) -> Iterator[Any]:
        """Turns examples in order into global batches."""
        return iter(distribute(examples, batch_size, self._strategy))

    def make_run_steps(self, optimisation: Optimisation) -> RunSteps:
        """Makes a compiled function that takes a number of steps in one call."""
        compiled = make_run_steps(optimisation, self._strategy)

        def run_steps(batches: Iterator[Any], num_steps: int) -> tuple[NDArray[np.float32], float]:
            losses, waited_secs = compiled(batches, tf.constant(num_steps))
            return losses.numpy(), float(waited_secs)

        return run_steps

    def agree(self, is_so: bool) -> bool:
        """Returns what it is told: one process works for all devices."""
        return is_so


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


def make_run_steps(optimisation: Optimisation, strategy: tf.distribute.Strategy) -> _RunSteps:
    """Makes a compiled function that takes a number of steps in one call.

    A step takes every objective in order, each with all of its updates; its loss is that of the
    last of them.
    """
    replica_step = _make_replica_step(optimisation, strategy.num_replicas_in_sync)

    def take_step(batches: Iterator[Any]) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the losses of the objectives, and the seconds waited for the batch."""
        asked = tf.timestamp()
        batch = next(batches)
        waited_secs = tf.timestamp() - asked
        replica_losses = strategy.run(replica_step, args=(batch,))
        summed = strategy.reduce(tf.distribute.ReduceOp.SUM, replica_losses, axis=None)
        return summed, waited_secs

    if optimisation.num_parts > 1:
        return _one_by_one(tf.function(take_step))

    @tf.function
    def run_steps(batches: Iterator[Any], num_steps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        num_objectives = len(optimisation.optimizers)
        losses = tf.TensorArray(tf.float32, num_steps, element_shape=[num_objectives])
        waited_secs = tf.zeros([], tf.float64)
        for i in tf.range(num_steps):
            of_step, waited_for_batch = take_step(batches)
            waited_secs += waited_for_batch
            losses = losses.write(i, of_step)
        return losses.stack(), waited_secs

    return run_steps


def _make_replica_step(
    optimisation: Optimisation, num_replicas: int
) -> Callable[[Batch], tf.Tensor]:
    """Makes what a replica does in a step: its share of a batch -> its shares of the losses."""
    num_parts = optimisation.num_parts
    # Gradients are summed over replicas and parts: of the mean over the global batch each owes its
    # share.
    num_shares = num_replicas * num_parts

    def take_update(optimizer: ObjectiveOptimizer, update: int, batch: Batch) -> tf.Tensor:
        objective = optimizer.objective

        def share_of_loss(part: Batch) -> Any:
            return objective.loss(part, update) / num_shares

        loss, gradients = differentiate(share_of_loss, objective.weights, batch, num_parts)
        optimizer.apply(gradients)
        return loss

    def replica_step(batch: Batch) -> tf.Tensor:
        losses = []
        for optimizer in optimisation.optimizers:
            for update in range(optimizer.objective.updates_per_step):
                loss = take_update(optimizer, update, batch)
            losses.append(loss)
        optimisation.end_step()
        return tf.stack(losses)

    return replica_step


def _one_by_one(take_step: Callable[[Iterator[Any]], tuple[tf.Tensor, tf.Tensor]]) -> _RunSteps:
    """Makes a function that has the host start every step, each a loop over parts of its batch.

    Such a loop within a loop of steps fails in TensorFlow 2.19: where memory is scarce, Grappler
    gives a sum of gradients a temporary variable, which the last turn of the inner loop leaves
    behind and the next call finds (AlreadyExistsError). A step of several parts is long enough for
    the host to keep up.
    """

    def run_steps(batches: Iterator[Any], num_steps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        taken = [take_step(batches) for _ in range(int(num_steps))]
        losses, waited_secs = zip(*taken, strict=True)
        return tf.stack(losses), tf.add_n(waited_secs)

    return run_steps


def differentiate(
    loss: Callable[[Batch], Any], weights: Sequence[keras.Variable], batch: Batch, num_parts: int
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Computes the sum of a loss over the parts of a batch, and its gradients, in float32.

    The parts are equal, contiguous and taken one after the other, so that no more memory is taken
    than by one of them.

    Args:
        loss: of a part; its share where the loss of the batch is a mean over examples.
        weights: to which gradients belong; that of a weight without influence is 0.
        batch: the arrays, of as many examples as divide into the parts.
        num_parts: how many there are.
    """

    def differentiate_part(part: Batch) -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            share = loss(part)
        unconnected = tf.UnconnectedGradients.ZERO
        return share, tape.gradient(share, weights, unconnected_gradients=unconnected)

    if num_parts == 1:
        return differentiate_part(batch)

    def add_part(i: tf.Tensor, summed: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        part = {name: _part(array, i, num_parts) for name, array in batch.items()}
        share, gradients = differentiate_part(part)
        of_part = [share, *gradients]
        added = [
            total + tf.cast(term, tf.float32) for total, term in zip(summed, of_part, strict=True)
        ]
        return i + 1, added

    zeros = [tf.zeros([]), *(tf.zeros(weight.shape) for weight in weights)]
    _, (total, *gradients) = tf.while_loop(
        lambda i, _: i < num_parts,
        add_part,
        (tf.constant(0), zeros),
        # Else parts would be computed side by side, each in memory of its own.
        parallel_iterations=1,
    )
    return total, gradients


def _part(array: tf.Tensor, i: tf.Tensor, num_parts: int) -> tf.Tensor:
    """Returns part i of the examples of an array (B, ...), in a static shape (B / parts, ...)."""
    num_examples = array.shape[0] // num_parts
    others = array.shape[1:]
    begin = [i * num_examples, *(0 for _ in others)]
    return tf.slice(array, begin, [num_examples, *others])
