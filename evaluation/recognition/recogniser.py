"""Says which instruments play in a song, by the tagger of a run.

Axes: K instruments, J columns, T frames, C channels.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.tracks import Waveform
from trainer.tasks.tagging.pieces import heard_columns, piece_labels
from trainer.tasks.tagging.tagger import Tagger


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
    """Is a tagger as a function of songs, for a separator."""

    def __init__(self, tagger: Tagger, needed: Sequence[str]) -> None:
        """Takes a tagger.

        Args:
            tagger: the network of a run, and its thresholds.
            needed: the sources of the separator, which the tagger must know.

        Raises:
            ValueError: it does not know all of them.
        """
        missing = [name for name in needed if name not in tagger.sources]
        if missing:
            raise ValueError(
                f"the tagger ({tagger.origin}) knows {', '.join(tagger.sources)} and not "
                f"{', '.join(missing)}, which the separator estimates; name a tagger of the same "
                "instruments."
            )
        self._tagger = tagger
        self._needed = tuple(needed)
        self.words = tagger.origin

    def identity(self) -> dict[str, Any]:
        """Returns what the labels depend on beside the song, as plain values."""
        return self._tagger.identity()

    def listen(self, blocks: Iterable[Waveform], sample_rate: int) -> Heard:
        """Says what plays in a song that comes in blocks (frames, C), of any rate and length."""
        tagger = self._tagger
        activity = tagger.hear(blocks, sample_rate)
        labels = piece_labels(activity, tagger.thresholds, tagger.share)
        return Heard(
            # What else it knows is no label of the separator.
            labels=tuple(name for name in labels if name in self._needed),
            activity=activity,
            sources=tagger.sources,
            column_secs=tagger.column_secs,
            shares=tuple(heard_columns(activity, tagger.thresholds).mean(axis=1).tolist()),
        )
