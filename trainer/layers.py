"""The blocks of a Wave-U-Net (Stoller, Ewert, Dixon, ISMIR 2018, table 1), for any Keras backend.

Axes: B examples, T frames at the rate of the level, F features. T is static.
"""

from typing import Any

import keras
from keras import ops

from configs.geometry import Padding
from configs.schema import Form

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
    pairs = fold(x, 2)  # 2 F features, of which the first F stay
    return ops.slice(pairs, (0, 0, 0), (ops.shape(x)[0], pairs.shape[1], features))


def fold(x: Any, phases: int) -> Any:
    """Neighbouring frames side by side: (B, T, F) -> (B, ceil(T / phases), phases F), zeros behind the last frame."""
    whole = ops.pad(x, ((0, 0), (0, -x.shape[1] % phases), (0, 0)))
    return ops.reshape(whole, (-1, whole.shape[1] // phases, phases * x.shape[2]))


def unfold(x: Any, phases: int, frames: int) -> Any:
    """The inverse of ``fold``, as far as ``frames``: (B, T, phases F) -> (B, frames, F)."""
    return frames_of(ops.reshape(x, (-1, x.shape[1] * phases, x.shape[2] // phases)), 0, frames)


def convolve_part(layer: keras.layers.Conv1D, x: Any, first: int, frames: int, phases: int, stride: int = 1) -> Any:
    """Frames first, first + stride, ... of what a layer of valid padding makes of a folded x, folded too.

    x (B, T, phases F) -> (B, ceil(frames / out), out filters), out = phases / stride or 1. Of a frame of the result
    the kernel reads the ``phases`` frames that share a row from some of its taps: it is laid out anew for each phase
    of the result, with zeros where it reads nothing.
    """
    kernel = ops.convert_to_tensor(layer.kernel)  # (taps, F, filters), in the compute dtype
    taps, features, filters = kernel.shape
    out = max(1, phases // stride)
    first_row, offset = divmod(first, phases)
    rows_read = -(-(offset + stride * (out - 1) + taps) // phases)
    folded = []
    for lead in (offset + stride * phase for phase in range(out)):
        padded = ops.pad(kernel, ((lead, rows_read * phases - lead - taps), (0, 0), (0, 0)))
        folded.append(ops.reshape(padded, (rows_read, phases * features, filters)))
    rows, row_stride = -(-frames // out), stride * out // phases
    needed = (rows - 1) * row_stride + rows_read
    read = frames_of(x, first_row, min(needed, x.shape[1] - first_row))
    read = ops.pad(read, ((0, 0), (0, needed - read.shape[1]), (0, 0)))
    y = ops.conv(read, ops.concatenate(folded, axis=2), strides=row_stride, padding="valid")
    return layer.activation(y + ops.tile(ops.convert_to_tensor(layer.bias), out))


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

    def call(self, x: Any) -> Any:
        """See the class."""
        frames, features = x.shape[1], x.shape[2]
        before, after, last = frames_of(x, 0, frames - 1), frames_of(x, 1, frames - 1), frames_of(x, frames - 1, 1)
        weight = ops.sigmoid(self.logits) if self.kind == "learned" else 0.5
        between = weight * before + (1 - weight) * after
        doubled = ops.reshape(ops.concatenate([before, between], axis=2), (-1, 2 * (frames - 1), features))
        return ops.concatenate([doubled, last, last] if self.padding == "same" else [doubled, last], axis=1)


class DownsamplingBlock(keras.layers.Layer):
    """Convolve, keep the middle as a skip, send every second frame down.

    (B, T, F) -> the skip (B, skip_frames, filters) and what goes down, (B, ceil(T' / 2), filters), T' being the
    frames of the convolution. Three forms compute the same; with same padding, where every frame is used, all are
    the first:

    - ``plain``: the convolution as a whole, of which most is thrown away.
    - ``cpu``: every frame once. Around the skip only every second frame is computed.
    - ``tpu``: every second frame, and the skip by itself: a few more operations, but nothing is put together along
      time, and what is wide in time and narrow in features is folded. Here x and what goes down are folded by
      ``phases`` and half of that; T is ``frames``, beyond which a folded x holds anything finite.
    """

    def __init__(self, filters: int, kernel: int, padding: Padding, form: Form, phases: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.form = form if padding == "valid" else "plain"
        self.kernel_size, self.phases = kernel, phases
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
            skip = convolve_part(self.convolution, x, before, skip_frames, self.phases)
            down = convolve_part(self.convolution, x, 0, (num_outputs + 1) // 2, self.phases, stride=2)
            return unfold(skip, self.phases, skip_frames), down
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

    def _every_second(self, x: Any, first: int, stop: int) -> Any:
        """Frames first, first + 2, ... of the convolution, as one of twice the features and half the frames."""
        count = (stop - first + 1) // 2
        needed = min(2 * count + self.kernel_size - 1, x.shape[1] - first)
        return convolve_part(self.convolution, fold(frames_of(x, first, needed), 2), 0, count, phases=2, stride=2)


class UpsamplingBlock(keras.layers.Layer):
    """Upsample, append the skip, convolve.

    (B, T, F), (B, 2 T - 1, F_skip) -> (B, 2 T - kernel, filters); with same padding all but the first have 2 T frames.
    """

    def __init__(self, filters: int, kernel: int, padding: Padding, upsampling: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.upsampling = Upsampling(upsampling, padding, name="upsampling", dtype=self.dtype_policy)
        self.convolution = convolution(filters, kernel, padding, "convolution", self.dtype_policy)

    def call(self, x: Any, skip: Any) -> Any:
        """See the class."""
        x = self.upsampling(x)
        return self.convolution(ops.concatenate([skip, x], axis=-1))
