"""Says which instruments play in a song, by the tagger of a run.

Axes: K instruments, J columns, T frames, C channels.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.tracks import Waveform
from trainer.inference.listener import TrainedListener
from trainer.tasks.tagging.pieces import SHARE, piece_labels
from trainer.tasks.tagging.thresholds import thresholds_of


class Heard(NamedTuple):
    """Holds what was heard in a song."""

    # In the order of the tagger's instruments.
    labels: tuple[str, ...]
    # (K, J), the probability of each of these instruments.
    activity: NDArray[np.float32]
    sources: tuple[str, ...]
    # From one column to the next.
    column_secs: float
    # In the order of the sources: the share of the columns in which each reaches its threshold.
    shares: tuple[float, ...]


class Recogniser:
    """Is the tagger of a run, its thresholds, and the rule by which a piece has an instrument."""

    def __init__(
        self,
        workdir: str,
        needed: Sequence[str],
        checkpoint: str = "best",
        weights: str = "average",
    ) -> None:
        """Restores the tagger.

        Args:
            workdir: folder of the run.
            needed: the sources of the separator, which the tagger must know.
            checkpoint: best (in validation), latest, or a number of steps.
            weights: average or raw.

        Raises:
            ValueError: there is no run, it hears no instruments, or others than are needed.
        """
        self._listener = TrainedListener(workdir, checkpoint, weights)
        known = self._listener.sources
        missing = [name for name in needed if name not in known]
        if missing:
            raise ValueError(
                f"the tagger {workdir} knows {', '.join(known)} and not {', '.join(missing)}, "
                "which the separator estimates; name a tagger of the same instruments."
            )
        self._needed = tuple(needed)
        self._thresholds = thresholds_of(workdir, self._listener.step, known, weights)
        self.words = f"step {self._listener.step:,} of {workdir}"

    def identity(self) -> dict[str, Any]:
        """Returns what the labels depend on beside the song, as plain values."""
        return {
            "tagger": self._listener.checksum(),
            "thresholds": self._thresholds,
            "share": SHARE,
        }

    def listen(self, blocks: Iterable[Waveform], sample_rate: int) -> Heard:
        """Says what plays in a song that comes in blocks (frames, C), of any rate and length."""
        return self._heard(self._listener.listen(blocks, sample_rate))

    def _heard(self, activity: NDArray[np.float32]) -> Heard:
        smoothed = self._listener.smoothed(activity)
        labels = piece_labels(smoothed, self._thresholds)
        # (K, 1), in the order of the sources, as the probabilities are.
        thresholds = np.array([[value] for value in self._thresholds.values()], np.float64)
        return Heard(
            # What else it knows is no label of the separator.
            labels=tuple(name for name in labels if name in self._needed),
            activity=smoothed,
            sources=self._listener.sources,
            column_secs=1 / self._listener.columns_per_second,
            shares=tuple((smoothed >= thresholds).mean(axis=1).tolist()),
        )
