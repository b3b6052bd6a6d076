"""Hears which instruments sound in waveforms, by one network: of a run, or one that is trained.

Axes: K instruments, J columns, T frames, C channels.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from configs import Config, TaggingSettings
from configs.tagger import require_tagger
from data_prep.audio.tracks import Waveform
from trainer.inference import streams
from trainer.inference.memory import MEMORY_MB, frames_in
from trainer.inference.tiling import make_block_estimator
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import load_run
from trainer.networks import make_network
from trainer.networks.network import Network

Activity = NDArray[np.float32]
"""(K, J), the probability that each instrument sounds at each column."""


class Listener:
    """Is a tagger as a function of waveforms.

    Column j is centred on frame j times ``column_frames``; the last one is the last whose centre
    lies within the waveform.
    """

    def __init__(self, config: Config, network: Network, memory_mb: float = MEMORY_MB) -> None:
        """Makes a listener of a network, whose weights may change later.

        Raises:
            ValueError: the network hears no instruments.
        """
        self.config = config
        self.network = network
        self.column_frames = require_tagger(config.model, config.name).column_frames
        self._iter_answers = make_block_estimator(
            network, frames_in(memory_mb, network), "activity", self.column_frames
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """Returns the names of the instruments that it knows."""
        return self.config.data.sources

    @property
    def columns_per_second(self) -> float:
        """Returns how many columns a second has."""
        return self.config.audio.sample_rate / self.column_frames

    @property
    def median_columns(self) -> int:
        """Returns over how many columns the median filter of the experiment goes; 1: it has none.

        They are odd, so that nothing moves.
        """
        task = self.config.task
        assert isinstance(task, TaggingSettings)
        return 2 * round(task.median_secs * self.columns_per_second / 2) + 1

    def activity(self, mixture: Waveform) -> Activity:
        """Returns the probabilities (K, J) of a mixture (T, C) at the rate of the records."""
        return self._joined(self._iter_answers([mixture[None]], {}))

    def listen(self, blocks: Iterable[Waveform], sample_rate: int) -> Activity:
        """Returns the probabilities (K, J) of a waveform of any rate, length and channels.

        Args:
            blocks: consecutive ones of the waveform, (frames, C), of which few are held at a time.
            sample_rate: theirs, in Hz.
        """
        return self._joined(self.iter_activity(blocks, sample_rate))

    def iter_activity(self, blocks: Iterable[Waveform], sample_rate: int) -> Iterator[Activity]:
        """Yields what ``listen`` returns in consecutive blocks, (1, K, columns) each."""
        audio = self.config.audio
        # Instruments sound wherever they stand: (T, C) -> (1, T, 1).
        mono = streams.mono_at(blocks, sample_rate, audio.sample_rate)
        heard = (np.repeat(block, audio.channels, axis=2) for block in mono)
        return self._iter_answers(heard, {})

    def smoothed(self, activity: Activity) -> Activity:
        """Returns the probabilities behind the median filter of the experiment, (K, J)."""
        size = self.median_columns
        if size == 1:
            return activity
        return np.asarray(median_filter(activity, (1, size), mode="nearest"))

    def _joined(self, blocks: Iterator[Activity]) -> Activity:
        first = next(blocks)
        return np.concatenate([block[0] for block in chain([first], blocks)], axis=1)


class TrainedListener(Listener):
    """Is the tagger of a run, with the weights of one of its checkpoints."""

    def __init__(
        self,
        workdir: str,
        checkpoint: str = "best",
        weights: str = "average",
        memory_mb: float = MEMORY_MB,
    ) -> None:
        """Restores the network of a run; ``ValueError`` where there is none that hears."""
        run = load_run(workdir)
        network = make_network(run.config)
        self.workdir = workdir
        self.weights = weights
        self.imported = run.imported
        super().__init__(run.config, network, memory_mb)
        self.step = restore_network(workdir, network, checkpoint, weights)
