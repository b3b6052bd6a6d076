"""Says what every classical method is: a function of songs that come in blocks.

Axes: K sources, T frames, C channels.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from configs import instruments
from data_prep.audio.tracks import AudioFormat, Waveform

OpenBlocks = Callable[[], Iterable[Waveform]]
"""Begins to read a song, as often as it is called, and returns its blocks (frames, C) in order."""


class ClassicalSeparator(ABC):
    """Separates songs of any length, rate and channels without a network.

    Attributes:
        sources: the names of what it estimates.
        origin: what it is, in words.
    """

    sources: tuple[str, ...]
    origin: str
    # No labels are heard; those that are given hold.
    labels_heard: tuple[str, ...] | None = None

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Returns what its estimates depend on beside what is separated, as plain values."""

    @abstractmethod
    def iter_stream_separated(
        self, blocks: Iterable[Waveform], sample_rate: int, labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields the estimates of a song that comes in blocks.

        Args:
            blocks: consecutive ones of the song, (frames, C).
            sample_rate: in Hz.
            labels: the sources that play, or None where they are not known.

        Yields:
            Consecutive blocks (K, frames, C), as many frames together as came.
        """

    def for_song(self, open_blocks: OpenBlocks, audio_format: AudioFormat) -> "ClassicalSeparator":
        """Returns what separates one song, which may read it once more than is seen.

        Args:
            open_blocks: begins to read the song.
            audio_format: of the song.

        Raises:
            ValueError: the method cannot separate such a song.
        """
        del open_blocks, audio_format
        return self

    def label_vector(self, labels: Sequence[str] | None) -> list[int]:
        """Returns which of the K sources play; ``ValueError`` where a label is unknown."""
        return instruments.multi_hot(self.sources if labels is None else labels, self.sources)
