"""Says what the settings of every network and of every task have."""

from collections.abc import Sequence
from dataclasses import dataclass

from configs.checks import require
from configs.geometry import Window


@dataclass(frozen=True)
class NetworkSettings:
    """Says of a network what later stages ask; the settings of each network derive from it."""

    kind: str

    @property
    def gives(self) -> str:
        """Returns what the network gives, which tasks ask for: estimates of sources."""
        return "estimates"

    @property
    def takes_labels(self) -> bool:
        """Says whether labels change what the network computes."""
        raise NotImplementedError

    @property
    def adds_up(self) -> bool:
        """Says whether the estimates add up to the mixture, whatever the network has learnt."""
        return False

    @property
    def takes_notes(self) -> bool:
        """Says whether the notes of a piece change what the network computes."""
        return False

    @property
    def num_notes(self) -> int:
        """Returns how many notes the network takes with a patch of training."""
        return 0

    @property
    def context_numbers(self) -> int:
        """Returns how many numbers the network takes for each slot from another modality."""
        return 0

    def window(self, frames: int | None = None) -> Window:
        """Returns the sizes of one input and its estimate.

        A network whose estimate depends on its whole window has one alone, whatever is wanted.

        Args: frames: the frames that an estimate shall have at least, or None for the size that
            training uses.
        """
        raise NotImplementedError

    @property
    def least_clip_frames(self) -> int:
        """Returns how many frames an encoder reads at once, so that a clip has as many at least."""
        return self.window(1).mixture_frames

    def fitting(self, clip_frames: int) -> str:
        """Says in words which setting would let the encoder hear clips so short; empty: none."""
        del clip_frames
        return ""

    def for_export(self) -> "NetworkSettings":
        """Returns the settings by which other programs compute the same, of the same weights."""
        return self

    def for_tpu(self) -> "NetworkSettings":
        """Returns the settings with the computation that is the fastest on a TPU, if it has one."""
        return self

    def require_sources(self, sources: Sequence[str]) -> None:
        """Raises a ``ValueError`` where the network cannot estimate the sources of a vocabulary."""

    def remark_on(self, num_sources: int, num_channels: int) -> str:
        """Returns what should be known of so many sources, a sentence; empty where nothing is."""
        del num_sources, num_channels
        return ""


@dataclass(frozen=True)
class TaskSettings:
    """Names a task; a dataclass for each task derives from this one and adds its settings."""

    kind: str

    @property
    def learns(self) -> str:
        """Returns what the task learns to give, as networks call it: estimates of sources."""
        return "estimates"

    def require_network(self, model: NetworkSettings, sample_rate: int) -> None:
        """Raises a ``ValueError`` where the task cannot teach a network anything at this rate."""
        del sample_rate
        expected = f"one that gives {self.learns}, which task.kind={self.kind} learns"
        require(model.gives == self.learns, "model.kind", model.kind, expected)

    def require_excerpts(self, excerpt_secs: float) -> None:
        """Raises a ``ValueError`` where the task cannot learn from excerpts of this length."""

    def require_window(self, window: Window) -> None:
        """Raises a ``ValueError`` where the task cannot learn from windows of this size."""

    def require_augmentation(self, keeps_the_mixture: bool) -> None:
        """Raises a ``ValueError`` where the task cannot learn from mixtures that are changed."""
