"""Holds the blocks of a Wave-U-Net (Stoller, Ewert, Dixon, ISMIR 2018, table 1), for any backend.

Axes: B examples, T frames at the rate of the level, F features. T is static.
"""

from typing import Any

import keras
from keras import ops

from configs.geometry import Padding
from trainer.networks.folded import convolve_part
from trainer.networks.frames import crop, decimate, fold, frames_of

LEAKY_SLOPE = 0.2

FeaturesShape = tuple[int | None, int | None, int]
"""B, T and F of features; B and T may be open."""


def convolution(
    filters: int, kernel: int, padding: Padding, seed: int, name: str, dtype: Any
) -> keras.layers.Conv1D:
    """Makes a convolution over time and leaky ReLU: (B, T, F) -> (B, T, filters).

    With valid padding T - kernel + 1 frames leave it. The first values of the kernel follow from
    ``seed``.
    """
    return keras.layers.Conv1D(
        filters,
        kernel,
        padding=padding,
        activation=keras.layers.LeakyReLU(LEAKY_SLOPE, dtype=dtype),
        kernel_initializer=keras.initializers.GlorotUniform(seed),
        name=name,
        dtype=dtype,
    )


class Upsampling(keras.layers.Layer):
    """Doubles the rate, the originals and what lies between them: (B, T, F) -> (B, 2 T - 1, F).

    Linear: the midpoint of the two neighbours. Learned: w a + (1 - w) b with a weight per feature,
    the sigmoid of a parameter (Stoller et al., section 3.2). With same padding the last frame
    counts as repeated, which gives 2 T.
    """

    def __init__(self, kind: str, padding: Padding, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.padding = padding

    def build(self, shape: FeaturesShape) -> None:
        """Makes the parameter of the learned kind, (F,): zeros, so that it begins linear."""
        if self.kind == "learned":
            self.logits = self.add_weight(shape=(shape[-1],), initializer="zeros", name="weight")

    @property
    def weight(self) -> Any:
        """Returns the weight of the frame before a midpoint, a number or (F,)."""
        if self.kind == "learned":
            return ops.sigmoid(self.logits)
        return 0.5

    def call(self, x: Any) -> Any:
        """Upsamples: (B, T, F) -> (B, 2 T - 1, F), or (B, 2 T, F) with same padding."""
        frames = x.shape[1]
        features = x.shape[2]
        before = frames_of(x, 0, frames - 1)
        after = frames_of(x, 1, frames - 1)
        last = frames_of(x, frames - 1, 1)
        weight = self.weight
        between = weight * before + (1 - weight) * after
        # (B, T - 1, 2 F) -> (B, 2 (T - 1), F): every original is followed by its midpoint. B is not
        # left to reshape: of a single frame there are no pairs to find it from.
        pairs = ops.concatenate([before, between], axis=2)
        doubled = ops.reshape(pairs, (ops.shape(x)[0], 2 * (frames - 1), features))
        end = [last, last] if self.padding == "same" else [last]
        return ops.concatenate([doubled, *end], axis=1)


class DownsamplingBlock(keras.layers.Layer):
    """Convolves, keeps the middle as a skip, sends every second frame down.

    (B, T, F) -> the skip (B, skip_frames, filters) and what goes down, (B, ceil(T' / 2), filters),
    T' being the frames of the convolution. It computes the convolution as a whole; with valid
    padding most of that is thrown away.
    """

    def __init__(
        self, filters: int, kernel: int, padding: Padding, seed: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_size = kernel
        self.convolution = convolution(
            filters, kernel, padding, seed, "convolution", self.dtype_policy
        )

    def build(self, shape: FeaturesShape) -> None:
        """Makes kernel and bias, also where a subclass does not call the convolution as a layer."""
        self.convolution.build(shape)

    def call(self, x: Any, frames: int, skip_frames: int) -> tuple[Any, Any]:
        """Returns the skip (B, skip_frames, filters) and what goes down.

        Args:
            x: (B, T, F)
            frames: T; a block that folds cannot read it off its input.
            skip_frames: frames of the convolution that the way up needs.
        """
        assert x.shape[1] == frames
        y = self.convolution(x)
        return crop(y, skip_frames), decimate(y)


class PrunedDownsamplingBlock(DownsamplingBlock):
    """Computes the same, but of a valid convolution only the frames that are used, each once.

    Around the skip every second frame is enough. This is the fastest on a CPU.
    """

    def call(self, x: Any, frames: int, skip_frames: int) -> tuple[Any, Any]:
        """Returns the skip (B, skip_frames, filters) and what goes down; x is (B, frames, F)."""
        num_outputs = frames - self.kernel_size + 1
        skip_start = (num_outputs - skip_frames) // 2
        skip_stop = skip_start + skip_frames
        # The even frames go down. So the part that is computed as a whole begins at an even frame,
        # and ends before one or at the end.
        start = skip_start - skip_start % 2
        stop = min(skip_stop + skip_stop % 2, num_outputs)
        middle = self.convolution(frames_of(x, start, stop - start + self.kernel_size - 1))
        parts = [decimate(middle)]
        # With a kernel of 1 nothing lies before or behind it.
        if start > 0:
            parts.insert(0, self._every_second(x, 0, start))
        if stop < num_outputs:
            parts.append(self._every_second(x, stop, num_outputs))
        skip = frames_of(middle, skip_start - start, skip_frames)
        return skip, ops.concatenate(parts, axis=1)

    def _every_second(self, x: Any, first: int, stop: int) -> Any:
        """Computes frames first, first + 2, ... of the convolution, those before ``stop``."""
        count = (stop - first + 1) // 2
        needed = min(2 * count + self.kernel_size - 1, x.shape[1] - first)
        # Folded by 2, a stride of two frames is one of one row: a plain convolution of half as many
        # rows of twice the features, which is faster on a CPU than one with a stride.
        pairs = fold(frames_of(x, first, needed), 2)
        return convolve_part(self.convolution, pairs, 0, count, phases=2, stride=2)


class UpsamplingBlock(keras.layers.Layer):
    """Upsamples, appends the skip, convolves.

    (B, T, F), (B, 2 T - 1, F_skip) -> (B, 2 T - kernel, filters); with same padding the skip and
    the result have 2 T frames.
    """

    def __init__(
        self,
        filters: int,
        kernel: int,
        padding: Padding,
        upsampling: str,
        seed: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.upsampling = Upsampling(
            upsampling, padding, name="upsampling", dtype=self.dtype_policy
        )
        self.convolution = convolution(
            filters, kernel, padding, seed, "convolution", self.dtype_policy
        )

    def build(self, x_shape: FeaturesShape, skip_shape: FeaturesShape) -> None:
        """Makes the parameters of both layers, also where a subclass calls neither of them."""
        self.upsampling.build(x_shape)
        self.convolution.build((*skip_shape[:2], skip_shape[2] + x_shape[2]))

    def call(self, x: Any, skip: Any, frames: int) -> Any:
        """Returns the features of the level on the way up, (B, frames, filters).

        Args:
            x: from the level below, (B, T, F)
            skip: (B, 2 T - 1, F_skip), or 2 T frames with same padding
            frames: that leave the block; one that folds cannot read them off its input.
        """
        # (B, 2 T - 1, F_skip) and (B, 2 T - 1, F) -> (B, 2 T - 1, F_skip + F)
        y = self.convolution(ops.concatenate([skip, self.upsampling(x)], axis=-1))
        assert y.shape[1] == frames
        return y
