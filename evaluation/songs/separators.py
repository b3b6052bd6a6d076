"""Says what can separate songs: networks, and the methods of ``evaluation.classical``.

Axes: K sources, C channels.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from data_prep.audio.tracks import AudioFormat, Waveform


class SongSeparator(Protocol):
    """Is a function of songs that come in blocks."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Returns the names of what it estimates."""

    @property
    def origin(self) -> str:
        """Returns what it is, in words."""

    @property
    def labels_heard(self) -> tuple[str, ...] | None:
        """Returns the labels of the song that it is for; None where it takes those given."""

    def identity(self) -> dict[str, Any]:
        """Returns what its estimates depend on beside what is separated, as plain values."""

    def label_vector(self, labels: Sequence[str] | None) -> Any:
        """Raises a ``ValueError`` for labels that it does not know, or where it needs some."""

    def for_song(
        self, open_blocks: Callable[[], Iterable[Waveform]], audio_format: AudioFormat
    ) -> "SongSeparator":
        """Returns what separates one song, which may read it once more than is seen.

        Args:
            open_blocks: begins to read the song and returns its blocks (frames, C), as often as it
                is called.
            audio_format: of the song.

        Raises:
            ValueError: it cannot separate such a song.
        """

    def iter_stream_separated(
        self, blocks: Iterable[Waveform], sample_rate: int, labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields the estimates of blocks (frames, C), consecutive blocks (K, frames, C)."""
