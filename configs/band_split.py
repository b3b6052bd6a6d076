"""Describes the network that attends to bands of a spectrum."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from configs.checks import require, require_legal_words, require_within
from configs.settings import NetworkSettings

# The lowest and the highest value of a field: ten times what is of use, and more.
_LIMITS = {
    "window_frames": (8, 2**16),
    "hop_frames": (1, 2**16),
    "estimate_frames": (1, 2**26),
    "overlap": (1, 16),
    "num_bands": (2, 4096),
    "width": (1, 8192),
    "depth": (1, 64),
    "time_depth": (1, 64),
    "frequency_depth": (1, 64),
    "linear_depth": (0, 64),
    "num_heads": (1, 1024),
    "head_size": (2, 8192),
    "mask_depth": (1, 16),
    "mask_wider": (1, 64),
}
# Of 1025 bins at 44.1 kHz, as published.
PUBLISHED_BANDS = (*(2,) * 24, *(4,) * 12, *(12,) * 8, *(24,) * 8, *(48,) * 8, 128, 129)


@dataclass(frozen=True)
class ChunkWindow:
    """Holds the sizes of a chunk, on all of which its estimate depends. It is a ``Window``.

    What goes in comes out. Chunks of a full-length estimate overlap, and fade in and out, because
    the estimates of two chunks differ where both lie.
    """

    analysis_hop: int
    num_hops: int
    overlap: int

    @property
    def mixture_frames(self) -> int:
        """Returns the frames of a chunk."""
        return self.num_hops * self.analysis_hop

    @property
    def estimate_frames(self) -> int:
        """Returns the frames of a chunk."""
        return self.mixture_frames

    @property
    def margin_frames(self) -> int:
        """Returns 0: all that is read is estimated."""
        return 0

    @property
    def stride_frames(self) -> int:
        """Returns the distance between chunks: under other shifts they lie elsewhere."""
        return self.hop_frames

    @property
    def reach_frames(self) -> int:
        """Returns the frames of a chunk: all of one play a part in each frame of it."""
        return self.mixture_frames

    @property
    def hop_frames(self) -> int:
        """Returns the distance between chunks that are neighbours."""
        return -(-self.mixture_frames // self.overlap)

    @property
    def lead_frames(self) -> int:
        """Returns 0: the first chunk begins where the track does."""
        return 0

    @property
    def kept_offset(self) -> int:
        """Returns 0: all of an estimate is kept."""
        return 0


@dataclass(frozen=True)
class BandSplitSettings(NetworkSettings):
    """Describes a network that attends to bands along time and frequency; see docs/model.md."""

    kind: str = "band_split"
    # Of the analysis.
    window_frames: int = 2048
    hop_frames: int = 441
    # Of a chunk, at least; it is a whole number of hops.
    estimate_frames: int = 352_800
    # Chunks over each frame of a full-length estimate.
    overlap: int = 2
    # Listed: band_bins side by side; mel: as wide as mel filters, overlapping.
    bands: Literal["listed", "mel"] = "listed"
    # Bins of each band, from the lowest on.
    band_bins: tuple[int, ...] = PUBLISHED_BANDS
    # Of mel bands.
    num_bands: int = 60
    # Features of a band.
    width: int = 256
    # Blocks, each of which attends along time, then along frequency, as often as the next two say.
    depth: int = 6
    time_depth: int = 1
    frequency_depth: int = 1
    # Before both, how often features read features; 0: not at all.
    linear_depth: int = 0
    num_heads: int = 8
    head_size: int = 64
    # As published files count the layers of a mask: with listed bands the last one, too.
    mask_depth: int = 2
    # How many times the width those between have.
    mask_wider: int = 4
    # This source is what the others leave of the mixture.
    residual: str | None = None
    conditioning: Literal["none", "film"] = "film"
    # Labels multiply the estimates.
    gate_heads: bool = True

    def __post_init__(self) -> None:
        require_within(self, "model", _LIMITS)
        require_legal_words(self, "model")
        even = self.window_frames % 2 == 0
        require(even, "model.window_frames", self.window_frames, "an even number of frames")
        expected = f"at most half of model.window_frames, {self.window_frames // 2}"
        overlaps = 2 * self.hop_frames <= self.window_frames
        require(overlaps, "model.hop_frames", self.hop_frames, expected)
        require(self.head_size % 2 == 0, "model.head_size", self.head_size, "even: pairs turn")
        frames = self.window().mixture_frames
        expected = f"at least model.window_frames, {self.window_frames}"
        is_long = frames >= self.window_frames
        require(is_long, "model.estimate_frames", self.estimate_frames, expected)
        if self.bands == "listed":
            total = sum(self.band_bins)
            expected = f"bins that add up to {self.highest_bins}, those of model.window_frames"
            legal = total == self.highest_bins and min(self.band_bins) > 0
            require(legal, "the sum of model.band_bins", total, expected)

    @property
    def highest_bins(self) -> int:
        """Returns how many bins a column has."""
        return self.window_frames // 2 + 1

    @property
    def hidden_layers(self) -> int:
        """Returns how many layers of a mask lie before its last one."""
        if self.bands == "mel":
            return self.mask_depth
        return self.mask_depth - 1

    @property
    def adds_up(self) -> bool:
        """Says whether one source is what the others leave of the mixture."""
        return self.residual is not None

    @property
    def takes_labels(self) -> bool:
        """Says whether labels enter the features or multiply the estimates."""
        return self.conditioning != "none" or self.gate_heads

    @property
    def least_clip_frames(self) -> int:
        """Returns the frames of the analysis: it attends to as many columns as there are."""
        return self.window_frames

    def window(self, frames: int | None = None) -> ChunkWindow:
        """Returns the chunk, whatever is asked for: another one would have other estimates."""
        del frames
        return ChunkWindow(
            self.hop_frames, -(-self.estimate_frames // self.hop_frames), self.overlap
        )

    def require_sources(self, sources: Sequence[str]) -> None:
        """Raises a ``ValueError`` where the residual is none of several sources."""
        if self.residual is not None:
            expected = "one of " + ", ".join(sources)
            legal = self.residual in sources
            require(legal, "model.residual", self.residual, expected)
            require(
                len(sources) > 1, "model.residual", self.residual, "none: it is the only source"
            )
