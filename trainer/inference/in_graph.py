"""Makes full-length answers in a graph, for exports: by the grid of trainer.inference.tiling.

Axes: K slots, T frames, C channels, J columns.
"""

from collections.abc import Mapping

import tensorflow as tf

from configs.geometry import Window
from trainer.inference.tiling import ESTIMATES, Kept, compute_window, fade
from trainer.networks.conditions import CUTS, whole
from trainer.networks.network import Network


def estimate_in_graph(
    network: Network, window: Window, mixture: tf.Tensor, conditions: Mapping[str, tf.Tensor]
) -> tf.Tensor:
    """Returns estimates (K, T, C) of a mixture (T, C), T unknown until it runs.

    A mixture counts as preceded and followed by zeros. The hop between windows is a multiple of the
    network's stride, under whose shifts alone it repeats itself, so the size of the window changes
    nothing but rounding; where windows overlap, they fade.

    Raises:
        ValueError: a condition is not the same throughout a track.
    """
    for name in conditions:
        if CUTS[name] is not whole:
            raise ValueError(
                f"{name} differs along a track; a graph can be given conditions that do not."
            )
    num_frames = tf.shape(mixture)[0]
    # (windows, K, hop or T_est, C)
    pieces = _windows_in_graph(network, window, mixture, conditions, ESTIMATES)
    if window.overlap > 1:
        return _faded_in_graph(pieces, window)[:, :num_frames]
    # -> (K, windows, hop, C) -> (K, windows * hop, C)
    shape = [len(network.sources), -1, network.num_channels]
    return tf.reshape(tf.transpose(pieces, [1, 0, 2, 3]), shape)[:, :num_frames]


def activity_in_graph(
    network: Network, window: Window, mixture: tf.Tensor, column_frames: int
) -> tf.Tensor:
    """Returns the activity (K, J) of instruments in a mixture (T, C), T unknown until it runs.

    Column j is centred on frame j times ``column_frames``.
    """
    num_columns = -(-tf.shape(mixture)[0] // column_frames)
    # (windows, K, columns)
    pieces = _windows_in_graph(network, window, mixture, {}, Kept("activity", column_frames))
    joined = tf.reshape(tf.transpose(pieces, [1, 0, 2]), [len(network.sources), -1])
    return joined[:, :num_columns]


def _windows_in_graph(
    network: Network,
    window: Window,
    mixture: tf.Tensor,
    conditions: Mapping[str, tf.Tensor],
    kept: Kept,
) -> tf.Tensor:
    """Returns what the windows of a mixture (T, C) contribute, one after the other."""
    num_frames = tf.shape(mixture)[0]
    hop = window.hop_frames
    lead = window.lead_frames
    num_windows = tf.maximum(1, -(-num_frames // hop))
    missing = (num_windows - 1) * hop + window.mixture_frames - lead - num_frames
    padded = tf.pad(mixture, [[lead, tf.maximum(0, missing)], [0, 0]])

    def estimate_from(index: tf.Tensor) -> tf.Tensor:
        part = tf.slice(padded, [index * hop, 0], [window.mixture_frames, -1])
        return compute_window(network, window, part, conditions, kept)

    frames = window.estimate_frames if window.overlap > 1 else hop
    shape = [len(network.sources), frames // kept.column_frames]
    if kept == ESTIMATES:
        shape.append(network.num_channels)
    return tf.map_fn(
        estimate_from,
        tf.range(num_windows),
        fn_output_signature=tf.TensorSpec(shape),
        parallel_iterations=1,
    )


def _faded_in_graph(pieces: tf.Tensor, window: Window) -> tf.Tensor:
    """Joins estimates that overlap: (windows, K, T_est, C) -> (K, frames, C)."""
    # The frames last, behind the windows: (C, K, windows, T_est).
    last = tf.transpose(pieces, [3, 1, 0, 2]) * fade(window)
    sums = tf.signal.overlap_and_add(last, window.hop_frames)
    weights = tf.tile(fade(window)[None], [tf.shape(pieces)[0], 1])
    means = sums / tf.signal.overlap_and_add(weights, window.hop_frames)
    return tf.transpose(means, [1, 2, 0])
