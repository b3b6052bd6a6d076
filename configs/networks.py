"""Describes the networks that an experiment can train, a dataclass each, and lists them.

A config file names one by the field ``kind`` of its section ``model``; the other fields are those
of that network. ``trainer.networks`` makes a network from its dataclass.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from configs.checks import require, require_legal_words, require_within
from configs.geometry import MOST_LEVELS, Padding, PatchGeometry, Window

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
}


@dataclass(frozen=True)
class NetworkSettings:
    """Says of a network what later stages ask; the settings of each network derive from it."""

    kind: str

    @property
    def takes_labels(self) -> bool:
        """Says whether labels change what the network computes."""
        raise NotImplementedError

    def window(self, frames: int | None = None) -> Window:
        """Returns the sizes of one input and its estimate.

        Args: frames: the frames that an estimate shall have at least, or None for the size that
            training uses.
        """
        raise NotImplementedError

    def for_cpu(self) -> "NetworkSettings":
        """Returns the settings by which a CPU computes the same estimates, of the same weights."""
        return self

    def require_sources(self, sources: Sequence[str]) -> None:
        """Raises a ``ValueError`` where the network cannot estimate the sources of a vocabulary."""


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
        if self.output == "difference":
            require(self.residual is not None, "model.residual", None, "the name of a source")
        else:
            why = "none, because a direct output has no residual slot"
            require(self.residual is None, "model.residual", self.residual, why)
        self.geometry()

    @property
    def takes_labels(self) -> bool:
        """Says whether labels enter the features or multiply the heads."""
        return self.conditioning != "none" or self.gate_heads

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

    def for_cpu(self) -> "WaveUNetSettings":
        """Returns the settings with the computation that is the fastest on a CPU."""
        return replace(self, computation="cpu")

    def require_sources(self, sources: Sequence[str]) -> None:
        """Raises a ``ValueError`` where the residual is none of the sources."""
        if self.residual is not None:
            expected = "one of " + ", ".join(sources)
            require(self.residual in sources, "model.residual", self.residual, expected)


# A line for every network that ``model.kind`` can name.
NETWORKS: dict[str, type[NetworkSettings]] = {"wave_unet": WaveUNetSettings}
