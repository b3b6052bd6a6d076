"""Makes a full-length estimate out of windows: one grid from frame 0, every frame estimated once.

It works with any network that separates, through its window, its conditions and its estimates; and
with one that answers by column, a column being so many frames. Axes: K slots, T frames, C channels.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from configs.geometry import Window
from data_prep.runtime.memory import give_back_freed_memory
from trainer.devices.compiled import compiled
from trainer.networks.conditions import cut_conditions
from trainer.networks.network import Network

# Multiplications and additions of a window from which on it is worth the half minute in which XLA
# compiles it: a chunk of a published network of attention has 2e12 and more, and is computed in
# three quarters of the time then.
_WORTH_COMPILING = 5e11

Conditions = Mapping[str, NDArray[Any]]
"""What steers the estimates of a whole track, by name and without an axis of examples."""
BlockEstimator = Callable[
    [Iterable[NDArray[np.float32]], Conditions], Iterator[NDArray[np.float32]]
]


class Kept(NamedTuple):
    """Says what of a network's outputs is kept, and of how many frames it has a value."""

    output: str = "estimates"
    column_frames: int = 1


ESTIMATES = Kept()


def make_block_estimator(
    network: Network,
    longest_frames: int,
    output: str = "estimates",
    column_frames: int = 1,
    step_frames: int = 1,
) -> BlockEstimator:
    """Returns a function (blocks of mixtures, conditions) -> blocks of their estimates.

    The blocks (N, frames, C) follow each other and are N mixtures together; those of the estimates
    are (N, K, frames, C). No more than a window of either is held.

    Args:
        network: computes the estimates.
        longest_frames: that a window estimates at most.
        output: the output of the network that is wanted.
        column_frames: of which it has one value each, (N, K, columns) instead; column n is there
            where its first frame, n times so many, is.
        step_frames: by which the windows of short mixtures differ in length: each length is
            compiled, which takes longer than to compute a little for nothing where many mixtures
            differ.
    """
    return _BlockEstimator(network, Kept(output, column_frames), longest_frames, step_frames)


class _BlockEstimator:
    """Is the function of ``make_block_estimator``."""

    def __init__(self, network: Network, kept: Kept, longest_frames: int, step_frames: int) -> None:
        self._network = network
        self._kept = kept
        self._longest_frames = longest_frames
        self._step_frames = step_frames
        # A TPU has its own compiler, which decides by itself.
        has_tpu = bool(tf.config.list_logical_devices("TPU"))
        self._by_xla = network.forward_flops() > _WORTH_COMPILING and not has_tpu
        self._functions: dict[Window, Any] = {}

    def __call__(
        self, blocks: Iterable[NDArray[np.float32]], conditions: Conditions
    ) -> Iterator[NDArray[np.float32]]:
        stretch = _Stretch(iter(blocks))
        # A short mixture has a window of its own, so that little is computed for nothing.
        step = self._step_frames
        wanted = -(-stretch.read_up_to(self._longest_frames) // step) * step
        longest = long_window(self._network, min(wanted, self._longest_frames))
        joint = _Joint(longest)
        start = 0
        while start == 0 or stretch.read_up_to(start + 1) > start:
            # What was computed of other windows lies between what is still needed of the mixture.
            give_back_freed_memory()
            # A generator that waits would keep what has a name.
            yield self._estimate_from(start, stretch, conditions, joint)
            start += longest.hop_frames

    def _estimate_from(
        self, start: int, stretch: "_Stretch", conditions: Conditions, joint: "_Joint"
    ) -> NDArray[np.float32]:
        """Returns what is known behind the window that estimates from a frame on, (N, K, T, C)."""
        longest = joint.window
        num_left = stretch.read_up_to(start + longest.hop_frames) - start
        # What remains at the end has one of two lengths: each is compiled, which takes time, too.
        half = long_window(self._network, longest.hop_frames // 2)
        window = half if num_left <= half.hop_frames else longest
        # The window reads [first, stop) of the mixture; zeros stand in for what lies outside.
        first = start - window.lead_frames
        parts = stretch.cut(first, first + window.mixture_frames)
        cut = cut_conditions(conditions, first, window.mixture_frames)
        # (K, frames, C) each
        estimates = [self._compiled(window)(part, cut) for part in parts]
        # One is not copied.
        stacked = np.stack(estimates) if len(estimates) > 1 else estimates[0][None]
        num_values = -(-(stretch.num_frames - start) // self._kept.column_frames)
        return joint.add(stacked)[:, :, :num_values]

    def _compiled(self, window: Window) -> Any:
        """Returns the function of a window, which is compiled once."""
        if window not in self._functions:
            network = self._network
            kept = self._kept
            # Conditions with a row per event differ in the number of rows from window to window.
            self._functions[window] = compiled(
                lambda mixture, conditions: compute_window(
                    network, window, mixture, conditions, kept
                ),
                [network],
                self._by_xla,
            )
        return self._functions[window]


def fade(window: Window) -> NDArray[np.float32]:
    """Returns how much each frame of an estimate counts, (T_est,), where windows overlap.

    A Hann window, above 0 throughout: over the hops of a full-length estimate those of all windows
    add up to half as many as overlap.
    """
    places = (np.arange(window.estimate_frames) + 0.5) / window.estimate_frames
    return (np.sin(np.pi * places) ** 2).astype(np.float32)


class _Joint:
    """Joins the estimates of windows that follow each other, a hop of each at a time."""

    def __init__(self, window: Window) -> None:
        self.window = window
        # What windows before have left: weighted estimates (N, K, T_est - hop, C) and weights.
        self._estimates: NDArray[np.float32] | None = None
        self._weights = np.zeros(window.estimate_frames - window.hop_frames, np.float32)

    def add(self, estimates: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the hop (N, K, hop, C) that is known after the next estimates (N, K, T, C)."""
        window = self.window
        if window.overlap == 1:
            return estimates
        hop = window.hop_frames
        weights = fade(window)
        sums = estimates * weights[:, None]
        num_shared = len(self._weights)
        if self._estimates is not None:
            sums[:, :, :num_shared] += self._estimates
        weights[:num_shared] += self._weights
        self._estimates = sums[:, :, hop:].copy()
        self._weights = weights[hop:]
        known: NDArray[np.float32] = sums[:, :, :hop] / weights[:hop, None]
        return known


class _Stretch:
    """Holds what is still needed of mixtures that come in blocks (N, frames, C)."""

    def __init__(self, blocks: Iterator[NDArray[np.float32]]) -> None:
        first = next(blocks)
        self._blocks = chain([first], blocks)
        # (N, frames, C), from the frame ``_start`` on.
        self._held = first[:, :0]
        self._start = 0

    @property
    def num_frames(self) -> int:
        """Returns how many frames have come."""
        return self._start + self._held.shape[1]

    def read_up_to(self, stop: int) -> int:
        """Reads at least up to a frame, if there are so many; returns how many have come."""
        parts = [self._held]
        num_frames = self.num_frames
        while num_frames < stop:
            block = next(self._blocks, None)
            if block is None:
                break
            parts.append(block)
            num_frames += block.shape[1]
        # One that has come whole is not there twice.
        parts = [part for part in parts if part.shape[1]] or parts[:1]
        self._held = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        return num_frames

    def cut(self, first: int, stop: int) -> NDArray[np.float32]:
        """Returns frames [first, stop), (N, stop - first, C); what lies before is forgotten."""
        self.read_up_to(stop)
        kept = max(first, 0)
        self._held = self._held[:, kept - self._start :]
        self._start = kept
        inside = self._held[:, : max(stop - kept, 0)]
        before = kept - first
        behind = stop - first - before - inside.shape[1]
        return np.pad(inside, ((0, 0), (before, behind), (0, 0)))


def compute_window(
    network: Network,
    window: Window,
    mixture: tf.Tensor,
    conditions: Mapping[str, tf.Tensor],
    kept: Kept,
) -> tf.Tensor:
    """Returns the frames (K, T, C) that a window contributes; its mixture is (T_mix, C).

    They are a hop, or all that it estimates where windows overlap.
    """
    # Axes of one example: a network takes batches.
    batch = {name: condition[None] for name, condition in conditions.items()}
    estimates = network(mixture[None], batch, training=False)[kept.output]
    if window.overlap > 1:
        return estimates[0]
    first = window.kept_offset // kept.column_frames
    return estimates[0, :, first : first + window.hop_frames // kept.column_frames]


def long_window(network: Network, num_frames: int) -> Window:
    """Returns a window that contributes at least so many frames to a full-length estimate."""
    shortest = network.window()
    # At least one stride must be left between what is dropped at both ends of an estimate.
    kept = max(num_frames, shortest.stride_frames)
    return network.window(kept + 2 * shortest.kept_offset)
