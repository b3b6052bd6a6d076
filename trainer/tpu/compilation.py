"""Compiles the training step for a TPU that is not there: its memory, arithmetic and traffic.

libtpu, the compiler and runtime of a TPU, compiles for a named topology without one. It is imported
after ``prepare_environment`` has said which.
"""

import math
import os
import time
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from configs import Config
from trainer.tpu.chips import accelerator_type, split_topology
from trainer.tpu.traffic import Loops, count_loops, iter_traffic

# The axis of the mesh along which a batch is shared out.
_AXIS = "cores"


@dataclass(frozen=True)
class Program:
    """Holds what the compiler says of a step; bytes and operations are per core and step."""

    topology: str
    compiler: str
    num_cores: int
    batch_per_core: int
    # Parts of that, taken one after the other in the memory of one.
    num_parts: int
    num_parameters: int
    # Of a batch, from the host.
    example_bytes: int
    # Weights, optimizer and batch.
    argument_bytes: int
    temporary_bytes: int
    program_bytes: int
    flops: float
    # To and from device memory (trainer.tpu.traffic).
    traffic_bytes: int
    compile_secs: float
    # Of loops that do not say how often they run; each counts once in the traffic.
    num_untold_loops: int = 0

    @property
    def peak_bytes(self) -> int:
        """Returns the device memory in all."""
        # The results take the place of the arguments, which are donated.
        return self.argument_bytes + self.temporary_bytes + self.program_bytes


class DoesNotFitError(ValueError):
    """Says that the step needs more memory than a core has."""


def prepare_environment(topology: str) -> None:
    """Sets what libtpu asks of a machine without a TPU, and Keras of one without TensorFlow.

    It does so before either is imported.

    Raises:
        ValueError: there is no such topology, or no libtpu in this environment.
    """
    os.environ["TPU_ACCELERATOR_TYPE"] = accelerator_type(topology)
    if find_spec("libtpu") is None or find_spec("jax") is None:
        raise ValueError(
            "this environment has no jax and libtpu; use that of make preflight "
            'ARGS="--config=...".'
        )
    # Else libtpu asks the metadata server of Google Cloud, which does not answer.
    os.environ["TPU_SKIP_MDS_QUERY"] = "1"
    os.environ["TPU_WORKER_HOSTNAMES"] = "localhost"
    # Else a second process is refused, though there is no TPU to hold.
    os.environ["ALLOW_MULTIPLE_LIBTPU_LOAD"] = "1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["KERAS_BACKEND"] = "jax"
    os.environ.setdefault("TPU_STDERR_LOG_LEVEL", "3")
    os.environ.setdefault("TPU_MIN_LOG_LEVEL", "3")


def compile_step(config: Config, topology: str) -> Program:
    """Compiles a training step for every core of a topology.

    This is forward pass, loss, backward pass, optimizer and the sum over cores.

    Raises:
        DoesNotFitError: a core has too little memory.
        ValueError: the batch does not divide among the cores, there is no such topology, or it does
            not compile.
    """
    from importlib.metadata import version

    from trainer.devices.jax_step import step_of_config
    from trainer.loop.optimisation import require_even_batches
    from trainer.tasks.registry import step_of

    devices = _devices(topology)
    batch_size = config.train.batch_size
    num_cores = len(devices)
    require_even_batches(config.train, num_cores, f"cores of {topology}")
    step = step_of_config(config, _AXIS, num_cores)
    step.forget_values()
    shapes = step_of(config).batch_shapes(config, batch_size)
    started = time.monotonic()
    compiled = _compile(step, shapes, devices, config, topology)
    memory = compiled.memory_analysis()
    text = compiled.as_text()
    loops = count_loops(text)
    counted = _count_flops(step, compiled.cost_analysis()["flops"], config.train.accumulate)
    # A batch is float32 throughout.
    batch_bytes = sum(4 * math.prod(shape) for shape in shapes.values())
    return Program(
        topology=topology,
        compiler=f"libtpu {version('libtpu')}, jax {version('jax')}",
        num_cores=num_cores,
        batch_per_core=batch_size // num_cores,
        num_parts=config.train.accumulate,
        num_parameters=step.num_parameters,
        example_bytes=batch_bytes // batch_size,
        argument_bytes=memory.argument_size_in_bytes,
        temporary_bytes=memory.temp_size_in_bytes,
        program_bytes=memory.generated_code_size_in_bytes,
        flops=_with_loops(counted, loops, step, config, batch_size // num_cores),
        traffic_bytes=sum(traffic.num_bytes for traffic in iter_traffic(text)),
        compile_secs=time.monotonic() - started,
        num_untold_loops=loops.num_untold,
    )


def _with_loops(
    counted: float, loops: Loops, step: Any, config: Config, batch_per_core: int
) -> float:
    """Returns the arithmetic of a step whose networks have loops, which XLA counts once.

    It is that of the networks by their own count, forward and backward, where that is more: a
    network that goes from column to column is little but a loop.
    """
    of_networks = [trips for trips in loops.told if trips != config.train.accumulate]
    if not of_networks and not loops.num_untold:
        return counted
    num_passes = 4 if config.train.rematerialise else 3
    return max(counted, float(num_passes * batch_per_core * step.forward_flops))


def _count_flops(step: Any, counted: float, num_parts: int) -> float:
    """Returns the arithmetic of a step, of which XLA counts a loop as if it ran once.

    Args:
        step: a ``JaxStep``.
        counted: what XLA says of it.
        num_parts: how often the loop over the parts of a batch runs.
    """
    import jax

    if num_parts == 1:
        return counted
    # What moves the weights is not in the loop.
    moving = jax.jit(step.move).lower(step.state).cost_analysis()["flops"]
    return counted + (num_parts - 1) * (counted - moving)


def _compile(
    step: Any, shapes: dict[str, tuple[int, ...]], devices: Any, config: Config, topology: str
) -> Any:
    """Compiles a ``JaxStep`` for devices that are not there, and returns JAX's ``Compiled``."""
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    from trainer.devices.jax_step import over_mesh

    mesh = Mesh(devices, (_AXIS,))
    whole = PartitionSpec()
    shared = PartitionSpec(_AXIS)

    def abstract(shape: tuple[int, ...], dtype: Any, spec: PartitionSpec) -> Any:
        return jax.ShapeDtypeStruct(shape, dtype, sharding=NamedSharding(mesh, spec))

    state = [abstract(value.shape, value.dtype, whole) for value in step.state]
    batch = {name: abstract(shape, "float32", shared) for name, shape in shapes.items()}
    lowered = over_mesh(step, mesh, _AXIS).lower(state, batch)
    try:
        return lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        raise _reason(error, config, topology) from error


def _devices(topology: str) -> Any:
    """Returns the devices of a topology as an array, for a mesh."""
    import numpy as np
    from jax.errors import JaxRuntimeError
    from jax.experimental import topologies

    split_topology(topology)
    try:
        description = topologies.get_topology_desc(platform="tpu", topology_name=topology)
    except (JaxRuntimeError, ValueError, RuntimeError) as error:
        raise ValueError(f"libtpu has no topology {topology!r} ({_first_line(error)}).") from error
    return np.array(description.devices)


def _reason(error: Exception, config: Config, topology: str) -> ValueError:
    """Returns an error that says in one sentence why a step did not compile."""
    text = str(error)
    if "RESOURCE_EXHAUSTED" in text or "HbmOom" in text:
        return DoesNotFitError(
            f"a batch of {config.train.batch_size} does not fit {topology}: {_first_line(error)}; "
            f"use a smaller train.batch_size or more chips, or take it in parts (train.accumulate) "
            f"or keep less of it (train.rematerialise=true)."
        )
    return ValueError(f"the step does not compile for {topology}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line.removeprefix("RESOURCE_EXHAUSTED: ").rstrip(".")
