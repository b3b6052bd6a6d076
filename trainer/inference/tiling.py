"""A full-length estimate out of patches: one grid from frame 0, every frame estimated once.

Axes: K slots, T frames, C channels.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from configs.geometry import PatchGeometry
from trainer.networks.wave_unet import WaveUNet

Estimator = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
BlockEstimator = Callable[[NDArray[np.float32], NDArray[np.float32]], Iterator[NDArray[np.float32]]]

# Frames a patch estimates at most. Longer patches compute less context twice; this one takes about 200 MB per
# 24 filters, and its result is the same but for rounding.
_LONG_PATCH_FRAMES = 2**17


def make_estimator(network: WaveUNet, geometry: PatchGeometry) -> Estimator:
    """A function (mixture (T, C), labels (K,)) -> estimates (K, T, C) for mixtures of any length."""
    iter_blocks = make_block_estimator(network, geometry)

    def estimate(mixture: NDArray[np.float32], labels: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.concatenate(list(iter_blocks(mixture, labels)), axis=1)

    return estimate


def make_block_estimator(network: WaveUNet, geometry: PatchGeometry) -> BlockEstimator:
    """A function (mixture (T, C), labels (K,)) -> consecutive blocks of the estimates, (K, frames of a block, C)."""

    @cache
    def compiled(patch: PatchGeometry) -> Any:
        window = tf.TensorSpec([patch.mixture_frames, network.num_channels])
        labels = tf.TensorSpec([len(network.sources)])
        return tf.function(
            lambda window, labels: _estimate_patch(network, patch, window, labels),
            input_signature=[window, labels],
        )

    def iter_blocks(
        mixture: NDArray[np.float32], labels: NDArray[np.float32]
    ) -> Iterator[NDArray[np.float32]]:
        patch = long_patch(geometry, len(mixture))
        for start in range(0, max(len(mixture), 1), patch.hop_frames):
            first, stop = (
                start - patch.lead_frames,
                start - patch.lead_frames + patch.mixture_frames,
            )
            inside = mixture[max(first, 0) : max(stop, 0)]
            lead = max(-first, 0)
            window = np.pad(inside, ((lead, patch.mixture_frames - lead - len(inside)), (0, 0)))
            yield compiled(patch)(window, labels).numpy()[:, : len(mixture) - start]

    return iter_blocks


def _estimate_patch(
    network: WaveUNet, patch: PatchGeometry, window: tf.Tensor, labels: tf.Tensor
) -> tf.Tensor:
    """The frames (K, hop, C) that a patch contributes, from the window (mixture_frames, C) that it reads."""
    keep = patch.kept_offset
    return network(window[None], labels[None], training=False)[0, :, keep : keep + patch.hop_frames]


def estimate_in_graph(
    network: WaveUNet, patch: PatchGeometry, mixture: tf.Tensor, labels: tf.Tensor
) -> tf.Tensor:
    """Estimates (K, T, C) of a mixture (T, C), T unknown until it runs, out of patches of one size.

    A mixture counts as preceded and followed by zeros. The hop between patches is a multiple of 2^L, under whose
    shifts alone the network repeats itself, so the size of the patch changes nothing but rounding.
    """
    num_frames = tf.shape(mixture)[0]
    hop, lead = patch.hop_frames, patch.lead_frames
    num_patches = tf.maximum(1, -(-num_frames // hop))
    missing = (num_patches - 1) * hop + patch.mixture_frames - lead - num_frames
    padded = tf.pad(mixture, [[lead, tf.maximum(0, missing)], [0, 0]])

    def estimate_patch(index: tf.Tensor) -> tf.Tensor:
        window = tf.slice(padded, [index * hop, 0], [patch.mixture_frames, -1])
        return _estimate_patch(network, patch, window, labels)

    form = tf.TensorSpec([len(network.sources), hop, network.num_channels])
    pieces = tf.map_fn(
        estimate_patch, tf.range(num_patches), fn_output_signature=form, parallel_iterations=1
    )
    joined = tf.reshape(
        tf.transpose(pieces, [1, 0, 2, 3]), [form.shape[0], -1, network.num_channels]
    )
    return joined[:, :num_frames]


def long_patch(geometry: PatchGeometry, num_frames: int = _LONG_PATCH_FRAMES) -> PatchGeometry:
    """The same network on a patch long enough for so many frames, within the memory of one call."""
    wanted = min(num_frames, _LONG_PATCH_FRAMES) + 2 * geometry.kept_offset
    return geometry.resized(max(wanted, geometry.stride + 2 * geometry.kept_offset))
