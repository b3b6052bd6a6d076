"""Says what was heard in a file, whatever its rate, length and channels.

Axes: K instruments, J columns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.decoding import DecodedFile
from data_prep.audio.tracks import AudioFormat
from data_prep.runtime.quantities import clock
from evaluation.taggrams.envelope import Envelope
from evaluation.taggrams.spans import Span, find_spans
from trainer.tasks.tagging.pieces import (
    heard_columns,
    piece_labels,
    piece_probabilities,
)
from trainer.tasks.tagging.tagger import Tagger


@dataclass(frozen=True)
class HeardFile:
    """Holds what was heard in a file."""

    # Of the file, without its folder.
    name: str
    audio_format: AudioFormat
    num_frames: int
    # (K, J), the probabilities of all columns.
    activity: NDArray[np.float32]
    # Of all K instruments, in their order.
    thresholds: dict[str, float]
    # Of the columns, from which on an instrument is in the piece.
    share: float
    column_secs: float
    envelope: Envelope

    @property
    def sources(self) -> tuple[str, ...]:
        """Returns the names of all instruments."""
        return tuple(self.thresholds)

    @property
    def secs(self) -> float:
        """Returns how long the file is."""
        return self.num_frames / self.audio_format.sample_rate

    @cached_property
    def columns(self) -> NDArray[np.bool_]:
        """Returns where each instrument is at or above its threshold, (K, J)."""
        return heard_columns(self.activity, self.thresholds)

    @cached_property
    def labels(self) -> list[str]:
        """Returns the instruments of the piece."""
        return piece_labels(self.activity, self.thresholds, self.share)

    @property
    def probabilities(self) -> dict[str, float]:
        """Returns the probability that each instrument is in the piece."""
        values = piece_probabilities(self.activity, self.share).tolist()
        return dict(zip(self.sources, values, strict=True))

    @cached_property
    def shares(self) -> dict[str, float]:
        """Returns the share of the columns in which each instrument is heard."""
        num_columns = max(self.columns.shape[1], 1)
        values = (self.columns.sum(axis=1) / num_columns).tolist()
        return dict(zip(self.sources, values, strict=True))

    @cached_property
    def spans(self) -> list[Span]:
        """Returns from when to when each instrument is heard."""
        return find_spans(self.columns, self.sources, self.column_secs, self.secs)

    def summary(self) -> str:
        """Returns name, length and instruments, a line."""
        heard = [f"{label} {self.shares[label]:.0%}" for label in self.labels]
        return f"{self.name}: {clock(self.secs)}, {', '.join(heard) or 'no instrument heard'}"


def hear_file(tagger: Tagger, sound: DecodedFile, progress: Callable[[float], Any]) -> HeardFile:
    """Hears a file that is open, to its end.

    Args:
        tagger: says what it hears.
        sound: of which few blocks are held at a time.
        progress: is told how many more seconds of the file were read.

    Raises:
        ValueError: the file cannot be read to its end.
    """
    rate = sound.audio_format.sample_rate
    envelope = Envelope()
    blocks = envelope.watch(sound.iter_blocks(), lambda num_frames: progress(num_frames / rate))
    activity = tagger.hear(blocks, rate)
    return HeardFile(
        name=sound.path.name,
        audio_format=sound.audio_format,
        num_frames=envelope.num_frames,
        activity=activity,
        thresholds=tagger.thresholds,
        share=tagger.share,
        column_secs=tagger.column_secs,
        envelope=envelope,
    )
