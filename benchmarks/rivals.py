"""Takes the training step of the published network as it is usually written, for comparison.

One rival is plain TensorFlow, the other plain PyTorch (benchmarks/pytorch/train_step.py) in a
process of its own. Axes: B examples, T frames, F features, K slots.
"""

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from configs import Config, WaveUNetSettings
from trainer.loop.protocol import Batch

# Of Adam, that of a training.
EPSILON = 1e-10
# Relative, of the loss before the first step, and of what the first step changes in it. The change
# depends on the signs of gradients near 0, which rounding decides; it shows a gradient that stops
# or goes astray.
TOLERANCES = {"float32": (1e-5, 0.02), "bfloat16": (2e-2, 0.2)}

Weights = Mapping[str, Any]
"""Arrays by the path of their Keras variable."""


@dataclass(frozen=True)
class Contestant:
    """Is one way to compute a training step."""

    name: str
    dtype: str
    # Takes one step, returns the loss before it.
    step: Callable[[], float]


class PlainTensorFlow(tf.Module):
    """Is a Wave-U-Net as it is usually written: (B, T_mix, C), (B, K) -> (B, K, T_est, 1).

    Every convolution is computed in full, then sliced. The dtypes are those of Keras' mixed policy.
    """

    def __init__(self, weights: Weights, num_levels: int, dtype: str) -> None:
        super().__init__()
        self.weights = {path: tf.Variable(value) for path, value in weights.items()}
        self.num_levels = num_levels
        self.dtype = dtype

    def __call__(self, mixture: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Returns estimates (B, K, T_est, 1) of a mixture (B, T_mix, 1), given labels (B, K)."""
        x = tf.cast(mixture, self.dtype)
        skips = []
        for level in range(1, self.num_levels + 1):
            x = tf.nn.leaky_relu(self._convolve(x, f"down_{level}/convolution"), 0.2)
            skips.append(x)
            x = x[:, ::2]
        x = tf.nn.leaky_relu(self._convolve(x, "bottleneck"), 0.2)
        # FiLM: (B, K) (K, F) -> (B, F), the same for all frames.
        vector = tf.cast(tf.maximum(labels, 0), self.dtype)
        scale = vector @ self._weight("conditioning_1/scale", x.dtype)
        shift = vector @ self._weight("conditioning_1/shift", x.dtype)
        x = x * (1 + scale)[:, None] + shift[:, None]
        for level in range(self.num_levels, 0, -1):
            x = _upsample(x)
            x = tf.concat([_centre(skips.pop(), x.shape[1]), x], axis=2)
            x = tf.nn.leaky_relu(self._convolve(x, f"up_{level}/convolution"), 0.2)
        x = tf.concat([_centre(mixture, x.shape[1]), tf.cast(x, tf.float32)], axis=2)
        heads = tf.tanh(self._convolve(x, "heads"))
        # (B, T, K) -> (B, K, T), gated by the labels.
        return (tf.transpose(heads, (0, 2, 1)) * tf.abs(labels)[:, :, None])[..., None]

    def _convolve(self, x: tf.Tensor, layer: str) -> tf.Tensor:
        kernel = self._weight(f"{layer}/kernel", x.dtype)
        bias = self._weight(f"{layer}/bias", x.dtype)
        return tf.nn.conv1d(x, kernel, stride=1, padding="VALID") + bias

    def _weight(self, name: str, dtype: tf.DType) -> tf.Tensor:
        return tf.cast(self.weights[f"wave_unet/{name}"], dtype)


def _centre(x: tf.Tensor, frames: int) -> tf.Tensor:
    """Returns the frames in the middle: (B, T, F) -> (B, frames, F)."""
    start = (x.shape[1] - frames) // 2
    return x[:, start : start + frames]


def _upsample(x: tf.Tensor) -> tf.Tensor:
    """Returns the originals and the midpoints between them: (B, T, F) -> (B, 2 T - 1, F)."""
    between = 0.5 * (x[:, :-1] + x[:, 1:])
    pairs = tf.stack([x[:, :-1], between], axis=2)
    doubled = tf.reshape(pairs, (-1, 2 * between.shape[1], x.shape[2]))
    return tf.concat([doubled, x[:, -1:]], axis=1)


def plain_tensorflow(config: Config, weights: Weights, batch: Batch) -> Contestant:
    """Returns the first rival."""
    dtype = config.train.compute_dtype
    assert isinstance(config.model, WaveUNetSettings)
    network = PlainTensorFlow(weights, config.model.num_levels, dtype)

    def loss(data: Batch) -> tf.Tensor:
        return tf.reduce_mean(tf.square(data["sources"] - network(data["mixture"], data["labels"])))

    step = make_tensorflow_step(config, network, loss, batch)
    return Contestant("plain TensorFlow", dtype, step)


def make_tensorflow_step(
    config: Config,
    network: keras.Model | tf.Module,
    loss: Callable[[Batch], tf.Tensor],
    batch: Batch,
) -> Callable[[], float]:
    """Returns a function that takes a step of Adam on a batch, and returns the loss before it."""
    optimizer = keras.optimizers.Adam(config.train.learning_rate, epsilon=EPSILON)
    optimizer.build(network.trainable_variables)
    data = {name: tf.constant(array) for name, array in batch.items()}

    @tf.function
    def step(data: Batch) -> tf.Tensor:
        with tf.GradientTape() as tape:
            value = loss(data)
        gradients = tape.gradient(value, network.trainable_variables)
        optimizer.apply(gradients, network.trainable_variables)
        return value

    compiled = step.get_concrete_function(data)
    return lambda: float(compiled(data))


def has_torch(python: str) -> bool:
    """Says whether an interpreter finds PyTorch."""
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


@contextmanager
def plain_pytorch(
    python: str, config: Config, weights: Weights, batch: Batch
) -> Iterator[Contestant]:
    """Yields the second rival, in a process of this interpreter that lives as long as the context.

    Raises:
        ValueError: the process ended, which is noticed at a step.
    """
    script = Path(__file__).with_name("pytorch") / "train_step.py"
    dtype = config.train.compute_dtype
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
            requests = process.stdin
            answers = process.stdout

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


def warm_up(contestants: Sequence[Contestant]) -> None:
    """Takes the first steps of the contestants of one dtype.

    Raises:
        ValueError: one does not learn what the first does.
    """
    expected: dict[str, float] = {}
    for contestant in contestants:
        before = contestant.step()
        after = contestant.step()
        print(
            f"{contestant.name}, {contestant.dtype}: loss {before:.7f}, {after:.7f} after a step",
            flush=True,
        )
        result = {"loss": before, "change of the loss": after - before}
        expected = expected or result
        tolerances = TOLERANCES[contestant.dtype]
        for (what, value), tolerance in zip(result.items(), tolerances, strict=True):
            truth = expected[what]
            # Put so that NaN is not as expected.
            if not abs(value - truth) <= tolerance * abs(truth):
                raise ValueError(
                    f"{contestant.name}, {contestant.dtype}, is not timed: its first {what} is "
                    f"{value:.6e}, that of {contestants[0].name} {truth:.6e}; expected them within "
                    f"{tolerance:g}."
                )
