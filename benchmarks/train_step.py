"""Times one training step of the published network against the same written plainly.

python -m benchmarks.train_step --levels=12 --batch=2 --rounds=5 --dtypes=float32,bfloat16
--torch_python=ENV/bin/python

A step is forward pass, backward pass and Adam. All run on the CPU, in turn in every round, because
the speed of a machine drifts; the PyTorch rival does so in a process of its own. All begin with the
same weights, and one that does not learn the same from the same batch is not timed: that is an
error. Leave the machine idle otherwise: the threads of PyTorch wait for each other by spinning,
which costs them far more than their share where another program has a core
(OMP_WAIT_POLICY=passive spares them most of it).
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from statistics import median

import numpy as np
import tensorflow as tf
from absl import flags

import configs
from benchmarks.rivals import (
    TOLERANCES,
    Contestant,
    Weights,
    has_torch,
    make_tensorflow_step,
    plain_pytorch,
    plain_tensorflow,
    warm_up,
)
from configs import Config
from data_prep.runtime import command
from trainer.loop.protocol import Batch
from trainer.networks import make_network
from trainer.tasks.separation.step import batch_shapes, loss_of_batch

FLAGS = flags.FLAGS
OURS = ("cpu", "tpu", "plain")
BASELINE = "ours cpu"
MATRIX_SIZE = 2048


@dataclass(frozen=True)
class Row:
    """Holds what was measured of one contestant."""

    contestant: str
    dtype: str
    # One per round.
    seconds: list[float]
    # To BASELINE of the same dtype, the median over rounds.
    ratio: float
    # Useful ones per second.
    gflops: float
    # Of the rate of the matrix product.
    share: float


def make_batch(config: Config) -> Batch:
    """Returns noise, with labels of which about half are set."""
    rng = np.random.default_rng(0)
    shapes = batch_shapes(config, config.train.batch_size)
    sources = 0.1 * rng.standard_normal(shapes["sources"])
    mixture = 0.3 * rng.standard_normal(shapes["mixture"])
    labels = rng.integers(0, 2, shapes["labels"])
    batch = {"mixture": mixture, "sources": sources, "labels": labels}
    return {name: array.astype(np.float32) for name, array in batch.items()}


def make_weights(config: Config) -> Weights:
    """Returns the weights that a training begins with, save that no bias is 0.

    A rival that forgets one then disagrees.
    """
    rng = np.random.default_rng(0)
    weights = {variable.path: variable.numpy() for variable in make_network(config).variables}
    for path in sorted(weights):
        if path.endswith("bias"):
            weights[path] = 0.1 * rng.standard_normal(weights[path].shape).astype(np.float32)
    return weights


def ours(config: Config, weights: Weights, batch: Batch) -> Contestant:
    """Returns the network of the project with the computation that the config names."""
    network = make_network(config)
    for variable in network.variables:
        variable.assign(weights[variable.path])

    def loss(data: Batch) -> tf.Tensor:
        return loss_of_batch(network, data, config)

    computation = getattr(config.model, "computation", None)
    step = make_tensorflow_step(config, network, loss, batch)
    return Contestant(f"ours {computation}", config.train.compute_dtype, step)


def make_config(dtype: str) -> Config:
    """Returns the published network in the size that the flags say."""
    overrides = [
        f"model.num_levels={FLAGS.levels}",
        f"model.num_filters={FLAGS.filters}",
        f"train.batch_size={FLAGS.batch}",
        f"train.compute_dtype={dtype}",
    ]
    return configs.load("urmp_labels", overrides)


def make_contestants(
    config: Config, torch_python: str | None, stack: ExitStack
) -> list[Contestant]:
    """Returns all contestants of a dtype; the others are compared with the first."""
    weights = make_weights(config)
    batch = make_batch(config)
    contestants = []
    for computation in OURS:
        changed = configs.override(config, [f"model.computation={computation}"])
        contestants.append(ours(changed, weights, batch))
    contestants.append(plain_tensorflow(config, weights, batch))
    if torch_python:
        rival = plain_pytorch(torch_python, config, weights, batch)
        contestants.append(stack.enter_context(rival))
    return contestants


def make_matrix_product() -> Callable[[], float]:
    """Returns a product of square float32 matrices, whose rate is what the machine can do."""
    matrix = tf.random.stateless_normal((MATRIX_SIZE, MATRIX_SIZE), seed=(0, 0))
    return lambda: float(tf.matmul(matrix, matrix)[0, 0])


def seconds_of(call: Callable[[], float]) -> float:
    """Returns how long a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def make_rows(
    contestants: Sequence[Contestant], seconds: Sequence[list[float]], flops: float, rate: float
) -> list[Row]:
    """Returns a row for each contestant.

    Args:
        contestants: those that were timed.
        seconds: of each, one for every round.
        flops: useful operations of a step.
        rate: operations per second of the matrix product.
    """
    timed = list(zip(contestants, seconds, strict=True))
    baselines = {one.dtype: times for one, times in timed if one.name == BASELINE}
    rows = []
    for contestant, times in timed:
        # Round by round: what slows the machine for a while slows both.
        pairs = zip(times, baselines[contestant.dtype], strict=True)
        achieved = flops / median(times)
        row = Row(
            contestant=contestant.name,
            dtype=contestant.dtype,
            seconds=times,
            ratio=median(mine / baseline for mine, baseline in pairs),
            gflops=achieved / 1e9,
            share=achieved / rate,
        )
        rows.append(row)
    return rows


def print_table(rows: Sequence[Row]) -> None:
    """Prints a line per contestant."""
    print(
        f"{'contestant':<17} {'dtype':<9} {'median s':>9} {'min-max s':>17} {'/ ours cpu':>11} "
        f"{'GFLOP/s':>8}  share"
    )
    for row in rows:
        span = f"{min(row.seconds):.3f}-{max(row.seconds):.3f}"
        print(
            f"{row.contestant:<17} {row.dtype:<9} {median(row.seconds):9.3f} {span:>17} "
            f"{row.ratio:11.2f} {row.gflops:8.1f} {row.share:6.1%}"
        )


def main(_: Sequence[str]) -> int:
    """Makes the contestants, times them in rounds, prints a table."""
    tf.config.set_visible_devices([], "GPU")
    experiments = [make_config(dtype) for dtype in FLAGS.dtypes]
    torch_python = FLAGS.torch_python or sys.executable
    if not has_torch(torch_python):
        print(
            "PyTorch is not installed: left out (--torch_python names an interpreter that has it)"
        )
        torch_python = None
    with ExitStack() as stack:
        groups = [make_contestants(config, torch_python, stack) for config in experiments]
        for group in groups:
            warm_up(group)
        contestants = [contestant for group in groups for contestant in group]
        calls = [make_matrix_product(), *(contestant.step for contestant in contestants)]
        seconds_of(calls[0])
        rounds = [[seconds_of(call) for call in calls] for _ in range(FLAGS.rounds)]
    # (rounds, calls) -> (calls, rounds)
    product_seconds, *seconds = (list(times) for times in zip(*rounds, strict=True))
    report(experiments[0], contestants, product_seconds, seconds)
    return command.FINISHED


def report(
    config: Config,
    contestants: Sequence[Contestant],
    product_seconds: list[float],
    seconds: Sequence[list[float]],
) -> None:
    """Prints what was measured, as text, and as JSON if asked for."""
    rate = 2 * MATRIX_SIZE**3 / median(product_seconds)
    network = make_network(config)
    pruned = network.forward_flops(pruned=True)
    whole = network.forward_flops(pruned=False)
    # The backward pass has a product for the inputs and one for the weights.
    flops = 3 * pruned * FLAGS.batch
    rows = make_rows(contestants, seconds, flops, rate)
    print(
        f"\n{FLAGS.levels} levels, {FLAGS.filters} filters, {len(config.data.sources)} slots, "
        f"batch {FLAGS.batch}, {FLAGS.rounds} rounds, {os.cpu_count()} CPUs, TensorFlow "
        f"{tf.__version__}\n"
        f"forward pass of an example: {pruned / 1e9:.1f} GFLOP that something uses, "
        f"{whole / 1e9:.1f} as usually written\n"
        f"matrix product, {MATRIX_SIZE} x {MATRIX_SIZE}, float32: {rate / 1e9:.1f} GFLOP/s\n"
        f"GFLOP/s: the {flops / 1e9:.1f} of use in a step, by its seconds; share: of the matrix "
        f"product's\n"
    )
    print_table(rows)
    if FLAGS.json:
        result = {name: FLAGS[name].value for name in ("levels", "filters", "batch", "rounds")}
        result["cpus"] = os.cpu_count()
        result["useful_gflop_per_step"] = flops / 1e9
        result["product_gflops"] = rate / 1e9
        result["rows"] = [asdict(row) for row in rows]
        print(json.dumps(result))


if __name__ == "__main__":
    flags.DEFINE_integer("levels", 12, "levels of the network", lower_bound=1)
    flags.DEFINE_integer(
        "filters", 24, "filters of the first level, and more for every further one", lower_bound=1
    )
    flags.DEFINE_integer("batch", 2, "examples per step", lower_bound=1)
    flags.DEFINE_integer("rounds", 5, "steps that are timed of each contestant", lower_bound=1)
    flags.DEFINE_list("dtypes", "float32,bfloat16", "what to compute in")
    legal = f"expected a list of {', '.join(TOLERANCES)}"
    flags.register_validator(
        "dtypes", lambda names: bool(names) and set(names) <= set(TOLERANCES), legal
    )
    flags.DEFINE_string(
        "torch_python", None, "Python interpreter that has PyTorch and NumPy; this one by default"
    )
    flags.DEFINE_bool("json", False, "end with a line of JSON")
    command.run(main)
