"""Says whose estimates they are, those of runs or of random weights; refuses what cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import configs
from configs import Config
from evaluation.estimates.wiener_flag import require_filter
from trainer.inference.averaged_runs import find_runs
from trainer.inference.memory import MEMORY_MB
from trainer.inference.passes import passes_of

# It imports TensorFlow, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from evaluation.recognition.recogniser import Recogniser
    from trainer.inference.base import BaseSeparator


@dataclass(frozen=True)
class NamedNetwork:
    """Names a network that is known to be there, before anything slow is imported.

    It may be several, whose estimates are averaged.
    """

    # Of the first.
    config: Config
    # Paths or addresses of the runs; none: it is untrained.
    workdirs: tuple[str, ...] = ()
    # Of each run.
    checkpoint: str = "best"
    weights: str = "average"
    # In which each network hears a song, to be averaged.
    num_passes: int = 1
    # Of the Wiener filter over the estimates; 0: there is none.
    wiener: int = 0
    # Path or address of the run that hears which instruments play; empty: nobody listens.
    tagger: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """Returns the names of what it estimates."""
        return self.config.data.sources

    def load(self, memory_mb: float = MEMORY_MB) -> BaseSeparator:
        """Returns the network, or the mean of all, as a separator, which listens if one shall.

        Args:
            memory_mb: what a network may take for one window of a waveform, in MB.

        Raises:
            ValueError: a run has no such checkpoint, or it is damaged.
        """
        separator = self.load_told(memory_mb)
        recogniser = self.load_recogniser()
        if recogniser is None:
            return separator
        from evaluation.recognition.recognised import RecognisedSeparator

        return RecognisedSeparator(separator, recogniser)

    def load_told(self, memory_mb: float = MEMORY_MB) -> BaseSeparator:
        """Returns the network, or the mean of all, as a separator that takes labels as given.

        The arguments and errors are those of ``load``.
        """
        from evaluation.estimates.filtered import filtered
        from trainer.inference.average import average_of
        from trainer.inference.separator import TrainedSeparator, UntrainedSeparator

        separators: list[BaseSeparator] = [
            TrainedSeparator(workdir, self.checkpoint, self.weights, memory_mb)
            for workdir in self.workdirs
        ] or [UntrainedSeparator(self.config, memory_mb)]
        return filtered(average_of(separators, self.num_passes), self.wiener)

    def load_recogniser(self) -> Recogniser | None:
        """Returns what hears which instruments play; None where nobody listens.

        Raises:
            ValueError: its run hears no instruments, or others than the network estimates.
        """
        if not self.tagger:
            return None
        from evaluation.recognition.recogniser import Recogniser
        from trainer.tasks.tagging.tagger import name_tagger

        return Recogniser(name_tagger(self.tagger).load(), self.sources)


def name_runs(
    workdirs: Sequence[str],
    checkpoint: str = "best",
    weights: str = "average",
    num_passes: int = 1,
    wiener: int = 0,
    tagger: str = "",
) -> NamedNetwork:
    """Names the network of a run, or those of several to be averaged.

    Args:
        workdirs: paths or ``gs://`` addresses of the runs.
        checkpoint: ``best`` (in validation), ``latest``, or a number of steps.
        weights: ``average``, the moving average where the run kept one, or ``raw``.
        num_passes: in which each network hears a song.
        wiener: iterations of the Wiener filter over the estimates.
        tagger: path or address of the run that hears which instruments play, if one shall.

    Raises:
        ValueError: there is no run, one is named twice, they do not estimate the same, or there are
            not so many passes, or one source alone is to be filtered.
    """
    runs = find_runs(workdirs)
    for run in runs.values():
        passes_of(run.config, num_passes)
    first = next(iter(runs.values()))
    require_filter(first.config, wiener)
    return NamedNetwork(first.config, tuple(runs), checkpoint, weights, num_passes, wiener, tagger)


def name_untrained(
    config: str, overrides: Sequence[str] = (), num_passes: int = 1, wiener: int = 0
) -> NamedNetwork:
    """Names the network of an experiment with the weights that a training begins with.

    Raises:
        ValueError: there is no such experiment, an override makes no sense, or there are not so
            many passes, or one source alone is to be filtered.
    """
    named = NamedNetwork(configs.load(config, overrides), num_passes=num_passes, wiener=wiener)
    passes_of(named.config, num_passes)
    require_filter(named.config, wiener)
    return named
