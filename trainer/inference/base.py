"""Separates waveforms of any rate, length and channels, given estimates of what a network hears.

Axes: N inputs of the network, K slots, T frames, C channels.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs import Config, instruments
from data_prep.audio.tracks import AudioFormat, Waveform
from data_prep.records.full_tracks import FullTrack
from trainer.inference import streams
from trainer.inference.channels import from_all_outputs, to_all_inputs
from trainer.inference.told import Told
from trainer.networks.conditioning import UNKNOWN


class BaseSeparator(ABC):
    """Is a function of waveforms; what derives from it says whose estimates they are.

    Attributes:
        config: of the network; its rate, channels and sources are those of the estimates.
        step: how many steps of training its weights have seen, 0 where that is not known.
        is_untrained: whether it is known that they have seen none.
    """

    config: Config
    step = 0
    is_untrained = False

    @property
    def labels_heard(self) -> tuple[str, ...] | None:
        """Returns the labels of the song that it was made for, if somebody heard them in it.

        None where it takes those that it is given.
        """
        return None

    @property
    def sources(self) -> tuple[str, ...]:
        """Returns the names of what it estimates, which are its labels too."""
        return self.config.data.sources

    @property
    @abstractmethod
    def origin(self) -> str:
        """Returns where its weights are from, in words."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Returns what its estimates depend on beside what is separated, as plain values."""

    def before_training(self) -> "BaseSeparator | None":
        """Returns the same network with the weights that its training began with.

        None where there is no such network, or nobody knows it.
        """
        return None

    @abstractmethod
    def iter_estimates(
        self, heard: Iterable[Waveform], labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields the estimates of what a network hears, in consecutive blocks.

        Args:
            heard: consecutive blocks (N, frames, C) at the rate and channels of the records, of N
                sounds that are estimated each by itself.
            labels: the instruments that play, or None where they are not known.

        Yields:
            Blocks (N, K, frames, C), at least one, of as many frames together as came.

        Raises:
            ValueError: as from ``label_vector``.
        """

    def for_song(
        self, open_blocks: Callable[[], Iterable[Waveform]], audio_format: AudioFormat
    ) -> "BaseSeparator":
        """Returns what separates one song: itself, as a network learns nothing of it beforehand.

        Args:
            open_blocks: begins to read the song, which separators of other kinds do.
            audio_format: of the song.
        """
        del open_blocks, audio_format
        return self

    def told(self, told: Told) -> "BaseSeparator":
        """Returns what separates a piece of which more is known; itself, where that is no use.

        Args:
            told: notes and context of the piece, at the rate of the network.
        """
        del told
        return self

    def label_vector(self, labels: Sequence[str] | None) -> NDArray[np.float32]:
        """Returns the vector (K,) that the network takes for labels, None where they are unknown.

        Raises:
            ValueError: a label is unknown, or the network never learnt to do without labels.
        """
        sources = self.config.data.sources
        if labels is not None:
            return np.array(instruments.multi_hot(labels, sources), np.float32)
        if not self.config.takes_unknown_labels:
            raise ValueError(
                "this network is told the instruments and never learns to do without "
                "(augmentation.label_dropout is 0); name those that play, of "
                f"{', '.join(sources)}."
            )
        return np.full(len(sources), UNKNOWN, np.float32)

    def estimate(self, mixture: Waveform, labels: Sequence[str] | None) -> Waveform:
        """Estimates the sources of a mixture at the rate and channels of the records.

        Args:
            mixture: (T, C).
            labels: the instruments that play, or None where they are not known.

        Returns:
            Estimates, (K, T, C).

        Raises:
            ValueError: as from ``label_vector``.
        """
        return np.concatenate(list(self.iter_blocks(mixture, labels)), axis=1)

    def estimate_track(self, track: FullTrack) -> Waveform:
        """Estimates the sources (K, T, C) of a track, of which all that its records say is told."""
        separator = self.told(Told(track.notes, track.context))
        return separator.estimate(track.mixture, track.labels)

    def iter_blocks(self, mixture: Waveform, labels: Sequence[str] | None) -> Iterator[Waveform]:
        """Yields ``estimate`` in consecutive blocks (K, frames, C), for what fills memory."""
        for (block,) in self.iter_estimates([mixture[None]], labels):
            yield block

    def separate(
        self, waveform: Waveform, sample_rate: int, labels: Sequence[str] | None
    ) -> Waveform:
        """Estimates the sources (K, T, C) of a waveform (T, C) of any rate, length and channels.

        What of the channels a network hears together is said in ``channels``.
        """
        return np.concatenate(list(self.iter_separated(waveform, sample_rate, labels)), axis=1)

    def iter_separated(
        self, waveform: Waveform, sample_rate: int, labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields ``separate`` in consecutive blocks (K, frames, C), for what fills memory."""
        return self.iter_stream_separated([waveform], sample_rate, labels)

    def iter_stream_separated(
        self, blocks: Iterable[Waveform], sample_rate: int, labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields the estimates of a waveform that comes in blocks, for what is too long for memory.

        Args:
            blocks: consecutive ones of the waveform, (frames, C).
            sample_rate: in Hz.
            labels: the instruments that play, or None where they are not known.

        Yields:
            Consecutive blocks (K, frames, C), as many frames together as came.
        """
        audio = self.config.audio
        counted = streams.Counted(blocks)
        first = next(counted)
        num_channels = first.shape[1]
        whole = (block[None] for block in chain([first], counted))
        resampled = streams.resample(whole, sample_rate, audio.sample_rate)
        # (N, T, C_net): each is estimated by itself.
        heard = (to_all_inputs(block, audio.channels) for (block,) in resampled)
        outputs = self.iter_estimates(heard, labels)
        estimates = (from_all_outputs(piece, num_channels) for piece in streams.pieces(outputs))
        return streams.fit(streams.resample(estimates, audio.sample_rate, sample_rate), counted)
