"""Separates waveforms by a network that answers queries: a query for each of its sources.

What is not asked for is silent. Nothing more is computed for N queries than an encoder pass and N
decoder passes.

Axes: N inputs of the network, Q queries, K sources, J numbers of a query, M frames of the
bottleneck, T frames, C channels.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs import Config, instruments
from configs.geometry import Window
from data_prep.audio.tracks import Waveform
from trainer.inference import streams
from trainer.inference.base import BaseSeparator
from trainer.inference.memory import MEMORY_MB, frames_in
from trainer.inference.separator import Separator, TrainedSeparator, UntrainedSeparator
from trainer.inference.tiling import make_block_estimator
from trainer.inference.told import Told
from trainer.networks.conditioning import UNKNOWN
from trainer.networks.network import Conditions, Network, Outputs
from trainer.networks.query.network import QueryWaveUNet

Queries = NDArray[np.float32]
"""(Q, J)"""


class QuerySeparator(Separator):
    """Is a network that is asked for every name of its vocabulary, or for recordings."""

    learns = "target"
    network: QueryWaveUNet

    def __init__(self, config: Config, network: Network, memory_mb: float = MEMORY_MB) -> None:
        """Makes a separator of a network, whose weights may change later.

        Raises:
            ValueError: the network answers no queries.
        """
        super().__init__(config, network, memory_mb)
        # By the names of the sources; None: they are those of the vocabulary.
        self._recorded: Mapping[str, Queries] | None = None
        window = network.window()
        self._presence_stride = window.stride_frames
        self._iter_odds = make_block_estimator(
            _PresenceAlone(config, self.network),
            frames_in(memory_mb, network),
            "presence",
            self._presence_stride,
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """Returns the names of what is asked for."""
        if self._recorded is None:
            return self.config.data.sources
        return tuple(self._recorded)

    @property
    def queries(self) -> Queries:
        """Returns what is asked, (K, J)."""
        if self._recorded is None:
            return np.asarray(self.network.ask_by_name(np.arange(len(self.sources))))
        return np.concatenate(list(self._recorded.values()))

    def ask_by_audio(self, recordings: Mapping[str, Waveform]) -> None:
        """Asks from now on for what recordings sound like.

        Args:
            recordings: of each source by its name, (T, C) at the rate of the records.

        Raises:
            ValueError: one is silent, or too short to be heard.
        """
        self._recorded = {
            name: self._hear(name, recording) for name, recording in recordings.items()
        }

    def ask_by_name(self) -> None:
        """Asks from now on for the names of the vocabulary."""
        self._recorded = None

    def identity(self) -> dict[str, Any]:
        """Returns what tells the network and its queries from others."""
        values = super().identity()
        if self._recorded is None:
            return values
        asked = {name: query[0].astype(float).tolist() for name, query in self._recorded.items()}
        return {**values, "queries": asked}

    def told(self, told: Told) -> BaseSeparator:
        """Returns itself: of a piece nothing but the query is of use."""
        del told
        return self

    def label_vector(self, labels: Sequence[str] | None) -> NDArray[np.float32]:
        """Returns 1 for what is asked for, (K,); -1 throughout, where nothing is said, means all.

        Raises:
            ValueError: a label is unknown.
        """
        if labels is None:
            return np.full(len(self.sources), UNKNOWN, np.float32)
        return np.array(instruments.multi_hot(labels, self.sources), np.float32)

    def iter_estimates(
        self, heard: Iterable[Waveform], labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields the targets of what is asked for; the other sources are zeros."""
        asked = np.flatnonzero(self.label_vector(labels))
        if not len(asked):
            for block in heard:
                yield np.zeros((len(block), len(self.sources), *block.shape[1:]), np.float32)
            return
        for targets in self._iter_estimates(heard, {"query": self.queries[asked]}):
            # (N, Q, T, C) -> (N, K, T, C)
            estimates = np.zeros((len(targets), len(self.sources), *targets.shape[2:]), np.float32)
            estimates[:, asked] = targets
            yield estimates

    def window_presence(self, blocks: Iterable[Waveform], sample_rate: int) -> NDArray[np.float64]:
        """Returns the probability that each source sounds in each window of a waveform.

        The windows are as long as those of training, and a stride of the network apart.

        Args:
            blocks: consecutive ones of the waveform, (frames, C), of any rate and channels.
            sample_rate: theirs, in Hz.

        Returns:
            (K, windows), at least one.
        """
        audio = self.config.audio
        # Instruments sound wherever they stand: (T, C) -> (1, T, 1).
        mono = streams.mono_at(blocks, sample_rate, audio.sample_rate)
        heard = (np.repeat(block, audio.channels, axis=2) for block in mono)
        parts = [block[0] for block in self._iter_odds(heard, {"query": self.queries})]
        odds = np.concatenate(parts, axis=1).astype(np.float64)
        length = min(self.network.bottleneck_frames, odds.shape[1])
        # (K, windows): the mean over each window, as in training.
        sums = np.cumsum(np.pad(odds, ((0, 0), (1, 0))), axis=1)
        means = (sums[:, length:] - sums[:, :-length]) / length
        return 1 / (1 + np.exp(-means.clip(-500, 500)))

    def presence(self, blocks: Iterable[Waveform], sample_rate: int) -> NDArray[np.float64]:
        """Returns the probability that each source is in a waveform, (K,): the mean over windows.

        It is high for what sounds often, as a share of the time counts.
        """
        return self.window_presence(blocks, sample_rate).mean(axis=1)

    def _hear(self, name: str, recording: Waveform) -> Queries:
        """Returns the query that a recording (T, C) is, (1, J)."""
        frames = self.network.settings.query_window
        if len(recording) < frames:
            secs = frames / self.config.audio.sample_rate
            raise ValueError(
                f"the recording of {name} has {len(recording)} frames; expected some seconds, at "
                f"least {secs:.2g}."
            )
        query, is_heard = self.network.ask_by_audio(recording[None])
        if not float(is_heard[0]):
            raise ValueError(f"the recording of {name} is silent; expected some seconds of it.")
        return np.asarray(query)


class TrainedQuerySeparator(TrainedSeparator, QuerySeparator):
    """Is the network of a run, with the weights of one of its checkpoints."""

    def _untrained(self, memory_mb: float) -> BaseSeparator:
        """Returns the network that the run began with."""
        return UntrainedQuerySeparator(self.config, memory_mb)


class UntrainedQuerySeparator(UntrainedSeparator, QuerySeparator):
    """Is a network with the weights that a training begins with."""


class _PresenceAlone(Network):
    """Is a network that is asked what is there, and not how it sounds: its encoder alone."""

    def __init__(self, config: Config, network: QueryWaveUNet) -> None:
        super().__init__(config, name="presence_alone")
        self._network = network

    def call(self, mixture: Any, conditions: Conditions, training: bool = False) -> Outputs:
        """Returns the presence (B, Q, M) alone."""
        del training
        features = self._network.encode(mixture, conditions)
        return {"presence": self._network.presence(features, conditions["query"])}

    def window(self, frames: int | None = None) -> Window:
        """Returns the window of the network."""
        return self._network.window(frames)

    def forward_flops(self, pruned: bool | None = None) -> int:
        """Returns the arithmetic of the encoder."""
        return self._network.forward_flops(pruned, num_queries=0)
