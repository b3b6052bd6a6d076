"""Describes the network that hears single clips, of which puzzles are made."""

from dataclasses import dataclass
from typing import Literal

from configs.checks import require, require_legal_words, require_within
from configs.settings import NetworkSettings
from configs.tagger import ColumnWindow

# The lowest and the highest value of a field: ten times what is of use, and more.
_LIMITS = {
    "window_frames": (8, 2**16),
    "hop_frames": (1, 2**16),
    "num_bands": (8, 4096),
    "width": (1, 8192),
    "depth": (1, 16),
}
# Of the body waveform: each convolution keeps one frame of so many.
STRIDE = 4


@dataclass(frozen=True)
class ClipEncoderSettings(NetworkSettings):
    """Describes a network that gives features of a clip and answers nothing; see docs/ordering.md.

    The length of a clip is what the task of the experiment says.
    """

    kind: str = "clip_encoder"
    # Dense layers of the whole waveform; convolutions of the waveform, or of its mel spectrum.
    body: Literal["dense", "waveform", "mel"] = "mel"
    # Of the analysis of the body mel.
    window_frames: int = 512
    hop_frames: int = 256
    num_bands: int = 48
    # Units of each dense layer, or filters of the first convolution; those behind have twice and
    # then four times as many.
    width: int = 8
    # How many layers lie behind each other.
    depth: int = 3

    def __post_init__(self) -> None:
        require_within(self, "model", _LIMITS)
        require_legal_words(self, "model")
        even = self.window_frames % 2 == 0
        require(even, "model.window_frames", self.window_frames, "an even number of frames")
        if self.body == "mel":
            halves = self.num_bands >> (self.depth - 1) > 0
            expected = f"at least {2 ** (self.depth - 1)}: the convolutions halve the bands"
            require(halves, "model.num_bands", self.num_bands, expected)

    @property
    def gives(self) -> str:
        """Returns what the network gives: features."""
        return "features"

    @property
    def takes_labels(self) -> bool:
        """Returns that labels are no condition of the network."""
        return False

    @property
    def least_clip_frames(self) -> int:
        """Returns how long a clip is of which something is left."""
        if self.body == "dense":
            return 1
        if self.body == "waveform":
            return STRIDE**self.depth
        return self.window_frames

    def filters(self, layer: int) -> int:
        """Returns the filters of a convolution, counted from 0."""
        return self.width * 2 ** min(layer, 2)

    def window(self, frames: int | None = None) -> ColumnWindow:
        """Returns a window without context: what is heard is the clip, whatever its length."""
        return ColumnWindow(1, frames or 1, 0)
