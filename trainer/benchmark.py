"""Measures how many examples per second this machine trains on, by batch size and dtype.

python -m trainer.benchmark --config=musdb --batches=1,2,4 --out=build/benchmark

The step is that of a training: forward pass, loss, backward pass and optimizer, on every device of
the machine, or with --backend=jax through Keras's JAX backend on one. A table goes to the screen,
benchmark.json and benchmark.png to --out. --ceilings=FILE, which trainer.preflight --json has
written, puts beside it what TPUs can reach at most. On a TPU or a GPU add --set
model.computation=tpu.
"""

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from absl import flags

import configs
from configs import Config
from data_prep.runtime import command
from trainer.tpu.ceilings import load_ceilings
from trainer.tpu.rates import COLOURS, Measurement, draw, row_line, table_head

FLAGS = flags.FLAGS

RunSteps = Callable[[int], float]
"""Takes a number of steps and returns the loss of the last one."""


def make_batch(config: Config) -> dict[str, Any]:
    """Returns noise in place of music, float32, of which half of the instruments play."""
    import numpy as np

    from trainer.tasks.registry import step_of

    rng = np.random.default_rng(0)
    batch = {}
    for name, shape in step_of(config).batch_shapes(config, config.train.batch_size).items():
        noise = rng.standard_normal(shape)
        if name == "labels":
            batch[name] = (noise > 0).astype(np.float32)
        else:
            batch[name] = (0.1 * noise).astype(np.float32)
    return batch


def tensorflow_steps(config: Config, tpu: str) -> RunSteps:
    """Returns the steps of the loop that trains, input and all, on every device of this machine."""
    import tensorflow as tf

    from trainer.devices.strategy import make_strategy
    from trainer.devices.tensorflow_devices import distribute, make_run_steps
    from trainer.loop.optimisation import Optimisation, require_even_batches
    from trainer.tasks.registry import step_of

    strategy = make_strategy(tpu)
    require_even_batches(config.train, strategy.num_replicas_in_sync)
    module = step_of(config)
    with strategy.scope():
        networks = module.make_networks(config)
        objectives = module.make_objectives(config, networks)
        optimisation = Optimisation(config.train, networks, objectives)
    examples = tf.data.Dataset.from_tensor_slices(make_batch(config)).cache().repeat()
    batches = iter(distribute(examples, config.train.batch_size, strategy))
    run_steps = make_run_steps(optimisation, strategy)

    def run(num_steps: int) -> float:
        # (steps, objectives)
        losses, _ = run_steps(batches, tf.constant(num_steps))
        return float(losses[-1, -1])

    return run


def jax_steps(config: Config) -> RunSteps:
    """Returns the same steps as one program of the JAX backend, on one device, with its batch."""
    import jax

    from trainer.devices.jax_step import step_of_config

    step = step_of_config(config)
    # The memory of the state is used again for the state after the step.
    compiled = jax.jit(step, donate_argnums=0)
    batch = jax.device_put(make_batch(config))
    # Copies, as what is donated is gone: the networks keep what they hold.
    state = [jax.numpy.array(value, copy=True) for value in step.state]

    def run(num_steps: int) -> float:
        nonlocal state
        for _ in range(num_steps):
            state, losses = compiled(state, batch)
        # Waits for the last step; those before it may be running still.
        return float(losses[-1])

    return run


def measure(run_steps: RunSteps, batch_size: int, secs: float, rounds: int) -> list[float]:
    """Returns examples per second in each round, after a step that compiles and one that warms up.

    Raises:
        ValueError: the loss is not finite, so what was timed is no training.
    """
    run_steps(1)
    started = time.perf_counter()
    run_steps(1)
    step_secs = time.perf_counter() - started
    num_steps = max(1, round(secs / rounds / step_secs))
    rates = []
    for _ in range(rounds):
        started = time.perf_counter()
        loss = run_steps(num_steps)
        rates.append(batch_size * num_steps / (time.perf_counter() - started))
        if not math.isfinite(loss):
            raise ValueError(
                f"the loss is {loss} after {num_steps} steps; a lower train.learning_rate may help."
            )
    return rates


def measure_all(config: Config, dtypes: Sequence[str], batches: Sequence[int]) -> list[Measurement]:
    """Measures each dtype and batch size, and prints a line for each.

    The sizes are ascending; after one that does not fit the memory no larger one is tried.
    """
    rows = []
    for dtype in dtypes:
        for batch_size in batches:
            row = _measure_one(config, dtype, batch_size)
            rows.append(row)
            print(row_line(row), flush=True)
            if not row.examples_per_sec:
                break
    return rows


def _measure_one(config: Config, dtype: str, batch_size: int) -> Measurement:
    overrides = [f"train.compute_dtype={dtype}", f"train.batch_size={batch_size}"]
    changed = configs.override(config, overrides)
    try:
        if FLAGS.backend == "jax":
            run_steps = jax_steps(changed)
        else:
            run_steps = tensorflow_steps(changed, FLAGS.tpu)
        rates = measure(run_steps, batch_size, FLAGS.secs, FLAGS.rounds)
    except Exception as error:
        # The two frameworks have no class of errors in common.
        if not _is_out_of_memory(error):
            raise
        rates = []
    return Measurement(dtype, batch_size, rates)


def _is_out_of_memory(error: Exception) -> bool:
    return type(error).__name__ == "ResourceExhaustedError" or "RESOURCE_EXHAUSTED" in str(error)


def device_name() -> str:
    """Returns what the steps run on, as its framework calls it."""
    if FLAGS.backend == "jax":
        import jax

        kind = jax.devices()[0].device_kind
        count = 1
    else:
        import tensorflow as tf

        kind = tf.config.list_logical_devices()[-1].device_type
        count = len(tf.config.list_logical_devices(kind))
    name = f"{count} x {kind}"
    if kind.lower() == "cpu":
        name += f" ({os.cpu_count()} cores)"
    return name


def main(_: Sequence[str]) -> int:
    """Measures, prints, draws."""
    # Keras reads it when it is imported.
    os.environ["KERAS_BACKEND"] = FLAGS.backend
    config = configs.load(FLAGS.config, FLAGS.set)
    batches = sorted({int(size) for size in FLAGS.batches})
    ceilings = load_ceilings(FLAGS.ceilings) if FLAGS.ceilings else {}
    command.import_first([FLAGS.backend])
    device = device_name()
    computation = getattr(config.model, "computation", None)
    print(f"{config.name} on {device}, {FLAGS.backend}, model.computation={computation}")
    print(table_head())
    rows = measure_all(config, FLAGS.dtypes, batches)
    for name, rate in ceilings.items():
        print(f"at most on {name}: {rate:,.0f} examples/s (trainer.preflight)")
    _write(config, device, rows, ceilings)
    return command.FINISHED


def _write(
    config: Config, device: str, rows: Sequence[Measurement], ceilings: Mapping[str, float]
) -> None:
    """Writes benchmark.json and benchmark.png to --out, and prints where they are."""
    out = Path(FLAGS.out)
    out.mkdir(parents=True, exist_ok=True)
    result = {
        "config": asdict(config),
        "device": device,
        "backend": FLAGS.backend,
        "rows": [asdict(row) for row in rows],
        "ceilings": ceilings,
    }
    (out / "benchmark.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draw(rows, ceilings, f"{config.name} on {device}, {FLAGS.backend}", out / "benchmark.png")
    print(f"{out}/benchmark.json, {out}/benchmark.png")


if __name__ == "__main__":
    flags.DEFINE_string(
        "config", None, f"experiment, one of {', '.join(configs.experiments())}", required=True
    )
    flags.DEFINE_list("batches", "1,2,4", "batch sizes over all devices")
    flags.register_validator(
        "batches",
        lambda sizes: bool(sizes) and all(size.isdecimal() and int(size) > 0 for size in sizes),
        "expected 1,2,4",
    )
    flags.DEFINE_list("dtypes", "float32,bfloat16", "what to compute in")
    flags.register_validator(
        "dtypes",
        lambda names: bool(names) and set(names) <= set(COLOURS),
        "expected float32,bfloat16",
    )
    flags.DEFINE_enum("backend", "tensorflow", ["tensorflow", "jax"], "what computes")
    flags.DEFINE_string(
        "tpu", "none", "local on a TPU VM, the name of a TPU, or none for GPUs and CPU"
    )
    flags.DEFINE_string("ceilings", None, "file that trainer.preflight --json wrote")
    flags.DEFINE_string("out", "build/benchmark", "folder of the results")
    flags.DEFINE_float("secs", 10, "how long to measure each batch size, about", lower_bound=0)
    flags.DEFINE_integer("rounds", 3, "in how many rounds", lower_bound=1)
    flags.DEFINE_multi_string("set", [], "override, section.field=value; may be repeated")
    command.run(main)
