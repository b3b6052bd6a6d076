"""Looks before a leap: what a run will cost, and whether its networks can learn at all."""

import time
from collections.abc import Mapping

import keras

from configs import Config
from data_prep.runtime.quantities import clock, pluralized, scaled
from data_prep.runtime.system import peak_memory
from trainer.loop.beginning import make_optimisation
from trainer.loop.optimisation import Optimisation, require_even_batches
from trainer.loop.protocol import Devices, Task

_MEASURED_STEPS = 5
_OVERFIT_STEPS = 1000
# From one line to the next.
_OVERFIT_STRIDE = 20


def dry_run(task: Task, config: Config, devices: Devices) -> None:
    """Prints what the run is and costs, the speed measured on a few steps; nothing is written.

    Raises:
        ValueError: the batch does not divide into equal parts.
    """
    settings = config.train
    require_even_batches(settings, devices.num_replicas)
    optimisation = make_optimisation(task, settings, devices)
    run_steps = devices.make_run_steps(optimisation)
    # The run may have fewer steps than are measured.
    examples = task.make_examples(0).repeat()
    batches = devices.distribute(examples, settings.batch_size)
    # The first call compiles.
    run_steps(batches, 1)
    started = time.monotonic()
    _, waited_secs = run_steps(batches, _MEASURED_STEPS)
    step_secs = (time.monotonic() - started) / _MEASURED_STEPS
    waiting = float(waited_secs) / _MEASURED_STEPS / step_secs

    described = task.describe()
    batch = pluralized(settings.batch_size, "example")
    if settings.accumulate > 1:
        batch += f" in {settings.accumulate} parts"
    flops = scaled(described.step_flops, "FLOP")
    memory = scaled(peak_memory(), "B", 1024)
    steps = pluralized(settings.steps, "step")
    duration = clock(step_secs * settings.steps)
    _print_table(
        {
            "parameters": f"{optimisation.count_parameters():,}",
            "a step": f"{batch}, about {flops}, {settings.compute_dtype}",
            **described.rows,
            "weights and optimizer": scaled(_state_bytes(optimisation), "B", 1024),
            "peak memory so far": f"{memory}, with the excerpts held in memory",
            "devices": devices.name,
            "measured": f"{step_secs:.3f} s a step, {waiting:.0%} of it waiting for input",
            "the whole run": f"{steps}, about {duration} and the validations",
        }
    )


def overfit(task: Task, config: Config, devices: Devices) -> None:
    """Trains on the first batch alone until the loss of the first objective collapses.

    Nothing is written.

    Raises:
        ValueError: it does not, or the batch does not divide into equal parts.
    """
    settings = config.train
    require_even_batches(settings, devices.num_replicas)
    run_steps = devices.make_run_steps(make_optimisation(task, settings, devices))
    examples = task.make_examples(0).take(settings.batch_size).cache().repeat()
    batches = devices.distribute(examples, settings.batch_size)
    described = task.describe()
    # (steps, objectives)
    losses, _ = run_steps(batches, 1)
    first = float(losses[0, 0])
    loss = first
    step = 1
    while step < _OVERFIT_STEPS:
        losses, _ = run_steps(batches, _OVERFIT_STRIDE)
        loss = float(losses[-1, 0])
        step += _OVERFIT_STRIDE
        print(f"step {step}: loss {loss:.3e}, {loss / first:.1%} of the first", flush=True)
        if loss < described.learnt_share * first:
            print("The loss collapses: the network, its loss and its gradients work.", flush=True)
            return
    raise ValueError(
        f"the loss of one batch is still {loss / first:.0%} of the first after {step} steps, "
        f"expected below {described.learnt_share:.0%}; the learning rate "
        f"({settings.learning_rate}) or {described.suspect} are the first to check."
    )


def _state_bytes(optimisation: Optimisation) -> int:
    state = [
        *optimisation.weights,
        *optimisation.variables.values(),
        *optimisation.average.values(),
    ]
    return sum(keras.ops.convert_to_numpy(variable).nbytes for variable in state)


def _print_table(rows: Mapping[str, str]) -> None:
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:{width}}  {value}", flush=True)
