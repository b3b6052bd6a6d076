"""A full-length estimate out of patches: one grid from frame 0, every frame estimated once.

Axes: K slots, T frames, C channels.
"""

from collections.abc import Callable

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
    """A function (mixture (T, C), labels (K,)) -> estimates (K, T, C) for mixtures of any length.

    A mixture counts as preceded and followed by zeros. The hop between patches is a multiple of 2^L, under whose
    shifts alone the network repeats itself, so the patch length changes nothing but rounding.
    """
    compiled = tf.function(lambda mixture, labels: network(mixture, labels, training=False))

    def estimate(mixture: NDArray[np.float32], labels: NDArray[np.float32]) -> NDArray[np.float32]:
        num_frames = len(mixture)
        patch = _long_patch(geometry, num_frames)
        hop, lead, keep = patch.hop_frames, patch.lead_frames, patch.kept_offset
        num_patches = max(1, -(-num_frames // hop))
        total = (num_patches - 1) * hop + patch.mixture_frames
        padded = np.pad(mixture, ((lead, max(0, total - lead - num_frames)), (0, 0)))
        pieces = []
        for start in range(0, num_patches * hop, hop):
            window = padded[start : start + patch.mixture_frames]
            pieces.append(compiled(window[None], labels[None]).numpy()[0, :, keep : keep + hop])
        return np.concatenate(pieces, axis=1)[:, :num_frames]

    return estimate


def _long_patch(geometry: PatchGeometry, num_frames: int) -> PatchGeometry:
    """The same network on a patch long enough for the track, within the memory of one call."""
    wanted = min(num_frames, _LONG_PATCH_FRAMES) + 2 * geometry.kept_offset
    return geometry.resized(max(wanted, geometry.stride + 2 * geometry.kept_offset))
