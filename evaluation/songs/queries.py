"""Asks a network that answers queries: for recordings, for what it hears, or for everything.

Axes: K sources, T frames, C channels.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.decoding import decode
from data_prep.audio.tracks import AudioFormat, Waveform
from evaluation.recognition.recognised import ToldSeparator
from evaluation.recognition.recogniser import Heard
from evaluation.songs.heard_blocks import HeardBlocks
from trainer.inference import streams
from trainer.inference.base import BaseSeparator
from trainer.tasks.query.separator import QuerySeparator

# Of everything: how far the rest is below the song in the end, and how many stems there are.
REST_DB = -25.0
MOST_STEMS = 24


def read_recordings(paths: Mapping[str, Path], separator: QuerySeparator) -> dict[str, Waveform]:
    """Reads what to ask with, (T, C) at the rate and channels of the network.

    Args:
        paths: of the files, by the names of what they are of.
        separator: that is asked.

    Raises:
        ValueError: one cannot be read.
    """
    audio = separator.config.audio
    read = {}
    for name, path in paths.items():
        waveform, rate, _ = decode(path)
        # An instrument sounds wherever it stands: (T, C) -> (T, 1).
        mono = np.concatenate(list(streams.mono_at([waveform], rate, audio.sample_rate)), axis=1)
        read[name] = np.repeat(mono[0], audio.channels, axis=1)
    return read


class PresenceRecogniser:
    """Says what is in a song by what the network that is asked says itself."""

    def __init__(self, separator: QuerySeparator, threshold: float) -> None:
        """Takes a network, and the probability from which on something is there."""
        self._separator = separator
        self._threshold = threshold
        self.words = f"itself, from a probability of {threshold:.3g} on"

    def identity(self) -> dict[str, Any]:
        """Returns what the labels depend on beside the song and the network, as plain values."""
        return {"threshold": self._threshold}

    def listen(self, blocks: Iterable[Waveform], sample_rate: int) -> Heard:
        """Says what is in a song that comes in blocks (frames, C), of any rate and length."""
        separator = self._separator
        activity = separator.window_presence(blocks, sample_rate)
        presence = activity.mean(axis=1)
        pairs = zip(separator.sources, presence, strict=True)
        config = separator.config
        return Heard(
            labels=tuple(name for name, each in pairs if each >= self._threshold),
            activity=activity.astype(np.float32),
            sources=separator.sources,
            column_secs=config.model.window().stride_frames / config.audio.sample_rate,
            shares=tuple(presence.tolist()),
        )


class _Asking(BaseSeparator):
    """Is a separator, of which songs are asked something first."""

    def __init__(self, separator: BaseSeparator, recogniser: PresenceRecogniser) -> None:
        self.config = separator.config
        self.step = separator.step
        self.is_untrained = separator.is_untrained
        self._separator = separator
        self._recogniser = recogniser

    @property
    def sources(self) -> tuple[str, ...]:
        return self._separator.sources

    @property
    def origin(self) -> str:
        return self._separator.origin

    def identity(self) -> dict[str, Any]:
        return self._separator.identity()

    def label_vector(self, labels: Sequence[str] | None) -> NDArray[np.float32]:
        return self._separator.label_vector(labels)

    def iter_estimates(
        self, heard: Iterable[Waveform], labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        return self._separator.iter_estimates(heard, labels)

    def _hear(self, open_blocks: Callable[[], Iterable[Waveform]], sample_rate: int) -> Heard:
        """Says how probable it is that each source is in a song."""
        heard = self._recogniser.listen(open_blocks(), sample_rate)
        pairs = sorted(zip(heard.shares, heard.sources, strict=True), reverse=True)
        told = ", ".join(f"{name} {share:.2f}" for share, name in pairs)
        print(f"there with a probability of: {told}", flush=True)
        return heard


class RecordingsSeparator(_Asking):
    """Answers recordings, and says of each song how probable it is that they are in it."""

    def for_song(
        self, open_blocks: Callable[[], Iterable[Waveform]], audio_format: AudioFormat
    ) -> BaseSeparator:
        """Says what is there, and returns what separates the song."""
        self._hear(open_blocks, audio_format.sample_rate)
        return self._separator.for_song(open_blocks, audio_format)


class EverythingSeparator(_Asking):
    """Takes a song apart into all that is there, the loudest first.

    It ends where the rest is 25 dB below the song, or at 24 stems. To know how loud they are it
    separates the song once more than is seen.
    """

    def identity(self) -> dict[str, Any]:
        """Returns what the estimates, and the choice among them, depend on."""
        rule = {"rest_db": REST_DB, "most_stems": MOST_STEMS, **self._recogniser.identity()}
        return {**super().identity(), "everything": rule}

    def for_song(
        self, open_blocks: Callable[[], Iterable[Waveform]], audio_format: AudioFormat
    ) -> BaseSeparator:
        """Chooses the stems of a song, and returns what separates it into these."""
        rate = audio_format.sample_rate
        heard = self._hear(open_blocks, rate)
        products = self._products(open_blocks(), rate, heard.labels) if heard.labels else None
        labels = tuple(loudest_first(heard.labels, products)) if products is not None else ()
        of_song = self._separator.for_song(open_blocks, audio_format)
        return ToldSeparator(of_song, heard._replace(labels=labels))

    def _products(
        self, blocks: Iterable[Waveform], rate: int, labels: Sequence[str]
    ) -> NDArray[np.float64]:
        """Returns the inner products of the song, the first, and of its estimates."""
        places = [self.sources.index(name) for name in labels]
        song = HeardBlocks(iter(blocks))
        products = np.zeros((1 + len(places), 1 + len(places)))
        for estimates in self._separator.iter_stream_separated(song, rate, labels):
            mixture = song.take(estimates.shape[1])
            # (1 + J, T C)
            rows = np.stack([mixture, *estimates[places]]).reshape(len(products), -1)
            rows = rows.astype(np.float64)
            products += rows @ rows.T
        return products


def loudest_first(names: Sequence[str], products: NDArray[np.float64]) -> list[str]:
    """Returns names by the energy of their estimates, until the rest is quiet or there are enough.

    Args:
        names: of J estimates.
        products: the inner products of the song, the first, and of the estimates, (1 + J, 1 + J).
    """
    energies = np.diag(products)
    order = np.argsort(-energies[1:], kind="stable")
    # The rest is the song less what was taken: its energy is w' P w, of 1 and -1 for what it holds.
    weights = np.zeros(len(products))
    weights[0] = 1
    least = energies[0] * 10 ** (REST_DB / 10)
    chosen: list[str] = []
    for place in order[:MOST_STEMS]:
        if weights @ products @ weights <= least:
            break
        weights[1 + place] = -1
        chosen.append(names[place])
    return chosen
