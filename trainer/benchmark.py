"""Measure how many examples per second this machine trains on, by batch size, in float32 and bfloat16.

python -m trainer.benchmark --config=musdb --batches=1,2,4 --out=build/benchmark

The step is that of a training: forward pass, loss, backward pass and optimizer, on every device of the machine, or with
--backend=jax through Keras's JAX backend on one. A table goes to the screen, benchmark.json and benchmark.png to --out.
--ceilings=FILE, which trainer.preflight --json has written, puts beside it what TPUs can reach at most. On a TPU or a
GPU add --set model.computation=tpu.
"""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from absl import flags

import configs
from configs import Config
from data_prep.runtime import command

FLAGS = flags.FLAGS
_COLOURS = {"float32": "#4269d0", "bfloat16": "#ff725c"}
_STYLES = ("-", "--", "-.", ":")  # of the ceilings, one for each kind of chip

RunSteps = Callable[[int], float]
"""Takes a number of steps and returns the loss of the last one."""


@dataclass(frozen=True)
class Measurement:
    """What was measured of one batch size."""

    dtype: str
    batch_size: int
    examples_per_sec: list[float]  # one per round; none where the batch does not fit


def make_batch(config: Config) -> dict[str, Any]:
    """Noise in place of music, of which half of the instruments play; float32."""
    from trainer.tasks.registry import step_of

    rng = np.random.default_rng(0)
    shapes = step_of(config).batch_shapes(config, config.train.batch_size)
    batch = {
        name: (0.1 * rng.standard_normal(shape)).astype(np.float32)
        for name, shape in shapes.items()
    }
    return {**batch, "labels": (batch["labels"] > 0).astype(np.float32)}


def tensorflow_steps(config: Config, tpu: str) -> RunSteps:
    """Steps of the loop that trains, input and all, on every device of this machine."""
    import tensorflow as tf

    from trainer.loop.optimisation import Optimisation
    from trainer.loop.steps import distribute, make_run_steps
    from trainer.loop.strategy import make_strategy
    from trainer.tasks.registry import step_of

    strategy = make_strategy(tpu)
    module = step_of(config)
    with strategy.scope():
        networks = module.make_networks(config)
        objectives = module.make_objectives(config, networks)
        optimisation = Optimisation(config.train, networks, objectives)
    examples = tf.data.Dataset.from_tensor_slices(make_batch(config)).cache().repeat()
    batches = iter(distribute(examples, config.train.batch_size, strategy))
    run_steps = make_run_steps(optimisation, strategy)
    return lambda num_steps: float(run_steps(batches, tf.constant(num_steps))[0][-1, -1])


def jax_steps(config: Config) -> RunSteps:
    """The same steps as one program of the JAX backend, on one device, which holds the batch."""
    import jax

    from trainer.tpu.jax_step import JaxStep

    step = JaxStep(config)
    compiled = jax.jit(step, donate_argnums=0)
    batch = jax.device_put(make_batch(config))
    state = [jax.numpy.array(value, copy=True) for value in step.state]  # what is donated is gone

    def run(num_steps: int) -> float:
        nonlocal state
        for _ in range(num_steps):
            state, loss = compiled(state, batch)
        return float(loss)

    return run


def measure(run_steps: RunSteps, batch_size: int, secs: float, rounds: int) -> list[float]:
    """Examples per second in each round, after a step that compiles and one that warms up.

    Raises:
        ValueError: the loss is not finite, so what was timed is no training.
    """
    run_steps(1)
    started = time.perf_counter()
    run_steps(1)
    num_steps = max(1, round(secs / rounds / (time.perf_counter() - started)))
    rates = []
    for _ in range(rounds):
        started = time.perf_counter()
        loss = run_steps(num_steps)
        rates.append(batch_size * num_steps / (time.perf_counter() - started))
        if not np.isfinite(loss):
            raise ValueError(
                f"the loss is {loss} after {num_steps} steps; a lower train.learning_rate may help."
            )
    return rates


def measure_all(config: Config, dtypes: Sequence[str], batches: Sequence[int]) -> list[Measurement]:
    """A row for each dtype and batch size, the sizes ascending; after one that does not fit no larger one is tried."""
    rows = []
    for dtype in dtypes:
        for batch_size in batches:
            changed = configs.override(
                config, [f"train.compute_dtype={dtype}", f"train.batch_size={batch_size}"]
            )
            try:
                run_steps = (
                    jax_steps(changed)
                    if FLAGS.backend == "jax"
                    else tensorflow_steps(changed, FLAGS.tpu)
                )
                rows.append(
                    Measurement(
                        dtype, batch_size, measure(run_steps, batch_size, FLAGS.secs, FLAGS.rounds)
                    )
                )
            except Exception as error:
                if not _is_out_of_memory(error):
                    raise
                rows.append(Measurement(dtype, batch_size, []))
            print(row_line(rows[-1]), flush=True)
            if not rows[-1].examples_per_sec:
                break
    return rows


def _is_out_of_memory(error: Exception) -> bool:
    return type(error).__name__ == "ResourceExhaustedError" or "RESOURCE_EXHAUSTED" in str(error)


def row_line(row: Measurement) -> str:
    """A line of the table."""
    rates = row.examples_per_sec
    if not rates:
        return f"{row.dtype:9} {row.batch_size:6}  does not fit the memory"
    span, step_ms = f"{min(rates):,.2f}-{max(rates):,.2f}", 1e3 * row.batch_size / median(rates)
    return f"{row.dtype:9} {row.batch_size:6} {median(rates):12,.2f} {span:>22} {step_ms:9,.1f} ms"


def device_name() -> str:
    """What the steps run on, as its framework calls it."""
    if FLAGS.backend == "jax":
        import jax

        kind, count = jax.devices()[0].device_kind, 1
    else:
        import tensorflow as tf

        kind = tf.config.list_logical_devices()[-1].device_type
        count = len(tf.config.list_logical_devices(kind))
    return f"{count} x {kind}" + (f" ({os.cpu_count()} cores)" if kind.lower() == "cpu" else "")


def load_ceilings(path: str) -> dict[str, float]:
    """Examples per second at most by the name of a line, such as ``4 x v5e, bfloat16``.

    Raises:
        ValueError: the file is not what preflight writes.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        num_chips, dtype = found["program"]["num_cores"], found["config"]["train"]["compute_dtype"]
        return {
            f"{num_chips} x {row['chip']}, {dtype}": float(row["examples_per_sec"])
            for row in found["ceilings"]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not what trainer.preflight --json writes ({error})."
        ) from error


def draw(
    rows: Sequence[Measurement], ceilings: Mapping[str, float], title: str, path: Path
) -> None:
    """Examples per second against batch size, both logarithmic, the range of the rounds shaded."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot(
        xscale="log", yscale="log", title=title, xlabel="batch size", ylabel="examples / s"
    )
    for dtype in dict.fromkeys(row.dtype for row in rows):
        measured = [row for row in rows if row.dtype == dtype and row.examples_per_sec]
        sizes = [row.batch_size for row in measured]
        rates = [row.examples_per_sec for row in measured]
        axes.plot(
            sizes, [*map(median, rates)], "o-", color=_COLOURS[dtype], label=f"{dtype}, measured"
        )
        axes.fill_between(
            sizes,
            [*map(min, rates)],
            [*map(max, rates)],
            color=_COLOURS[dtype],
            alpha=0.2,
            linewidth=0,
        )
    for (name, rate), style in zip(
        sorted(ceilings.items(), key=lambda item: -item[1]), _STYLES, strict=False
    ):
        axes.axhline(
            rate,
            linestyle=style,
            color="#555555",
            linewidth=1,
            label=f"{name}:\n{rate:,.0f} at most",
        )
    sizes = sorted({row.batch_size for row in rows})
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="minor", length=0)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    figure.savefig(path, dpi=150)


def main(_: Sequence[str]) -> int:
    """Measure, print, draw."""
    os.environ["KERAS_BACKEND"] = FLAGS.backend
    config = configs.load(FLAGS.config, FLAGS.set)
    batches = sorted({int(size) for size in FLAGS.batches})
    ceilings = load_ceilings(FLAGS.ceilings) if FLAGS.ceilings else {}
    device = device_name()
    print(
        f"{config.name} on {device}, {FLAGS.backend}, model.computation={getattr(config.model, 'computation', None)}"
    )
    print(f"{'dtype':9} {'batch':>6} {'examples/s':>12} {'min-max':>22} {'step':>12}")
    rows = measure_all(config, FLAGS.dtypes, batches)
    for name, rate in ceilings.items():
        print(f"at most on {name}: {rate:,.0f} examples/s (trainer.preflight)")
    out = Path(FLAGS.out)
    out.mkdir(parents=True, exist_ok=True)
    facts = {
        "config": json.loads(configs.to_json(config)),
        "device": device,
        "backend": FLAGS.backend,
    }
    result = {**facts, "rows": [asdict(row) for row in rows], "ceilings": ceilings}
    (out / "benchmark.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draw(rows, ceilings, f"{config.name} on {device}, {FLAGS.backend}", out / "benchmark.png")
    print(f"{out}/benchmark.json, {out}/benchmark.png")
    return command.FINISHED


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
        lambda names: bool(names) and set(names) <= set(_COLOURS),
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
