"""Computes the sizes of the window of a Wave-U-Net, level by level.

Wave-U-Net: Stoller, Ewert, Dixon, "Wave-U-Net: A Multi-Scale Neural Network for End-to-End Audio
Source Separation", ISMIR 2018, section 3.2. All sizes are frames (audio samples per channel) at the
rate of the level.

With valid padding a convolution of kernel k maps n to n - k + 1, decimation maps an odd 2n - 1 to
n, and linear upsampling maps n to 2n - 1 (the originals and the midpoints between them). With x
frames out of the bottleneck, L levels, kernels kd (down) and ku (up):

    estimate_frames = 2^L x - ku (2^L - 1)
    mixture_frames  = 2^L (x + kd - 1) + (kd - 2) (2^L - 1)

With same padding every layer keeps its length, decimation and upsampling map 2n to n and back, and
both sizes are the same multiple of 2^L.
"""

from dataclasses import dataclass, replace
from typing import Literal

Padding = Literal["valid", "same"]

MOST_LEVELS = 20


@dataclass(frozen=True)
class PatchGeometry:
    """Holds the sizes of a Wave-U-Net's window, and what each of its levels gets and gives.

    ``mixture_frames`` go in, ``estimate_frames`` come out of their middle. It is a ``Window``.

    Raises:
        ValueError: the network or the size of its estimate is not possible.
    """

    num_levels: int
    down_kernel: int
    up_kernel: int
    padding: Padding
    estimate_frames: int

    def __post_init__(self) -> None:
        if not 1 <= self.num_levels <= MOST_LEVELS:
            raise ValueError(
                f"num_levels is {self.num_levels}; a Wave-U-Net has at least 1 level, here at most "
                f"{MOST_LEVELS}."
            )
        for name, kernel in (("down_kernel", self.down_kernel), ("up_kernel", self.up_kernel)):
            if kernel < 1 or kernel % 2 == 0:
                raise ValueError(
                    f"{name} is {kernel}; kernels are odd (1, 3, 5, ...), so that skips crop "
                    f"symmetrically."
                )
        legal = self.nearest_estimate_frames(self.estimate_frames)
        if self.estimate_frames not in legal:
            raise ValueError(
                f"estimate_frames is {self.estimate_frames}; with {self.padding} padding, "
                f"{self.num_levels} levels and kernels {self.down_kernel} and {self.up_kernel} the "
                f"nearest legal sizes are {' and '.join(map(str, legal))}."
            )

    @property
    def stride_frames(self) -> int:
        """Returns the frames per bottleneck frame, 2^L.

        They are the only shifts under which the network repeats itself.
        """
        return 2**self.num_levels

    @property
    def _border(self) -> int:
        """Returns what the upward path takes off: ku (2^L - 1), or nothing with same padding."""
        return self.up_kernel * (self.stride_frames - 1) if self.padding == "valid" else 0

    def nearest_estimate_frames(self, frames: int) -> tuple[int, ...]:
        """Returns the legal sizes next to ``frames``.

        These are ``frames`` alone where it is legal, else the size below (if any) and that above.
        """
        stride = self.stride_frames
        # A legal size is 2^L x - border, x being frames of the bottleneck, and not empty.
        smallest = self._border // stride + 1
        below = max((frames + self._border) // stride, smallest)
        above = max(-(-(frames + self._border) // stride), smallest)
        return tuple(stride * x - self._border for x in sorted({below, above}))

    @property
    def bottleneck_frames(self) -> int:
        """Returns the frames that leave the bottleneck convolution: x above."""
        return (self.estimate_frames + self._border) // self.stride_frames

    @property
    def mixture_frames(self) -> int:
        """Returns the frames of one network input."""
        return self.encoder_frames(1)

    @property
    def margin_frames(self) -> int:
        """Returns the frames of the input on each side of the estimate."""
        return (self.mixture_frames - self.estimate_frames) // 2

    @property
    def context_frames(self) -> int:
        """Returns the frames on each side of an estimate that it depends on.

        With valid padding the network reads exactly these. With same padding it is half the width
        of the receptive field: nearer to the border of a patch its zeros reach into the estimate.
        """
        if self.padding == "valid":
            return self.margin_frames
        half_down = self.down_kernel // 2
        half_up = self.up_kernel // 2
        # Level i works at a rate of 1 / 2^(i - 1), so its taps are 2^(i - 1) frames apart. Over all
        # levels that is 2^L - 1 for each half kernel, and 1 more for the neighbour that upsampling
        # reads. The bottleneck's taps are 2^L apart.
        stride = self.stride_frames
        return (stride - 1) * (half_down + half_up + 1) + stride * half_down

    @property
    def hop_frames(self) -> int:
        """Returns the distance between neighbouring patches, a multiple of 2^L and at least 2^L.

        Only then does the patch length change nothing but rounding.

        Raises:
            ValueError: a same-padded patch is too short to hold one frame that its borders do not
                touch.
        """
        usable = self.estimate_frames
        if self.padding == "same":
            usable -= 2 * self.kept_offset
        stride = self.stride_frames
        if usable < stride:
            raise ValueError(
                f"a patch of {self.estimate_frames} estimated frames has no {stride} frames to "
                f"keep; use at least {self.estimate_frames - usable + stride}."
            )
        return usable // stride * stride

    @property
    def overlap(self) -> int:
        """Returns 1: of neighbouring estimates one frame is kept as it is."""
        return 1

    @property
    def kept_offset(self) -> int:
        """Returns the first frame that a full-length estimate keeps, a multiple of 2^L."""
        if self.padding == "valid":
            return 0
        return -(-self.context_frames // self.stride_frames) * self.stride_frames

    @property
    def reach_frames(self) -> int:
        """Returns how far before and behind a frame of an estimate the mixture plays a part."""
        return self.lead_frames

    @property
    def lead_frames(self) -> int:
        """Returns the frames of the input before the first one that is kept of its estimate."""
        return self.context_frames if self.padding == "valid" else self.kept_offset

    def encoder_frames(self, level: int) -> int:
        """Returns the frames that enter a level on the way down.

        Level 1 is the first, L + 1 the bottleneck.
        """
        deeper = self.num_levels + 1 - level
        if self.padding == "same":
            return self.bottleneck_frames * 2**deeper
        # Upwards from the x + kd - 1 frames that the bottleneck reads: n -> 2 n - 1 + kd - 1.
        bottleneck_input = self.bottleneck_frames + self.down_kernel - 1
        return 2**deeper * bottleneck_input + (self.down_kernel - 2) * (2**deeper - 1)

    def skip_frames(self, level: int) -> int:
        """Returns the frames of the skip of a level: what comes up to it, after upsampling."""
        deeper = self.num_levels - level
        if self.padding == "same":
            return self.bottleneck_frames * 2 ** (deeper + 1)
        # What leaves the level below is 2^i x - ku (2^i - 1), i levels above the bottleneck.
        below = self.bottleneck_frames * 2**deeper - self.up_kernel * (2**deeper - 1)
        return 2 * below - 1

    def decoder_frames(self, level: int) -> int:
        """Returns the frames that leave a level on the way up."""
        if self.padding == "same":
            return self.skip_frames(level)
        return self.skip_frames(level) - (self.up_kernel - 1)

    def decoder_offset(self, level: int) -> int:
        """Returns the frame of the mixture that the first of ``decoder_frames`` is centred on.

        Its neighbours follow 2^(level - 1) frames apart. With same padding upsampling keeps the
        places of its input, and no convolution takes a frame off.
        """
        if self.padding == "same":
            return 0
        # Level 1 begins where the estimate does. Each level above the deepest takes ku // 2 of its
        # own frames off the beginning: (ku // 2) (1 + 2 + ... + 2^(level - 2)) lie between.
        return self.margin_frames - self.up_kernel // 2 * (2 ** (level - 1) - 1)

    def for_mixture(self, mixture_frames: int) -> "PatchGeometry":
        """Returns the same network's patch of this size.

        Raises:
            ValueError: there is none.
        """
        return replace(self, estimate_frames=mixture_frames - 2 * self.margin_frames)

    def resized(self, estimate_frames: int) -> "PatchGeometry":
        """Returns the same network's smallest patch that estimates at least so many frames."""
        frames = self.nearest_estimate_frames(estimate_frames)[-1]
        return replace(self, estimate_frames=frames)
