"""Lets processes work together by JAX, each on the devices of its own host."""

import jax

# The word for a slice of a TPU, which knows its hosts.
AUTO = "auto"


def join_processes(coordinator: str, num_processes: int | None, process: int | None) -> None:
    """Joins the others, before anything is computed; waits until all are there.

    Args:
        coordinator: address and port of the first, which all others reach, or ``auto``.
        num_processes: how many there are.
        process: the number of this one, from 0.

    Raises:
        ValueError: the processes are not named, or do not find each other.
    """
    if coordinator == AUTO:
        jax.distributed.initialize()
        return
    if num_processes is None or process is None or process >= num_processes:
        raise ValueError(
            f"--coordinator={coordinator} needs --num_processes=N and --process=I, I from 0 to "
            f"N - 1; there are {num_processes} and {process}."
        )
    # Of CPUs; TPUs and GPUs have their own.
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(coordinator, num_processes, process)
    except (RuntimeError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(
            f"the {num_processes} processes do not find each other at {coordinator} ({reason}); "
            f"give all of them the same address, of process 0, and start them together."
        ) from error
