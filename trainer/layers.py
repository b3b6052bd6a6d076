"""The blocks of a Wave-U-Net (Stoller, Ewert, Dixon, ISMIR 2018, table 1), for any Keras backend.

Axes: B examples, T frames at the rate of the level, F features. T is static.
"""

from typing import Any

import keras
from keras import ops

from configs.geometry import Padding

LEAKY_SLOPE = 0.2


def convolution(filters: int, kernel: int, padding: Padding, name: str, dtype: Any) -> keras.layers.Conv1D:
    """Convolution over time and leaky ReLU: (B, T, F) -> (B, T, filters), or T - kernel + 1 frames if valid."""
    activation = keras.layers.LeakyReLU(LEAKY_SLOPE, dtype=dtype)
    return keras.layers.Conv1D(filters, kernel, padding=padding, activation=activation, name=name, dtype=dtype)


def frames_of(x: Any, start: int, frames: int) -> Any:
    """``frames`` from ``start`` on: (B, T, F) -> (B, frames, F).

    Not ``x[:, start:stop]``: the gradient of a strided slice runs on one core of a CPU, that of this one on all.
    """
    return ops.slice(x, (0, start, 0), (ops.shape(x)[0], frames, x.shape[2]))


def crop(x: Any, frames: int) -> Any:
    """The ``frames`` in the middle: (B, T, F) -> (B, frames, F); T - frames is even wherever kernels are odd."""
    return frames_of(x, (x.shape[1] - frames) // 2, frames)


def decimate(x: Any) -> Any:
    """Every second frame, the first included: (B, T, F) -> (B, ceil(T / 2), F)."""
    features = x.shape[2]
    even = ops.pad(x, ((0, 0), (0, x.shape[1] % 2), (0, 0)))
    # Two frames side by side are 2 F features, of which the first F stay.
    pairs = ops.reshape(even, (-1, even.shape[1] // 2, 2 * features))
    return ops.slice(pairs, (0, 0, 0), (ops.shape(x)[0], pairs.shape[1], features))


class Upsampling(keras.layers.Layer):
    """Upsampling by 2, the originals and what lies between them: (B, T, F) -> (B, 2 T - 1, F).

    Linear: the midpoint of the two neighbours. Learned: w a + (1 - w) b with a weight per feature, the sigmoid of a
    parameter (Stoller et al., section 3.2.2). With same padding the last frame counts as repeated, which gives 2 T.
    """

    def __init__(self, kind: str, padding: Padding, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind, self.padding = kind, padding

    def build(self, shape: tuple[int, ...]) -> None:
        """The parameter of the learned kind, (F,); zeros, so that it begins linear."""
        if self.kind == "learned":
            self.logits = self.add_weight(shape=(shape[-1],), initializer="zeros", name="weight")

    def call(self, x: Any) -> Any:
        """See the class."""
        frames, features = x.shape[1], x.shape[2]
        before, after, last = frames_of(x, 0, frames - 1), frames_of(x, 1, frames - 1), frames_of(x, frames - 1, 1)
        weight = ops.sigmoid(self.logits) if self.kind == "learned" else 0.5
        between = weight * before + (1 - weight) * after
        doubled = ops.reshape(ops.concatenate([before, between], axis=2), (-1, 2 * (frames - 1), features))
        return ops.concatenate([doubled, last, last] if self.padding == "same" else [doubled, last], axis=1)


class DownsamplingBlock(keras.layers.Layer):
    """Convolve, keep the features as a skip, drop every second frame.

    (B, T, F) -> the skip (B, T', filters) and what goes down, (B, ceil(T' / 2), filters).
    """

    def __init__(self, filters: int, kernel: int, padding: Padding, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.convolution = convolution(filters, kernel, padding, "convolution", self.dtype_policy)

    def call(self, x: Any) -> tuple[Any, Any]:
        """See the class."""
        skip = self.convolution(x)
        return skip, decimate(skip)


class UpsamplingBlock(keras.layers.Layer):
    """Upsample, append the middle of the skip, convolve.

    (B, T, F) and a skip (B, T_skip, F_skip) -> (B, 2 T - kernel, filters), or (B, 2 T, filters) with same padding.
    """

    def __init__(self, filters: int, kernel: int, padding: Padding, upsampling: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.upsampling = Upsampling(upsampling, padding, name="upsampling", dtype=self.dtype_policy)
        self.convolution = convolution(filters, kernel, padding, "convolution", self.dtype_policy)

    def call(self, x: Any, skip: Any) -> Any:
        """See the class."""
        x = self.upsampling(x)
        return self.convolution(ops.concatenate([crop(skip, x.shape[1]), x], axis=-1))
