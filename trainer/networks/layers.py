"""The blocks of a Wave-U-Net (Stoller, Ewert, Dixon, ISMIR 2018, table 1), for any Keras backend.

Axes: B examples, T frames at the rate of the level, F features. T is static.
"""

from typing import Any

import keras
from keras import ops

from configs.geometry import Padding
from configs.networks import Computation
from trainer.networks.folded import (
    activate,
    convolve_part,
    convolve_rows,
    fold,
    frames_of,
    through_upsampling,
    unfold,
)

LEAKY_SLOPE = 0.2


def convolution(
    filters: int, kernel: int, padding: Padding, name: str, dtype: Any
) -> keras.layers.Conv1D:
    """Convolution over time and leaky ReLU: (B, T, F) -> (B, T, filters), or T - kernel + 1 frames if valid."""
    activation = keras.layers.LeakyReLU(LEAKY_SLOPE, dtype=dtype)
    return keras.layers.Conv1D(
        filters, kernel, padding=padding, activation=activation, name=name, dtype=dtype
    )


def crop(x: Any, frames: int) -> Any:
    """The ``frames`` in the middle: (B, T, F) -> (B, frames, F); T - frames is even wherever kernels are odd."""
    return frames_of(x, (x.shape[1] - frames) // 2, frames)


def decimate(x: Any) -> Any:
    """Every second frame, the first included: (B, T, F) -> (B, ceil(T / 2), F)."""
    features = x.shape[2]
    pairs = fold(x, 2)  # 2 F features, of which the first F stay
    return ops.slice(pairs, (0, 0, 0), (ops.shape(x)[0], pairs.shape[1], features))


class Upsampling(keras.layers.Layer):
    """Upsampling by 2, the originals and what lies between them: (B, T, F) -> (B, 2 T - 1, F).

    Linear: the midpoint of the two neighbours. Learned: w a + (1 - w) b with a weight per feature, the sigmoid of a
    parameter (Stoller et al., as above). With same padding the last frame counts as repeated, which gives 2 T.
    """

    def __init__(self, kind: str, padding: Padding, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind, self.padding = kind, padding

    def build(self, shape: tuple[int, ...]) -> None:
        """The parameter of the learned kind, (F,); zeros, so that it begins linear."""
        if self.kind == "learned":
            self.logits = self.add_weight(shape=(shape[-1],), initializer="zeros", name="weight")

    @property
    def weight(self) -> Any:
        """Of the frame before a midpoint: a number or (F,)."""
        return ops.sigmoid(self.logits) if self.kind == "learned" else 0.5

    def call(self, x: Any) -> Any:
        """See the class."""
        frames, features = x.shape[1], x.shape[2]
        before, after, last = (
            frames_of(x, 0, frames - 1),
            frames_of(x, 1, frames - 1),
            frames_of(x, frames - 1, 1),
        )
        weight = self.weight
        between = weight * before + (1 - weight) * after
        doubled = ops.reshape(
            ops.concatenate([before, between], axis=2), (-1, 2 * (frames - 1), features)
        )
        return ops.concatenate(
            [doubled, last, last] if self.padding == "same" else [doubled, last], axis=1
        )


class DownsamplingBlock(keras.layers.Layer):
    """Convolve, keep the middle as a skip, send every second frame down.

    (B, T, F) -> the skip (B, skip_frames, filters) and what goes down, (B, ceil(T' / 2), filters), T' being the
    frames of the convolution. Three forms compute the same; with same padding, where every frame is used, all are
    the first:

    - ``plain``: the convolution as a whole, of which most is thrown away.
    - ``cpu``: every frame once. Around the skip only every second frame is computed.
    - ``tpu``: every second frame, and the skip by itself: a few more operations, but nothing is put together along
      time, and what is wide in time and narrow in features is folded: x by ``phases``, what goes down by half of
      that, the skip by ``skip_phases``. T is ``frames``, beyond which a folded x holds anything finite.
    """

    def __init__(
        self,
        filters: int,
        kernel: int,
        padding: Padding,
        form: Computation,
        phases: int = 1,
        skip_phases: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.form = form if padding == "valid" else "plain"
        self.kernel_size, self.phases, self.skip_phases = kernel, phases, skip_phases
        self.convolution = convolution(filters, kernel, padding, "convolution", self.dtype_policy)

    def build(self, shape: tuple[int, ...]) -> None:
        """The kernel and bias of the convolution, which not every form calls as a layer."""
        self.convolution.build((*shape[:2], shape[2] // self.phases))

    def call(self, x: Any, frames: int, skip_frames: int) -> tuple[Any, Any]:
        """See the class."""
        if self.form == "plain":
            y = self.convolution(x)
            return crop(y, skip_frames), decimate(y)
        num_outputs = frames - self.kernel_size + 1
        before = (num_outputs - skip_frames) // 2
        if self.form == "tpu":
            down = convolve_part(
                self.convolution, x, 0, (num_outputs + 1) // 2, self.phases, stride=2
            )
            return self._skip_by_itself(x, before, skip_frames), down
        # The frames that go down are the even ones: begin the middle at one of them, end it before one or at the end.
        start = before - before % 2
        stop = before + skip_frames
        middle_frames = min(stop + stop % 2, num_outputs) - start
        middle = self.convolution(frames_of(x, start, middle_frames + self.kernel_size - 1))
        after = start + middle_frames
        parts = [decimate(middle)]
        if start > 0:  # not so where the kernel is 1
            parts.insert(0, self._every_second(x, 0, start))
        if after < num_outputs:
            parts.append(self._every_second(x, after, num_outputs))
        return frames_of(middle, before - start, skip_frames), ops.concatenate(parts, axis=1)

    def _skip_by_itself(self, x: Any, first: int, frames: int) -> Any:
        """``frames`` of the convolution of a folded x, folded by ``skip_phases``."""
        first_row, offset = divmod(first, self.phases)
        num_rows = -(-(offset + frames + self.kernel_size - 1) // self.phases)
        read = frames_of(x, first_row, min(num_rows, x.shape[1] - first_row))
        read = unfold(read, self.phases // self.skip_phases)
        return convolve_part(self.convolution, read, offset, frames, self.skip_phases)

    def _every_second(self, x: Any, first: int, stop: int) -> Any:
        """Frames first, first + 2, ... of the convolution, as one of twice the features and half the frames."""
        count = (stop - first + 1) // 2
        needed = min(2 * count + self.kernel_size - 1, x.shape[1] - first)
        return convolve_part(
            self.convolution, fold(frames_of(x, first, needed), 2), 0, count, phases=2, stride=2
        )


class UpsamplingBlock(keras.layers.Layer):
    """Upsample, append the skip, convolve.

    (B, T, F), (B, 2 T - 1, F_skip) -> (B, 2 T - kernel, filters); with same padding all but the first have 2 T frames.
    Where ``phases`` is more than 1, the skip and the result are folded by it, x by half of it, and the convolution
    reads x itself: upsampling and convolution together are another convolution.
    """

    def __init__(
        self,
        filters: int,
        kernel: int,
        padding: Padding,
        upsampling: str,
        phases: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.upsampling = Upsampling(
            upsampling, padding, name="upsampling", dtype=self.dtype_policy
        )
        self.convolution = convolution(filters, kernel, padding, "convolution", self.dtype_policy)
        self.phases = phases

    def build(self, x_shape: tuple[int, ...], skip_shape: tuple[int, ...]) -> None:
        """The parameters of both layers, which a folded block does not call."""
        features, skip_features = (
            x_shape[2] // max(1, self.phases // 2),
            skip_shape[2] // self.phases,
        )
        self.upsampling.build((*x_shape[:2], features))
        self.convolution.build((*skip_shape[:2], skip_features + features))

    def call(self, x: Any, skip: Any, frames: int) -> Any:
        """See the class; ``frames`` leave the block."""
        if self.phases == 1:
            return self.convolution(ops.concatenate([skip, self.upsampling(x)], axis=-1))
        kernel, skip_features = (
            ops.convert_to_tensor(self.convolution.kernel),
            skip.shape[2] // self.phases,
        )
        weight = (
            self.upsampling.weight[:, None]
            if self.upsampling.kind == "learned"
            else self.upsampling.weight
        )
        of_x, rows = (
            through_upsampling(kernel[:, skip_features:], weight),
            -(-frames // self.phases),
        )
        from_skip = [(phase, kernel[:, :skip_features]) for phase in range(self.phases)]
        from_x = [(phase // 2, of_x[phase % 2]) for phase in range(self.phases)]
        y = convolve_rows(skip, self.phases, from_skip, rows) + convolve_rows(
            x, self.phases // 2, from_x, rows
        )
        return activate(self.convolution, y, self.phases)


class FoldedHeads(keras.layers.Conv1D):
    """A convolution of kernel 1 over the features of the mixture and x side by side, both of them folded.

    (B, T, phases C), (B, T, phases F) -> (B, T, phases filters).
    """

    def __init__(self, filters: int, phases: int, **kwargs: Any) -> None:
        super().__init__(filters, 1, **kwargs)
        self.phases = phases

    def build(self, mixture_shape: tuple[int, ...], x_shape: tuple[int, ...]) -> None:
        """The kernel and bias of the features of one frame."""
        super().build((*x_shape[:2], (mixture_shape[2] + x_shape[2]) // self.phases))
        self.input_spec = None  # that of one input

    def call(self, mixture: Any, x: Any) -> Any:
        """See the class."""
        kernel, split = ops.convert_to_tensor(self.kernel), mixture.shape[2] // self.phases
        from_mixture, from_x = (
            [(i, part) for i in range(self.phases)]
            for part in (kernel[:, :split], kernel[:, split:])
        )
        y = convolve_rows(mixture, self.phases, from_mixture, x.shape[1])
        return activate(self, y + convolve_rows(x, self.phases, from_x, x.shape[1]), self.phases)
