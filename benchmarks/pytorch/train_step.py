"""Is the PyTorch side of train_step: a process of its own, which needs no TensorFlow.

    python benchmarks/pytorch/train_step.py IN.npz float32

IN holds ``mixture``, ``sources``, ``labels``, ``learning_rate``, ``epsilon`` and the weights of a
Wave-U-Net by Keras variable path. It says the version of PyTorch, then answers every line on stdin
with the loss before one more step. Axes: B examples, F features, T frames; K slots.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

Arrays = dict[str, Any]


class PlainPyTorch(nn.Module):
    """Is a mono Wave-U-Net as it is usually written: (B, 1, T_mix), (B, K) -> (B, K, T_est)."""

    def __init__(self, weights: Arrays, dtype: str) -> None:
        super().__init__()
        self.bfloat16 = dtype == "bfloat16"
        self.convolutions = nn.ModuleDict()
        self.film = nn.ParameterDict()
        for path, value in weights.items():
            layer = path.split("/")[1]
            if path.endswith("kernel"):
                bias = weights[path.removesuffix("kernel") + "bias"]
                self.convolutions[layer] = _convolution(value, bias)
            elif layer.startswith("conditioning"):
                self.film[path.split("/")[-1]] = nn.Parameter(torch.from_numpy(value))
        self.num_levels = sum(layer.startswith("down_") for layer in self.convolutions)

    def forward(self, mixture: Any, labels: Any) -> Any:
        """Returns estimates (B, K, T_est) of a mixture (B, 1, T_mix), given labels (B, K)."""
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bfloat16):
            x = self.features(mixture, labels)
        # The heads are float32 in any case, as ours are.
        x = torch.cat([centre(mixture, x.shape[2]), x.float()], dim=1)
        return torch.tanh(self.convolutions["heads"](x)) * labels.abs()[:, :, None]

    def features(self, mixture: Any, labels: Any) -> Any:
        """Returns what the heads read beside the mixture, (B, F, T_est)."""
        x = mixture
        skips = []
        for level in range(1, self.num_levels + 1):
            x = self.convolve(f"down_{level}", x)
            skips.append(x)
            x = x[:, :, ::2]
        x = self.convolve("bottleneck", x)
        # FiLM: (B, K) (K, F) -> (B, F), the same for all frames.
        vector = labels.clamp(min=0)
        scale = vector @ self.film["scale"]
        shift = vector @ self.film["shift"]
        x = x * (1 + scale)[:, :, None] + shift[:, :, None]
        for level in range(self.num_levels, 0, -1):
            x = upsample(x)
            x = torch.cat([centre(skips.pop(), x.shape[2]), x], dim=1)
            x = self.convolve(f"up_{level}", x)
        return x

    def convolve(self, layer: str, x: Any) -> Any:
        """Applies a convolution over time and leaky ReLU: (B, F, T) -> (B, filters, T')."""
        return functional.leaky_relu(self.convolutions[layer](x), 0.2)


def centre(x: Any, frames: int) -> Any:
    """Returns the frames in the middle: (B, F, T) -> (B, F, frames)."""
    start = (x.shape[2] - frames) // 2
    return x[:, :, start : start + frames]


def upsample(x: Any) -> Any:
    """Returns the originals and the midpoints between them: (B, F, T) -> (B, F, 2 T - 1)."""
    between = 0.5 * (x[:, :, :-1] + x[:, :, 1:])
    doubled = torch.stack([x[:, :, :-1], between], dim=3).flatten(2)
    return torch.cat([doubled, x[:, :, -1:]], dim=2)


def make_step(arrays: Arrays, dtype: str) -> Callable[[], float]:
    """Returns a function that takes a training step and returns the loss before it."""
    # (B, T, 1) -> (B, 1, T): PyTorch convolves along the last axis.
    mixture = torch.from_numpy(arrays.pop("mixture")[..., 0])[:, None]
    sources = torch.from_numpy(arrays.pop("sources")[..., 0])
    labels = torch.from_numpy(arrays.pop("labels"))
    learning_rate = float(arrays.pop("learning_rate"))
    epsilon = float(arrays.pop("epsilon"))
    network = PlainPyTorch(arrays, dtype)
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate, eps=epsilon)

    def step() -> float:
        optimizer.zero_grad()
        loss = functional.mse_loss(network(mixture, labels), sources)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _convolution(kernel: Any, bias: Any) -> nn.Conv1d:
    """Makes a layer of Keras weights, (taps, F_in, F_out) and (F_out,)."""
    taps, features, filters = kernel.shape
    layer = nn.Conv1d(features, filters, taps)
    # (taps, F_in, F_out) -> (F_out, F_in, taps)
    layer.weight.data = torch.from_numpy(np.ascontiguousarray(kernel.transpose(2, 1, 0)))
    layer.bias.data = torch.from_numpy(bias)
    return layer


def main(path: str, dtype: str) -> None:
    """Says the version, then answers line by line."""
    torch.set_num_threads(os.cpu_count() or 1)
    with np.load(path) as arrays:
        step = make_step(dict(arrays), dtype)
    print(torch.__version__, flush=True)
    for _ in sys.stdin:
        print(step(), flush=True)


if __name__ == "__main__":
    main(path=sys.argv[1], dtype=sys.argv[2])
