"""Takes steps on all devices that JAX sees: of this process, or of several that work together.

The host draws examples by tf.data, as for TensorFlow, and hands each device its share. Steps are
dispatched without waiting for those before, so that the devices never wait for Python.
"""

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar

import jax
import numpy as np
import tensorflow as tf
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from numpy.typing import NDArray

from data_prep.runtime.datasets import untuned
from trainer.devices.first_values import drawn_as_by_tensorflow
from trainer.devices.jax_step import JaxStep, over_mesh
from trainer.loop.optimisation import Optimisation
from trainer.loop.protocol import RunSteps

_AXIS = "replicas"

_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")


def _naming_lost_processes(function: Callable[_Given, _Answer]) -> Callable[_Given, _Answer]:
    """Says in a sentence that another process of the run is gone, which JAX says in many."""

    @functools.wraps(function)
    def called(*given: _Given.args, **named: _Given.kwargs) -> _Answer:
        try:
            return function(*given, **named)
        except jax.errors.JaxRuntimeError as error:
            if jax.process_count() == 1:
                raise
            reason = str(error).split("\n")[0]
            raise ValueError(
                f"another of the {jax.process_count()} processes of this run ended, or cannot be "
                f"reached ({reason}); give all of them the same command again, they continue from "
                f"the newest checkpoint."
            ) from error

    return called


class JaxDevices:
    """Is all devices of JAX, as the loop sees them (trainer.loop.protocol.Devices)."""

    def __init__(self, chosen: Sequence[jax.Device] | None = None) -> None:
        """Takes these devices, or all."""
        # Examples are drawn on the host: TensorFlow must not take what JAX computes on.
        tf.config.set_visible_devices([], "GPU")
        devices = np.array(jax.devices() if chosen is None else chosen)
        self._mesh = Mesh(devices, (_AXIS,))
        self._whole = NamedSharding(self._mesh, PartitionSpec())
        self._shared = NamedSharding(self._mesh, PartitionSpec(_AXIS))
        self.num_replicas = len(devices)
        self.name = f"{self.num_replicas} x {devices[0].device_kind}, by JAX"
        if jax.process_count() > 1:
            self.name += f" in {jax.process_count()} processes"
        self.is_writer = jax.process_index() == 0

    def scope(self) -> AbstractContextManager[Any]:
        """Returns the context in which a seed gives the weights that it gives on TensorFlow."""
        return drawn_as_by_tensorflow()

    def distribute(self, examples: tf.data.Dataset, batch_size: int) -> Iterator[dict[str, Any]]:
        """Turns examples in order into global batches, of which a process makes its own share."""
        num_hosts = jax.process_count()
        # Batches of examples go to the hosts in turn, so that each has the shares of its replicas.
        shares = examples.batch(batch_size // num_hosts, drop_remainder=True)
        if num_hosts > 1:
            shares = shares.shard(num_hosts, jax.process_index())
        for batch in untuned(shares.prefetch(tf.data.AUTOTUNE)).as_numpy_iterator():
            yield {
                name: jax.make_array_from_process_local_data(self._shared, array)
                for name, array in batch.items()
            }

    def make_program(self, optimisation: Optimisation) -> tuple[JaxStep, Any]:
        """Makes a step, and the program of it on all devices, as preflight compiles it."""
        step = JaxStep(optimisation, _AXIS, self.num_replicas)
        # In memory that nothing else uses: that of the state before a step is gone after it.
        step.keep([jax.device_put(np.array(value), self._whole) for value in step.state])
        return step, over_mesh(step, self._mesh, _AXIS)

    def make_run_steps(self, optimisation: Optimisation) -> RunSteps:
        """Makes what takes a number of steps, each a call of one program."""
        step, take_step = self.make_program(optimisation)

        @_naming_lost_processes
        def run_steps(batches: Iterator[Any], num_steps: int) -> tuple[NDArray[np.float32], float]:
            losses = []
            waited_secs = 0.0
            for _ in range(num_steps):
                asked = time.monotonic()
                batch = next(batches)
                waited_secs += time.monotonic() - asked
                state, of_step = take_step(step.state, batch)
                step.keep(state)
                losses.append(of_step)
            return np.stack([np.asarray(of_step) for of_step in losses]), waited_secs

        return run_steps

    @_naming_lost_processes
    def agree(self, is_so: bool) -> bool:
        """Returns whether it is so in any process."""
        if jax.process_count() == 1:
            return is_so
        return bool(np.any(multihost_utils.process_allgather(np.array(is_so))))
