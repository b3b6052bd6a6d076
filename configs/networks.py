"""Describes the networks that separate, a dataclass each: the Wave-U-Net and masks of spectra.

A config file names one by the field ``kind`` of its section ``model``; the other fields are those
of that network. ``configs.typed`` lists all networks, ``trainer.networks`` makes one from its
dataclass.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from configs.checks import require, require_legal_words, require_within
from configs.geometry import MOST_LEVELS, OVERLAP, MaskWindow, Padding, PatchGeometry
from configs.settings import NetworkSettings

Computation = Literal["plain", "cpu", "tpu"]

_INSIDE = ("input", "bottleneck", "decoder", "heads")
# The legal pairs of how labels enter a Wave-U-Net, and where.
CONDITIONED_AT = {
    "none": ("none",),
    "concat": _INSIDE,
    "add": _INSIDE,
    "scale": _INSIDE,
    "film": _INSIDE,
    "outer": ("bottleneck",),
}

# The lowest and the highest value of a field of a Wave-U-Net: ten times what is of use, and more.
_LIMITS = {
    "num_levels": (1, MOST_LEVELS),
    "num_filters": (1, 4096),
    "down_kernel": (1, 1025),
    "up_kernel": (1, 1025),
    # Half an hour at 44.1 kHz.
    "estimate_frames": (1, 2**26),
    "timing_levels": (1, MOST_LEVELS),
    "gate_release_secs": (0, 60),
    "max_notes": (1, 2**16),
    "context_size": (0, 2**16),
}
# What tells when a note sounds has frames of at most so many seconds.
_LONGEST_TIMED_SECS = 0.012
_SHORTEST_RELEASE_SECS = 0.001

# The same of a network that masks a spectrogram.
_MASK_LIMITS = {
    "window_frames": (8, 2**16),
    "estimate_frames": (1, 2**26),
    "num_bins": (0, 2**15 + 1),
    "num_bands": (0, 4096),
    "width": (1, 8192),
    "depth": (1, 64),
    "context_columns": (0, 2**16),
}
# Dilations of the convolutions begin anew after so many: 1, 2, 4, 8, 16, 1, ...
_DILATIONS = 5


@dataclass(frozen=True)
class WaveUNetSettings(NetworkSettings):
    """Describes the Wave-U-Net and how labels enter it; docs/model.md explains each field."""

    kind: str = "wave_unet"
    num_levels: int = 12
    # Level i has i times as many filters.
    num_filters: int = 24
    down_kernel: int = 15
    up_kernel: int = 5
    padding: Padding = "valid"
    estimate_frames: int = 16389
    upsampling: Literal["linear", "learned"] = "linear"
    output: Literal["direct", "difference"] = "direct"
    # A difference output leaves this source to the mixture.
    residual: str | None = None
    head_activation: Literal["tanh", "linear"] = "tanh"
    conditioning: Literal["none", "concat", "add", "scale", "film", "outer"] = "film"
    conditioned_at: Literal["none", "input", "bottleneck", "decoder", "heads"] = "bottleneck"
    # Labels multiply the direct heads.
    gate_heads: bool = True
    # What the notes of a piece tell the features: nothing, when each instrument plays, or what too.
    timing: Literal["none", "activity", "notes"] = "none"
    # They enter so many levels of the decoder, of the lowest rates that tell 12 ms apart.
    timing_levels: int = 5
    # Notes silence each direct head where its instrument rests ...
    gate_timing: bool = False
    # ... but not so soon behind a note: strings and rooms sound on.
    gate_release_secs: float = 0.2
    # That reach into a patch of training, at most.
    max_notes: int = 128
    # Numbers of the vector that another modality has for each slot; 0: the network takes none.
    context_size: int = 0
    # How it is computed; weights and results are the same.
    computation: Computation = "cpu"

    def __post_init__(self) -> None:
        require_within(self, "model", _LIMITS)
        require_legal_words(self, "model")
        if self.conditioned_at not in CONDITIONED_AT[self.conditioning]:
            pairs = [
                f"{kind} at {place}" for kind, places in CONDITIONED_AT.items() for place in places
            ]
            raise ValueError(
                f"model.conditioning {self.conditioning!r} has no place {self.conditioned_at!r} "
                f"(model.conditioned_at); the legal pairs are {', '.join(pairs)}."
            )
        release = self.gate_release_secs
        expected = f"0, or at least {_SHORTEST_RELEASE_SECS}"
        legal_release = release == 0 or release >= _SHORTEST_RELEASE_SECS
        require(legal_release, "model.gate_release_secs", release, expected)
        if self.output == "difference":
            require(self.residual is not None, "model.residual", None, "the name of a source")
        else:
            why = "none, because a direct output has no residual slot"
            require(self.residual is None, "model.residual", self.residual, why)
        self.geometry()

    @property
    def adds_up(self) -> bool:
        """Says whether one source is what the others leave of the mixture."""
        return self.output == "difference"

    @property
    def takes_labels(self) -> bool:
        """Says whether labels enter the features or multiply the heads."""
        return self.conditioning != "none" or self.gate_heads

    @property
    def takes_notes(self) -> bool:
        """Says whether notes enter the features or silence the heads."""
        return self.timing != "none" or self.gate_timing

    @property
    def num_notes(self) -> int:
        """Returns how many notes the network takes with a patch of training."""
        return self.max_notes if self.takes_notes else 0

    @property
    def context_numbers(self) -> int:
        """Returns how many numbers the network takes for each slot from another modality."""
        return self.context_size

    def timed_levels(self, sample_rate: int) -> list[int]:
        """Returns the levels of the decoder that notes enter, in its order, the deepest first."""
        if self.timing == "none":
            return []
        # Level i leaves a frame every 2^(i - 1) frames of the mixture; level 1 tells single ones.
        longest = max(1.0, _LONGEST_TIMED_SECS * sample_rate)
        levels = [level for level in range(1, self.num_levels + 1) if 2 ** (level - 1) <= longest]
        return levels[::-1][: self.timing_levels]

    def geometry(self) -> PatchGeometry:
        """Returns the sizes of a training patch."""
        return PatchGeometry(
            num_levels=self.num_levels,
            down_kernel=self.down_kernel,
            up_kernel=self.up_kernel,
            padding=self.padding,
            estimate_frames=self.estimate_frames,
        )

    def window(self, frames: int | None = None) -> PatchGeometry:
        """Returns the patch of training, or the smallest one that estimates so many frames."""
        if frames is None:
            return self.geometry()
        return self.geometry().resized(frames)

    @property
    def least_clip_frames(self) -> int:
        """Returns what a frame of the bottleneck reads."""
        return self._read_at(self.num_levels)

    def fitting(self, clip_frames: int) -> str:
        """Says in words how many levels hear clips so short; empty where none does."""
        fewer = [n for n in range(1, self.num_levels) if self._read_at(n) <= clip_frames]
        return f"model.num_levels={fewer[-1]}" if fewer else ""

    def _read_at(self, num_levels: int) -> int:
        """Returns what a frame below so many levels reads: 1 + (k - 1) (2^(L + 1) - 1) frames."""
        if self.padding == "same":
            return int(2**num_levels)
        return int(1 + (self.down_kernel - 1) * (2 ** (num_levels + 1) - 1))

    def for_export(self) -> "WaveUNetSettings":
        """Returns the settings with the computation that is the fastest on a CPU."""
        return replace(self, computation="cpu")

    def for_tpu(self) -> "WaveUNetSettings":
        """Returns the settings with the computation that is the fastest on a TPU."""
        return replace(self, computation="tpu")

    def require_sources(self, sources: Sequence[str]) -> None:
        """Raises a ``ValueError`` where the residual is none of the sources."""
        if self.residual is not None:
            expected = "one of " + ", ".join(sources)
            require(self.residual in sources, "model.residual", self.residual, expected)

    def remark_on(self, num_sources: int, num_channels: int) -> str:
        """Says where the heads are more than what enters them: some are then sums of others."""
        num_features = self.num_filters + num_channels
        num_heads = (num_sources - (self.residual is not None)) * num_channels
        if self.conditioned_at == "heads" or num_heads <= num_features:
            return ""
        return (
            f"the {num_heads} heads of {num_sources} sources are computed of {num_features} "
            f"features (model.num_filters and the channels), so that before their activation some "
            f"are sums of others; task.kind=query has no such limit (docs/model.md)."
        )


@dataclass(frozen=True)
class StftMaskSettings(NetworkSettings):
    """Describes a network that masks the short-time spectrum of the mixture; see docs/model.md."""

    kind: str = "stft_mask"
    # Of the analysis; its hop is a quarter of it.
    window_frames: int = 4096
    # At least; whole columns are estimated.
    estimate_frames: int = 65536
    body: Literal["tcn", "unet", "blstm", "lstm"] = "tcn"
    # What becomes of a body's outputs; softmax: the estimates add up to the mixture.
    mask: Literal["soft", "binary", "softmax", "relu"] = "soft"
    # What a body hears of a column.
    features: Literal["log", "magnitude"] = "log"
    # The lowest bins, that many; 0: all.
    num_bins: int = 0
    # Bands on the mel scale in which a body hears and masks; 0: it does so bin by bin.
    num_bands: int = 0
    # Features of a column; of "unet" those of the first level, of "lstm" and "blstm" the units.
    width: int = 256
    # How many convolutions, levels or recurrent layers lie behind each other.
    depth: int = 8
    # Of a recurrent body, on each side: 1.4 s at 44.1 kHz. That of the others follows from depth.
    context_columns: int = 60
    # A body for each source, or one for all.
    own_bodies: bool = False
    conditioning: Literal["none", "film"] = "film"
    # Labels multiply the estimates.
    gate_heads: bool = True
    # How spectra are computed; products with matrices are for programs that know no transform.
    transforms: Literal["fourier", "products"] = "fourier"

    def __post_init__(self) -> None:
        require_within(self, "model", _MASK_LIMITS)
        require_legal_words(self, "model")
        frames = self.window_frames
        require(frames % OVERLAP == 0, "model.window_frames", frames, "a multiple of 4")
        expected = f"at most {self.highest_bins}, of a window of {frames} frames"
        require(self.num_bins <= self.highest_bins, "model.num_bins", self.num_bins, expected)
        bands = self.num_bands
        require(bands != 1, "model.num_bands", bands, "0 or at least 2")
        one_of_two = not (bands and self.num_bins)
        require(one_of_two, "model.num_bands", bands, "0, as model.num_bins chooses bins")
        if self.body == "blstm":
            require(self.width % 2 == 0, "model.width", self.width, "even: half in each direction")
        if self.body == "unet":
            levels = self.depth
            expected = "1 to 8: each level of the body unet halves the bins"
            halves = self.heard_features >> levels > 0
            require(levels <= 8 and halves, "model.depth", levels, expected)

    @property
    def highest_bins(self) -> int:
        """Returns how many bins a column has."""
        return self.window_frames // 2 + 1

    @property
    def heard_features(self) -> int:
        """Returns how many features of a column and channel a body hears."""
        return self.num_bands or self.num_bins or self.highest_bins

    @property
    def masked_features(self) -> int:
        """Returns how many masks of a column and channel a body gives for a source."""
        return self.num_bands or self.highest_bins

    @property
    def adds_up(self) -> bool:
        """Says whether the masks of a bin add up to 1."""
        return self.mask == "softmax"

    @property
    def takes_labels(self) -> bool:
        """Says whether labels enter the features or multiply the estimates."""
        return self.conditioning != "none" or self.gate_heads

    def for_export(self) -> "StftMaskSettings":
        """Returns the settings with spectra that are products with matrices."""
        return replace(self, transforms="products")

    def for_tpu(self) -> "StftMaskSettings":
        """Returns the same: what a TPU is made for is products."""
        return replace(self, transforms="products")

    @property
    def dilations(self) -> list[int]:
        """Returns the columns between the taps of each convolution of the body tcn."""
        return [2 ** (i % _DILATIONS) for i in range(self.depth)]

    def window(self, frames: int | None = None) -> MaskWindow:
        """Returns the window of training, or the smallest one that estimates so many frames.

        The body unet has five taps along time, at half the rate of columns with each of L levels.
        It masks 2^L x - 5 (2^L - 1) columns, x being those of the last level, of 4 (2^L - 1) more
        on each side.
        """
        if frames is None:
            frames = self.estimate_frames
        hop = self.window_frames // OVERLAP
        num_masked = -(-frames // hop) + OVERLAP - 1
        if self.body == "tcn":
            return MaskWindow(hop, num_masked, sum(self.dilations))
        if self.body == "unet":
            stride = 2**self.depth
            lost = stride - 1
            # At least a stride is left when what is no whole one is dropped.
            num_masked = max(num_masked, stride + OVERLAP - 1)
            last = -(-(num_masked + 5 * lost) // stride)
            return MaskWindow(hop, stride * last - 5 * lost, 4 * lost, stride)
        return MaskWindow(hop, num_masked, self.context_columns)
