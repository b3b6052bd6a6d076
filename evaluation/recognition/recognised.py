"""Is a separator that is told which instruments a tagger heard, whatever else it is told.

Axes: N inputs of the network, K slots, T frames, C channels.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.tracks import AudioFormat, Waveform
from evaluation.recognition.recogniser import Heard
from trainer.inference.base import BaseSeparator
from trainer.inference.told import Told


class Listens(Protocol):
    """Says which instruments play in songs, as a recogniser does."""

    # Who it is.
    words: str

    def identity(self) -> dict[str, Any]:
        """Returns what the labels depend on beside the song, as plain values."""

    def listen(self, blocks: Iterable[Waveform], sample_rate: int) -> Heard:
        """Says what plays in a song that comes in blocks (frames, C), of any rate and length."""


class RecognisedSeparator(BaseSeparator):
    """Listens to a song as a whole before it separates any of it.

    Labels that are given play no part, so that it can stand wherever tracks come with labels.
    """

    def __init__(self, separator: BaseSeparator, recogniser: Listens) -> None:
        """Puts a recogniser, which knows all sources of the separator, before it."""
        self.config = separator.config
        self.step = separator.step
        self.is_untrained = separator.is_untrained
        self._separator = separator
        self._recogniser = recogniser

    @property
    def origin(self) -> str:
        """Returns where the weights are from, and who recognises labels, in words."""
        return f"{self._separator.origin}, labels recognised by {self._recogniser.words}"

    def identity(self) -> dict[str, Any]:
        """Returns the identities of both."""
        return {**self._separator.identity(), "recognised": self._recogniser.identity()}

    def before_training(self) -> BaseSeparator | None:
        """Returns the network before its training, told what the same tagger hears."""
        before = self._separator.before_training()
        return None if before is None else RecognisedSeparator(before, self._recogniser)

    def told(self, told: Told) -> BaseSeparator:
        """Returns the same, whose network is told what is known of the piece that comes."""
        return RecognisedSeparator(self._separator.told(told), self._recogniser)

    def label_vector(self, labels: Sequence[str] | None) -> NDArray[np.float32]:
        """Returns the vector for labels; that none are given is no fault here."""
        return self._separator.label_vector(self.sources if labels is None else labels)

    def for_song(
        self, open_blocks: Callable[[], Iterable[Waveform]], audio_format: AudioFormat
    ) -> BaseSeparator:
        """Listens to a song, and returns what separates it."""
        heard = self._recogniser.listen(open_blocks(), audio_format.sample_rate)
        return ToldSeparator(self._separator.for_song(open_blocks, audio_format), heard)

    def iter_blocks(self, mixture: Waveform, labels: Sequence[str] | None) -> Iterator[Waveform]:
        """Yields the estimates (K, frames, C) of a mixture (T, C), of what is heard in it."""
        del labels
        heard = self._recogniser.listen([mixture], self.config.audio.sample_rate)
        return self._separator.iter_blocks(mixture, heard.labels)

    def iter_separated(
        self, waveform: Waveform, sample_rate: int, labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields the estimates of a waveform (T, C) of any rate, of what is heard in it."""
        del labels
        heard = self._recogniser.listen([waveform], sample_rate)
        return self._separator.iter_separated(waveform, sample_rate, heard.labels)

    def iter_estimates(
        self, heard: Iterable[Waveform], labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields the estimates of what a network hears; nothing is recognised of its stretches."""
        return self._separator.iter_estimates(heard, labels)


class ToldSeparator(BaseSeparator):
    """Separates one song, whose instruments were heard."""

    def __init__(self, separator: BaseSeparator, heard: Heard) -> None:
        """Takes what separates the song, and what was heard in it."""
        self.config = separator.config
        self.step = separator.step
        self.is_untrained = separator.is_untrained
        self._separator = separator
        self.heard = heard

    @property
    def sources(self) -> tuple[str, ...]:
        """Returns the names of what the separator estimates."""
        return self._separator.sources

    @property
    def origin(self) -> str:
        """Returns where the weights are from, in words."""
        return self._separator.origin

    @property
    def labels_heard(self) -> tuple[str, ...]:
        """Returns what was heard in the song."""
        return self.heard.labels

    def told(self, told: Told) -> BaseSeparator:
        """Returns the same of a piece of which more is known."""
        return ToldSeparator(self._separator.told(told), self.heard)

    def identity(self) -> dict[str, Any]:
        """Returns the identity of the separator."""
        return self._separator.identity()

    def iter_estimates(
        self, heard: Iterable[Waveform], labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields the estimates of the separator."""
        return self._separator.iter_estimates(heard, labels)
