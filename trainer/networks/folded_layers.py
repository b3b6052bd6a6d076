"""Holds the blocks of a Wave-U-Net on what is folded along time, for TPUs and any Keras backend.

They compute what the blocks in ``trainer.networks.layers`` compute, with the same variables, and
take valid padding alone. They are built for the features of one frame, as those are, before they
are called on folded ones. How a folded convolution works stands in ``trainer.networks.folded``.

Axes: B examples, T rows, F features of a frame. A folded x may hold any finite frames behind its
last one, so the number of frames comes as an argument.
"""

from typing import Any

import keras
from keras import ops

from trainer.networks.folded import (
    Phase,
    activate,
    convolve_part,
    convolve_rows,
    through_upsampling,
)
from trainer.networks.frames import fold, frames_of, unfold
from trainer.networks.layers import DownsamplingBlock, FeaturesShape, UpsamplingBlock


class FoldedDownsamplingBlock(DownsamplingBlock):
    """Computes every second frame, and the skip by itself.

    These are a few more operations than computing each frame once, but nothing is put together
    along time, and what is wide in time and narrow in features is folded: the input by ``phases``,
    what goes down by half of that (if it is more than 1), the skip by ``skip_phases``.
    """

    def __init__(
        self, phases: int, skip_phases: int, folds_input: bool = False, **kwargs: Any
    ) -> None:
        """Takes the numbers of phases, and whether the block is to fold its input itself."""
        super().__init__(padding="valid", **kwargs)
        self.phases = phases
        self.skip_phases = skip_phases
        self.folds_input = folds_input

    def call(self, x: Any, frames: int, skip_frames: int) -> tuple[Any, Any]:
        """Returns the skip and what goes down, both folded.

        Args:
            x: (B, T, phases F), or (B, frames, F) where the block folds it.
            frames: of the input; any finite frames may follow them in a folded x.
            skip_frames: of the convolution that the way up needs.
        """
        if self.folds_input:
            x = fold(x, self.phases)
        num_outputs = frames - self.kernel_size + 1
        down_frames = (num_outputs + 1) // 2
        down = convolve_part(self.convolution, x, 0, down_frames, self.phases, stride=2)
        return self._skip(x, (num_outputs - skip_frames) // 2, skip_frames), down

    def _skip(self, x: Any, first: int, frames: int) -> Any:
        """Computes ``frames`` of the convolution from ``first`` on, folded by ``skip_phases``."""
        first_row, offset = divmod(first, self.phases)
        num_rows = -(-(offset + frames + self.kernel_size - 1) // self.phases)
        rows = frames_of(x, first_row, min(num_rows, x.shape[1] - first_row))
        # (B, rows, phases F) -> (B, rows phases / skip_phases, skip_phases F)
        rows = unfold(rows, self.phases // self.skip_phases)
        return convolve_part(self.convolution, rows, offset, frames, self.skip_phases)


class FoldedUpsamplingBlock(UpsamplingBlock):
    """Reads x itself: upsampling and convolution together are another convolution.

    The skip and the result are folded by ``phases``, x by half of that; ``phases`` is a power of 2
    above 1.
    """

    def __init__(self, phases: int, **kwargs: Any) -> None:
        super().__init__(padding="valid", **kwargs)
        self.phases = phases

    def call(self, x: Any, skip: Any, frames: int) -> Any:
        """Returns the features of the level on the way up, folded by ``phases``.

        Args:
            x: from the level below, (B, T, phases / 2 F)
            skip: (B, T', phases F_skip)
            frames: that leave the block, in ceil(frames / phases) rows.
        """
        kernel = ops.convert_to_tensor(self.convolution.kernel)
        skip_features = skip.shape[2] // self.phases
        weight = self.upsampling.weight
        if self.upsampling.kind == "learned":
            # (F,) -> (F, 1), which broadcasts over the filters of a kernel (k, F, filters).
            weight = weight[:, None]
        x_kernels = through_upsampling(kernel[:, skip_features:], weight)
        # Frame i of an upsampled row begins to read at frame i // 2 of the row that is not.
        from_skip = [Phase(i, kernel[:, :skip_features]) for i in range(self.phases)]
        from_x = [Phase(i // 2, x_kernels[i % 2]) for i in range(self.phases)]
        num_rows = -(-frames // self.phases)
        # A convolution of two inputs side by side is the sum of one of each.
        y = convolve_rows(skip, self.phases, from_skip, num_rows)
        y = y + convolve_rows(x, self.phases // 2, from_x, num_rows)
        return activate(self.convolution, y, self.phases)


class FoldedHeads(keras.layers.Conv1D):
    """Is a convolution of one tap over the features of the mixture and of x, both of them folded.

    (B, T, phases C), (B, T, phases F) -> (B, T, phases filters).
    """

    def __init__(self, filters: int, phases: int, **kwargs: Any) -> None:
        super().__init__(filters, 1, **kwargs)
        self.phases = phases

    def build(self, shape: FeaturesShape) -> None:
        """Makes the kernel and bias for the features of one frame, of the mixture and of x."""
        super().build(shape)
        # Conv1D would go on to demand one input of this shape.
        self.input_spec = None

    def call(self, mixture: Any, x: Any) -> Any:
        """Returns the heads side by side, folded: (B, T, phases filters)."""
        kernel = ops.convert_to_tensor(self.kernel)
        num_channels = mixture.shape[2] // self.phases
        mixture_kernel = kernel[:, :num_channels]
        x_kernel = kernel[:, num_channels:]
        from_mixture = [Phase(i, mixture_kernel) for i in range(self.phases)]
        from_x = [Phase(i, x_kernel) for i in range(self.phases)]
        y = convolve_rows(mixture, self.phases, from_mixture, x.shape[1])
        y = y + convolve_rows(x, self.phases, from_x, x.shape[1])
        return activate(self, y, self.phases)
