"""The sizes of a Wave-U-Net in closed form: which patches fit, and where each skip is cropped.

Wave-U-Net: Stoller, Ewert, Dixon, "Wave-U-Net: A Multi-Scale Neural Network for End-to-End Audio Source
Separation", ISMIR 2018, section 3.2. All sizes are frames (audio samples per channel) at the rate of the level.

With valid padding a convolution of kernel k maps n to n - k + 1, decimation maps an odd 2n - 1 to n, and linear
upsampling maps n to 2n - 1 (the originals and the midpoints between them). With x frames out of the bottleneck,
L levels, kernels kd (down) and ku (up):

    estimate_frames = 2^L x - ku (2^L - 1)
    mixture_frames  = 2^L (x + kd - 1) + (kd - 2) (2^L - 1)

With same padding every layer keeps its length, decimation and upsampling map 2n to n and back, and both sizes are
the same multiple of 2^L.
"""

from dataclasses import dataclass, replace
from typing import Literal

Padding = Literal["valid", "same"]


@dataclass(frozen=True)
class PatchGeometry:
    """The patch of a network: ``mixture_frames`` go in, ``estimate_frames`` come out of its middle."""

    num_levels: int
    down_kernel: int
    up_kernel: int
    padding: Padding
    estimate_frames: int

    def __post_init__(self) -> None:
        if not 1 <= self.num_levels <= 20:
            raise ValueError(
                f"num_levels is {self.num_levels}; a Wave-U-Net has at least 1 level, here at most 20."
            )
        for name, kernel in (("down_kernel", self.down_kernel), ("up_kernel", self.up_kernel)):
            if kernel < 1 or kernel % 2 == 0:
                raise ValueError(
                    f"{name} is {kernel}; kernels are odd (1, 3, 5, ...), so that skips crop symmetrically."
                )
        legal = self.nearest_estimate_frames(self.estimate_frames)
        if self.estimate_frames not in legal:
            raise ValueError(
                f"estimate_frames is {self.estimate_frames}; with {self.padding} padding, {self.num_levels} levels and "
                f"kernels {self.down_kernel} and {self.up_kernel} the nearest legal sizes are "
                f"{' and '.join(map(str, legal))}."
            )

    @property
    def stride(self) -> int:
        """Frames per bottleneck frame, 2^L: the only shifts under which the network repeats itself."""
        return 2**self.num_levels

    @property
    def _border(self) -> int:
        """What the upward path takes off a patch, ku (2^L - 1); nothing with same padding."""
        return self.up_kernel * (self.stride - 1) if self.padding == "valid" else 0

    def nearest_estimate_frames(self, frames: int) -> tuple[int, ...]:
        """The legal sizes next to ``frames``: itself where it is legal, else the one below (if any) and above."""
        below = (frames + self._border) // self.stride
        smallest = self._border // self.stride + 1
        steps = sorted(
            {max(below, smallest), max(-(-(frames + self._border) // self.stride), smallest)}
        )
        return tuple(self.stride * x - self._border for x in steps)

    @property
    def bottleneck_frames(self) -> int:
        """Frames that leave the bottleneck convolution: x above."""
        return (self.estimate_frames + self._border) // self.stride

    @property
    def mixture_frames(self) -> int:
        """Frames of one network input."""
        return self.encoder_frames(1)

    @property
    def margin_frames(self) -> int:
        """Frames of the input on each side of the estimate."""
        return (self.mixture_frames - self.estimate_frames) // 2

    @property
    def context_frames(self) -> int:
        """Frames on each side of an estimate that it depends on.

        With valid padding the network reads exactly these; with same padding it is the receptive field's half
        width, beyond which the zeros at the border of a patch reach into the estimate.
        """
        if self.padding == "valid":
            return self.margin_frames
        half_down, half_up = self.down_kernel // 2, self.up_kernel // 2
        return (self.stride - 1) * (half_down + half_up + 1) + self.stride * half_down

    @property
    def hop_frames(self) -> int:
        """Distance between neighbouring patches of a full-length estimate: a multiple of 2^L, at least 2^L.

        Only then does the patch length change nothing but rounding.

        Raises:
            ValueError: a same-padded patch is too short to hold one frame that its borders do not touch.
        """
        usable = self.estimate_frames
        if self.padding == "same":
            usable -= 2 * self.kept_offset
        if usable < self.stride:
            raise ValueError(
                f"a patch of {self.estimate_frames} estimated frames has no {self.stride} frames to keep; use at least "
                f"{self.estimate_frames - usable + self.stride}."
            )
        return usable // self.stride * self.stride

    @property
    def kept_offset(self) -> int:
        """First frame of an estimate that a full-length estimate keeps, a multiple of 2^L."""
        return (
            0 if self.padding == "valid" else -(-self.context_frames // self.stride) * self.stride
        )

    @property
    def lead_frames(self) -> int:
        """Frames of the input before the first one that a full-length estimate keeps."""
        return self.context_frames if self.padding == "valid" else self.kept_offset

    def encoder_frames(self, level: int) -> int:
        """Frames that enter a level on the way down, 1 being the first; L + 1 is the bottleneck."""
        deeper = self.num_levels + 1 - level
        if self.padding == "same":
            return self.bottleneck_frames * 2**deeper
        return 2**deeper * (self.bottleneck_frames + self.down_kernel - 1) + (
            self.down_kernel - 2
        ) * (2**deeper - 1)

    def skip_frames(self, level: int) -> int:
        """Frames of the skip of a level: what comes up to it, after upsampling."""
        deeper = self.num_levels - level
        if self.padding == "same":
            return self.bottleneck_frames * 2 ** (deeper + 1)
        return 2 * (self.bottleneck_frames * 2**deeper - self.up_kernel * (2**deeper - 1)) - 1

    def decoder_frames(self, level: int) -> int:
        """Frames that leave a level on the way up."""
        return self.skip_frames(level) - (self.up_kernel - 1 if self.padding == "valid" else 0)

    def for_mixture(self, mixture_frames: int) -> "PatchGeometry":
        """The same network on a patch of this size; ``ValueError`` where it is not legal."""
        return replace(self, estimate_frames=mixture_frames - 2 * self.margin_frames)

    def resized(self, estimate_frames: int) -> "PatchGeometry":
        """The same network on the smallest legal patch that estimates at least ``estimate_frames``."""
        frames = self.nearest_estimate_frames(estimate_frames)[-1]
        return replace(self, estimate_frames=frames)
