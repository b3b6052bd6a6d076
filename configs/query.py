"""Describes the network that answers queries, and the task that teaches it: docs/model.md.

A query is a source by its name, or some seconds of it out of another recording.
"""

from dataclasses import dataclass
from typing import Literal

from configs.checks import one_of, require, require_within
from configs.networks import WaveUNetSettings
from configs.tasks import SeparationSettings
from configs.training import LARGEST_FLOAT

# Convolutions of the audio of a query, each of which halves its columns.
HALVINGS = 4

# The lowest and the highest value of a field, generously.
_LIMITS = {
    "query_size": (1, 4096),
    "query_bands": (2, 512),
    "query_filters": (1, 4096),
    "query_window": (8, 2**15),
}
_TASK_LIMITS = {
    # Of less than a second nobody knows an instrument.
    "query_secs": (1, 60),
    "absent": (0, 0.9),
    "by_audio": (0, 1),
    "presence": (0, LARGEST_FLOAT),
    "doors": (0, LARGEST_FLOAT),
}


@dataclass(frozen=True)
class QueryNetworkSettings(WaveUNetSettings):
    """Describes a Wave-U-Net with one head, which a query steers behind the encoder.

    The fields of its trunk are those of the Wave-U-Net. The query enters at the bottleneck and at
    every level of the decoder.
    """

    kind: str = "query_wave_unet"
    # Of the fields of a Wave-U-Net these have one value here.
    output: Literal["direct"] = "direct"
    conditioning: Literal["film"] = "film"
    conditioned_at: Literal["decoder"] = "decoder"
    gate_heads: bool = False
    timing: Literal["none"] = "none"
    # The numbers that a query is, whichever way it was asked.
    query_size: int = 64
    # Bands on the mel scale in which the audio of a query is heard.
    query_bands: int = 64
    # Of each of the convolutions of these bands.
    query_filters: int = 64
    # Of the analysis of that audio, in frames; its hop is a quarter of it.
    query_window: int = 1024

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("model.gate_heads", self.gate_heads, (False,))
        one_of("model.gate_timing", self.gate_timing, (False,))
        one_of("model.context_size", self.context_size, (0,))
        require_within(self, "model", _LIMITS)
        frames = self.query_window
        require(frames % 4 == 0, "model.query_window", frames, "a multiple of 4")
        bands = self.query_bands
        expected = f"at most half of model.query_window, which is {frames}"
        require(bands <= frames // 2, "model.query_bands", bands, expected)

    @property
    def gives(self) -> str:
        """Returns what the network gives: what a query asks for."""
        return "target"

    @property
    def adds_up(self) -> bool:
        """Returns that the target and what it leaves are the mixture."""
        return True

    @property
    def takes_labels(self) -> bool:
        """Returns that labels are no condition of the network: a name is a query."""
        return False

    def remark_on(self, num_sources: int, num_channels: int) -> str:
        """Says nothing: one head serves any number of sources."""
        del num_sources, num_channels
        return ""


@dataclass(frozen=True)
class QuerySettings(SeparationSettings):
    """Says how a network learns to answer queries (trainer.tasks.query).

    The terms of separation compare the target and what it leaves of the mixture, two sources.
    """

    kind: str = "query"
    # Of the audio of a query in training and validation.
    query_secs: float = 6.0
    # Share of examples that ask for what the record does not have.
    absent: float = 0.25
    # Share of examples that ask by audio; the others ask by name.
    by_audio: float = 0.5
    # What a wrong probability that the target is there costs, its cross entropy.
    presence: float = 0.02
    # What it costs that the audio of an instrument is not the query that its name is: the cross
    # entropy of choosing among all names.
    doors: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        require_within(self, "task", _TASK_LIMITS)

    @property
    def learns(self) -> str:
        """Returns what the task learns to give: what a query asks for."""
        return "target"

    def require_excerpts(self, excerpt_secs: float) -> None:
        """Raises a ``ValueError`` where the audio of a query is longer than an excerpt."""
        secs = self.query_secs
        expected = f"at most data.excerpt_secs, which is {excerpt_secs:g}"
        require(secs <= excerpt_secs, "task.query_secs", secs, expected)
