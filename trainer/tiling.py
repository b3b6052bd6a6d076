"""A full-length estimate out of patches: one grid from frame 0, every frame estimated once.

Axes: K slots, T frames, C channels.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from configs.geometry import PatchGeometry
from trainer.wave_unet import WaveUNet

Estimator = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]

# Frames a patch estimates at most. Longer patches compute less context twice; this one takes about 200 MB per
# 24 filters, and its result is the same but for rounding.
_LONG_PATCH_FRAMES = 2**17


def make_estimator(network: WaveUNet, geometry: PatchGeometry) -> Estimator:
    """A function (mixture (T, C), labels (K,)) -> estimates (K, T, C) for mixtures of any length."""

    @cache
    def compiled(patch: PatchGeometry) -> Any:
        mixture = tf.TensorSpec([None, network.num_channels])
        labels = tf.TensorSpec([len(network.sources)])
        return tf.function(
            lambda mixture, labels: estimate_in_graph(network, patch, mixture, labels),
            input_signature=[mixture, labels],
        )

    def estimate(mixture: NDArray[np.float32], labels: NDArray[np.float32]) -> NDArray[np.float32]:
        estimates: NDArray[np.float32] = compiled(long_patch(geometry, len(mixture)))(mixture, labels).numpy()
        return estimates

    return estimate


def estimate_in_graph(network: WaveUNet, patch: PatchGeometry, mixture: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Estimates (K, T, C) of a mixture (T, C), T unknown until it runs, out of patches of one size.

    A mixture counts as preceded and followed by zeros. The hop between patches is a multiple of 2^L, under whose
    shifts alone the network repeats itself, so the size of the patch changes nothing but rounding.
    """
    num_frames = tf.shape(mixture)[0]
    hop, lead, keep = patch.hop_frames, patch.lead_frames, patch.kept_offset
    num_patches = tf.maximum(1, -(-num_frames // hop))
    missing = (num_patches - 1) * hop + patch.mixture_frames - lead - num_frames
    padded = tf.pad(mixture, [[lead, tf.maximum(0, missing)], [0, 0]])

    def estimate_patch(index: tf.Tensor) -> tf.Tensor:
        window = tf.slice(padded, [index * hop, 0], [patch.mixture_frames, -1])
        return network(window[None], labels[None], training=False)[0, :, keep : keep + hop]

    form = tf.TensorSpec([len(network.sources), hop, network.num_channels])
    pieces = tf.map_fn(estimate_patch, tf.range(num_patches), fn_output_signature=form, parallel_iterations=1)
    joined = tf.reshape(tf.transpose(pieces, [1, 0, 2, 3]), [form.shape[0], -1, network.num_channels])
    return joined[:, :num_frames]


def long_patch(geometry: PatchGeometry, num_frames: int = _LONG_PATCH_FRAMES) -> PatchGeometry:
    """The same network on a patch long enough for so many frames, within the memory of one call."""
    wanted = min(num_frames, _LONG_PATCH_FRAMES) + 2 * geometry.kept_offset
    return geometry.resized(max(wanted, geometry.stride + 2 * geometry.kept_offset))
