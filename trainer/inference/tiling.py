"""Makes a full-length estimate out of windows: one grid from frame 0, every frame estimated once.

It works with any network that separates, through its window, its conditions and its estimates.
Axes: K slots, T frames, C channels.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from configs.geometry import Window
from trainer.networks.conditions import CUTS, cut_conditions, whole
from trainer.networks.network import Network

Conditions = Mapping[str, NDArray[Any]]
"""What steers the estimates of a whole track, by name and without an axis of examples."""
Estimator = Callable[[NDArray[np.float32], Conditions], NDArray[np.float32]]
BlockEstimator = Callable[[NDArray[np.float32], Conditions], Iterator[NDArray[np.float32]]]

# Frames that a window estimates at most. Longer windows compute less context twice; this one takes
# about 200 MB per 24 filters of a Wave-U-Net, and its result is the same but for rounding.
_LONG_WINDOW_FRAMES = 2**17


def make_estimator(network: Network) -> Estimator:
    """Returns a function (mixture (T, C), conditions) -> estimates (K, T, C), for any T."""
    iter_blocks = make_block_estimator(network)

    def estimate(mixture: NDArray[np.float32], conditions: Conditions) -> NDArray[np.float32]:
        return np.concatenate(list(iter_blocks(mixture, conditions)), axis=1)

    return estimate


def make_block_estimator(network: Network) -> BlockEstimator:
    """Returns a function (mixture (T, C), conditions) -> blocks of the estimates.

    The blocks (K, frames of a block, C) follow each other and are the estimates (K, T, C) together.
    """

    @cache
    def compiled(window: Window) -> Any:
        # Conditions with a row per event differ in the number of rows from window to window.
        return tf.function(
            lambda mixture, conditions: _estimate_window(network, window, mixture, conditions),
            reduce_retracing=True,
        )

    def iter_blocks(
        mixture: NDArray[np.float32], conditions: Conditions
    ) -> Iterator[NDArray[np.float32]]:
        window = long_window(network, len(mixture))
        for start in range(0, max(len(mixture), 1), window.hop_frames):
            # The window reads [first, stop) of the track; zeros stand in for what lies outside.
            first = start - window.lead_frames
            stop = first + window.mixture_frames
            inside = mixture[max(first, 0) : max(stop, 0)]
            before = max(-first, 0)
            behind = window.mixture_frames - before - len(inside)
            part = np.pad(inside, ((before, behind), (0, 0)))
            cut = cut_conditions(conditions, first, window.mixture_frames)
            estimates = compiled(window)(part, cut).numpy()
            yield estimates[:, : len(mixture) - start]

    return iter_blocks


def _estimate_window(
    network: Network, window: Window, mixture: tf.Tensor, conditions: Mapping[str, tf.Tensor]
) -> tf.Tensor:
    """Returns the frames (K, hop, C) that a window contributes; its mixture is (T_mix, C)."""
    # Axes of one example: a network takes batches.
    batch = {name: condition[None] for name, condition in conditions.items()}
    estimates = network(mixture[None], batch, training=False)["estimates"]
    kept = window.kept_offset
    return estimates[0, :, kept : kept + window.hop_frames]


def estimate_in_graph(
    network: Network, window: Window, mixture: tf.Tensor, conditions: Mapping[str, tf.Tensor]
) -> tf.Tensor:
    """Returns estimates (K, T, C) of a mixture (T, C), T unknown until it runs.

    A mixture counts as preceded and followed by zeros. The hop between windows is a multiple of the
    network's stride, under whose shifts alone it repeats itself, so the size of the window changes
    nothing but rounding.

    Raises:
        ValueError: a condition is not the same throughout a track.
    """
    for name in conditions:
        if CUTS[name] is not whole:
            raise ValueError(
                f"{name} differs along a track; a graph can be given conditions that do not."
            )
    num_frames = tf.shape(mixture)[0]
    hop = window.hop_frames
    lead = window.lead_frames
    num_windows = tf.maximum(1, -(-num_frames // hop))
    missing = (num_windows - 1) * hop + window.mixture_frames - lead - num_frames
    padded = tf.pad(mixture, [[lead, tf.maximum(0, missing)], [0, 0]])

    def estimate_window(index: tf.Tensor) -> tf.Tensor:
        part = tf.slice(padded, [index * hop, 0], [window.mixture_frames, -1])
        return _estimate_window(network, window, part, conditions)

    num_slots = len(network.sources)
    num_channels = network.num_channels
    # (windows, K, hop, C)
    pieces = tf.map_fn(
        estimate_window,
        tf.range(num_windows),
        fn_output_signature=tf.TensorSpec([num_slots, hop, num_channels]),
        parallel_iterations=1,
    )
    # -> (K, windows, hop, C) -> (K, windows * hop, C)
    joined = tf.reshape(tf.transpose(pieces, [1, 0, 2, 3]), [num_slots, -1, num_channels])
    return joined[:, :num_frames]


def long_window(network: Network, num_frames: int = _LONG_WINDOW_FRAMES) -> Window:
    """Returns a window long enough for so many frames, within the memory of one call."""
    shortest = network.window()
    # At least one stride must be left between what is dropped at both ends of an estimate.
    kept = max(min(num_frames, _LONG_WINDOW_FRAMES), shortest.stride_frames)
    return network.window(kept + 2 * shortest.kept_offset)
