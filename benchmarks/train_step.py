"""Time one training step - forward, backward, Adam - of the published network against the same written plainly.

python -m benchmarks.train_step --levels=12 --batch=2 --rounds=5 --dtypes=float32,bfloat16 --torch_python=ENV/bin/python

All run on the CPU, in turn in every round, because the speed of a machine drifts; the PyTorch rival does so in a
process of its own. All begin with the same weights, and one that does not learn the same from the same batch is not
timed: that is an error. Leave the machine idle otherwise: the threads of PyTorch wait for each other by spinning, which
costs them far more than their share where another program has a core (OMP_WAIT_POLICY=passive spares them most of it).

Axes: B examples, T frames, F features, K slots.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import flags

import configs
from configs import Config, WaveUNetSettings
from data_prep.runtime import command
from trainer.loop.protocol import Batch
from trainer.networks import make_network
from trainer.tasks.separation.step import loss_of_batch

FLAGS = flags.FLAGS
OURS = ("cpu", "tpu", "plain")
BASELINE = "ours cpu"
MATRIX_SIZE = 2048
EPSILON = 1e-10  # of Adam, that of a training
# Relative, of the loss before the first step, and of what the first step changes in it. The change depends on the
# signs of gradients near 0, which rounding decides; it shows a gradient that stops or goes astray.
TOLERANCES = {"float32": (1e-5, 0.02), "bfloat16": (2e-2, 0.2)}

Weights = dict[str, Any]
"""Arrays by the path of their Keras variable."""


@dataclass(frozen=True)
class Contestant:
    """One way to compute a training step."""

    name: str
    dtype: str
    step: Callable[[], float]  # takes one step, returns the loss before it


@dataclass(frozen=True)
class Row:
    """What was measured of one contestant."""

    contestant: str
    dtype: str
    seconds: list[float]  # one per round
    ratio: float  # to BASELINE of the same dtype, the median over rounds
    gflops: float  # useful ones per second
    share: float  # of the rate of the matrix product


class PlainTensorFlow(tf.Module):
    """A Wave-U-Net as it is usually written: mixture (B, T_mix, C), labels (B, K) -> estimates (B, K, T_est, 1).

    Every convolution is computed in full, then sliced. The dtypes are those of Keras' mixed policy.
    """

    def __init__(self, weights: Weights, num_levels: int, dtype: str) -> None:
        super().__init__()
        self.weights = {path: tf.Variable(value) for path, value in weights.items()}
        self.num_levels, self.dtype = num_levels, dtype

    def __call__(self, mixture: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """See the class."""
        x, skips = tf.cast(mixture, self.dtype), []
        for level in range(1, self.num_levels + 1):
            x = tf.nn.leaky_relu(self._convolve(x, f"down_{level}/convolution"), 0.2)
            skips.append(x)
            x = x[:, ::2]
        x = tf.nn.leaky_relu(self._convolve(x, "bottleneck"), 0.2)
        vector = tf.cast(tf.maximum(labels, 0), self.dtype)
        scale, shift = (
            vector @ self._weight(f"conditioning_1/{name}", x.dtype) for name in ("scale", "shift")
        )
        x = x * (1 + scale)[:, None] + shift[:, None]
        for level in range(self.num_levels, 0, -1):
            x = _upsample(x)
            x = tf.concat([_centre(skips.pop(), x.shape[1]), x], axis=2)
            x = tf.nn.leaky_relu(self._convolve(x, f"up_{level}/convolution"), 0.2)
        x = tf.concat([_centre(mixture, x.shape[1]), tf.cast(x, tf.float32)], axis=2)
        heads = tf.tanh(self._convolve(x, "heads"))
        return (tf.transpose(heads, (0, 2, 1)) * tf.abs(labels)[:, :, None])[..., None]

    def _convolve(self, x: tf.Tensor, layer: str) -> tf.Tensor:
        kernel, bias = (self._weight(f"{layer}/{name}", x.dtype) for name in ("kernel", "bias"))
        return tf.nn.conv1d(x, kernel, stride=1, padding="VALID") + bias

    def _weight(self, name: str, dtype: tf.DType) -> tf.Tensor:
        return tf.cast(self.weights[f"wave_unet/{name}"], dtype)


def _centre(x: tf.Tensor, frames: int) -> tf.Tensor:
    start = (x.shape[1] - frames) // 2
    return x[:, start : start + frames]


def _upsample(x: tf.Tensor) -> tf.Tensor:
    """The originals and the midpoints between them: (B, T, F) -> (B, 2 T - 1, F)."""
    between = 0.5 * (x[:, :-1] + x[:, 1:])
    doubled = tf.reshape(
        tf.stack([x[:, :-1], between], axis=2), (-1, 2 * between.shape[1], x.shape[2])
    )
    return tf.concat([doubled, x[:, -1:]], axis=1)


def make_batch(config: Config) -> Batch:
    """Noise, with labels of which about half are set."""
    rng, geometry = np.random.default_rng(0), config.model.window()
    size, slots, channels = config.train.batch_size, len(config.data.sources), config.audio.channels
    sources = 0.1 * rng.standard_normal((size, slots, geometry.estimate_frames, channels))
    mixture = 0.3 * rng.standard_normal((size, geometry.mixture_frames, channels))
    labels = rng.integers(0, 2, (size, slots))
    batch = {"mixture": mixture, "sources": sources, "labels": labels}
    return {name: array.astype(np.float32) for name, array in batch.items()}


def make_weights(config: Config) -> Weights:
    """Those a training begins with, save that no bias is 0: a rival that forgot one is to disagree."""
    rng = np.random.default_rng(0)
    weights = {variable.path: variable.numpy() for variable in make_network(config).variables}
    for path in sorted(weights):
        if path.endswith("bias"):
            weights[path] = 0.1 * rng.standard_normal(weights[path].shape).astype(np.float32)
    return weights


def ours(config: Config, weights: Weights, batch: Batch) -> Contestant:
    """The network of the project in the form that the config names."""
    network = make_network(config)
    for variable in network.variables:
        variable.assign(weights[variable.path])
    step = _tensorflow_step(
        config, network, lambda data: loss_of_batch(network, data, config.task), batch
    )
    return Contestant(
        f"ours {getattr(config.model, 'computation', None)}", config.train.compute_dtype, step
    )


def plain_tensorflow(config: Config, weights: Weights, batch: Batch) -> Contestant:
    """The first rival."""
    dtype = config.train.compute_dtype
    assert isinstance(config.model, WaveUNetSettings)
    network = PlainTensorFlow(weights, config.model.num_levels, dtype)

    def loss(data: Batch) -> tf.Tensor:
        return tf.reduce_mean(tf.square(data["sources"] - network(data["mixture"], data["labels"])))

    return Contestant("plain TensorFlow", dtype, _tensorflow_step(config, network, loss, batch))


def _tensorflow_step(
    config: Config,
    network: keras.Model | tf.Module,
    loss: Callable[[Batch], tf.Tensor],
    batch: Batch,
) -> Callable[[], float]:
    optimizer = keras.optimizers.Adam(config.train.learning_rate, epsilon=EPSILON)
    optimizer.build(network.trainable_variables)
    data = {name: tf.constant(array) for name, array in batch.items()}

    @tf.function
    def step(data: Batch) -> tf.Tensor:
        with tf.GradientTape() as tape:
            value = loss(data)
        optimizer.apply(
            tape.gradient(value, network.trainable_variables), network.trainable_variables
        )
        return value

    compiled = step.get_concrete_function(data)
    return lambda: float(compiled(data))


def has_torch(python: str) -> bool:
    """Whether an interpreter finds PyTorch."""
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


@contextmanager
def plain_pytorch(
    python: str, config: Config, weights: Weights, batch: Batch
) -> Iterator[Contestant]:
    """The second rival, in a process of this interpreter that lives as long as the context."""
    script, dtype = Path(__file__).with_name("torch_step.py"), config.train.compute_dtype
    constants = {"learning_rate": config.train.learning_rate, "epsilon": EPSILON}
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "in.npz"
        np.savez(inputs, **batch, **weights, **constants)
        arguments = [python, str(script), str(inputs), dtype]
        with subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin
            assert process.stdout
            requests, answers = process.stdin, process.stdout

            def answer() -> str:
                line = answers.readline()
                if not line:
                    raise ValueError(
                        f"the PyTorch process of {python} ended; what it said stands above."
                    )
                return line

            def step() -> float:
                print("step", file=requests, flush=True)
                return float(answer())

            print(f"PyTorch {answer().strip()}")
            yield Contestant("plain PyTorch", dtype, step)


def make_config(dtype: str) -> Config:
    """The published network in the size that the flags say."""
    sizes = [f"model.num_levels={FLAGS.levels}", f"model.num_filters={FLAGS.filters}"]
    return configs.load(
        "urmp_labels", [*sizes, f"train.batch_size={FLAGS.batch}", f"train.compute_dtype={dtype}"]
    )


def make_contestants(
    config: Config, torch_python: str | None, stack: ExitStack
) -> list[Contestant]:
    """All contestants of a dtype; the first is the one that the others are compared with."""
    weights, batch = make_weights(config), make_batch(config)
    contestants = [
        ours(configs.override(config, [f"model.computation={form}"]), weights, batch)
        for form in OURS
    ]
    contestants.append(plain_tensorflow(config, weights, batch))
    if torch_python:
        contestants.append(stack.enter_context(plain_pytorch(torch_python, config, weights, batch)))
    return contestants


def warm_up(contestants: Sequence[Contestant]) -> None:
    """The first steps of the contestants of one dtype; ``ValueError`` where one does not learn what the first does."""
    expected: tuple[float, float] | None = None
    for contestant in contestants:
        before, after = contestant.step(), contestant.step()
        print(
            f"{contestant.name}, {contestant.dtype}: loss {before:.7f}, {after:.7f} after a step",
            flush=True,
        )
        result = (before, after - before)
        expected = expected or result
        for what, value, truth, tolerance in zip(
            ("loss", "change of the loss"),
            result,
            expected,
            TOLERANCES[contestant.dtype],
            strict=True,
        ):
            if not abs(value - truth) <= tolerance * abs(truth):  # nor is NaN as expected
                raise ValueError(
                    f"{contestant.name}, {contestant.dtype}, is not timed: its first {what} is {value:.6e}, "
                    f"that of {contestants[0].name} {truth:.6e}; expected them within {tolerance:g}."
                )


def make_matrix_product() -> Callable[[], float]:
    """A product of square float32 matrices, the rate of which is what the machine can do."""
    matrix = tf.random.stateless_normal((MATRIX_SIZE, MATRIX_SIZE), seed=(0, 0))
    return lambda: float(tf.matmul(matrix, matrix)[0, 0])


def seconds_of(call: Callable[[], float]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def make_rows(
    contestants: Sequence[Contestant], seconds: Sequence[list[float]], flops: float, rate: float
) -> list[Row]:
    """A row for each contestant: its seconds in every round, given the useful operations of a step and the rate."""
    baselines = {
        c.dtype: times for c, times in zip(contestants, seconds, strict=True) if c.name == BASELINE
    }
    rows = []
    for contestant, times in zip(contestants, seconds, strict=True):
        # Round by round: what slows the machine for a while slows both.
        ratio = median(
            mine / its for mine, its in zip(times, baselines[contestant.dtype], strict=True)
        )
        achieved = flops / median(times)
        rows.append(
            Row(contestant.name, contestant.dtype, times, ratio, achieved / 1e9, achieved / rate)
        )
    return rows


def print_table(rows: Sequence[Row]) -> None:
    """A line per contestant."""
    print(
        f"{'contestant':<17} {'dtype':<9} {'median s':>9} {'min-max s':>17} {'/ ours cpu':>11} {'GFLOP/s':>8}  share"
    )
    for row in rows:
        low, high = min(row.seconds), max(row.seconds)
        print(
            f"{row.contestant:<17} {row.dtype:<9} {median(row.seconds):9.3f} {f'{low:.3f}-{high:.3f}':>17} "
            f"{row.ratio:11.2f} {row.gflops:8.1f} {row.share:6.1%}"
        )


def main(_: Sequence[str]) -> int:
    """Contestants, rounds, table."""
    tf.config.set_visible_devices([], "GPU")
    experiments = [make_config(dtype) for dtype in FLAGS.dtypes]
    torch_python = FLAGS.torch_python or sys.executable
    if not has_torch(torch_python):
        print(
            "PyTorch is not installed: left out (--torch_python names an interpreter that has it)"
        )
        torch_python = None
    with ExitStack() as stack:
        # All are made before the first is called: to seed a network makes TensorFlow forget what it has compiled.
        groups = [make_contestants(config, torch_python, stack) for config in experiments]
        for group in groups:
            warm_up(group)
        contestants = [contestant for group in groups for contestant in group]
        calls = [make_matrix_product(), *(contestant.step for contestant in contestants)]
        seconds_of(calls[0])
        rounds = [[seconds_of(call) for call in calls] for _ in range(FLAGS.rounds)]
    product_seconds, *seconds = (list(times) for times in zip(*rounds, strict=True))
    report(experiments[0], contestants, product_seconds, seconds)
    return command.FINISHED


def report(
    config: Config,
    contestants: Sequence[Contestant],
    product_seconds: list[float],
    seconds: Sequence[list[float]],
) -> None:
    """What was measured, as text, and as JSON if asked for."""
    rate = 2 * MATRIX_SIZE**3 / median(product_seconds)
    network = make_network(config)
    pruned = network.forward_flops(pruned=True)
    whole = network.forward_flops(pruned=False)
    flops = (
        3 * pruned * FLAGS.batch
    )  # the backward pass has a product for the inputs and one for the weights
    rows = make_rows(contestants, seconds, flops, rate)
    print(
        f"\n{FLAGS.levels} levels, {FLAGS.filters} filters, {len(config.data.sources)} slots, batch {FLAGS.batch}, "
        f"{FLAGS.rounds} rounds, {os.cpu_count()} CPUs, TensorFlow {tf.__version__}"
        f"\nforward pass of an example: {pruned / 1e9:.1f} GFLOP that something uses, {whole / 1e9:.1f} as usually "
        f"written"
        f"\nmatrix product, {MATRIX_SIZE} x {MATRIX_SIZE}, float32: {rate / 1e9:.1f} GFLOP/s"
        f"\nGFLOP/s: the {flops / 1e9:.1f} of use in a step, by its seconds; share: of the matrix product's\n"
    )
    print_table(rows)
    if FLAGS.json:
        settings = {name: FLAGS[name].value for name in ("levels", "filters", "batch", "rounds")}
        facts = {
            "cpus": os.cpu_count(),
            "useful_gflop_per_step": flops / 1e9,
            "product_gflops": rate / 1e9,
        }
        print(json.dumps({**settings, **facts, "rows": [asdict(row) for row in rows]}))


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
