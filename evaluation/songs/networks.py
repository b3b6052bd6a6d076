"""Says whose estimates they are, those of runs or of random weights; refuses what cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import configs
from configs import Config
from trainer.inference.memory import MEMORY_MB
from trainer.inference.passes import passes_of
from trainer.loop.workdir import load_run, require_run

# It imports TensorFlow, for which a command that is refused does not wait.
if TYPE_CHECKING:
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

    def load(self, memory_mb: float = MEMORY_MB) -> BaseSeparator:
        """Returns the network, or the mean of all, as a separator.

        Args:
            memory_mb: what a network may take for one window of a waveform, in MB.

        Raises:
            ValueError: a run has no such checkpoint, or it is damaged.
        """
        from trainer.inference.average import average_of
        from trainer.inference.separator import TrainedSeparator, UntrainedSeparator

        if not self.workdirs:
            return average_of([UntrainedSeparator(self.config, memory_mb)], self.num_passes)
        separators = [
            TrainedSeparator(workdir, self.checkpoint, self.weights, memory_mb)
            for workdir in self.workdirs
        ]
        return average_of(separators, self.num_passes)


def name_runs(
    workdirs: Sequence[str],
    checkpoint: str = "best",
    weights: str = "average",
    num_passes: int = 1,
) -> NamedNetwork:
    """Names the network of a run, or those of several to be averaged.

    Args:
        workdirs: paths or ``gs://`` addresses of the runs.
        checkpoint: ``best`` (in validation), ``latest``, or a number of steps.
        weights: ``average``, the moving average where the run kept one, or ``raw``.
        num_passes: in which each network hears a song.

    Raises:
        ValueError: there is no run, one is named twice, they do not estimate the same, or there are
            not so many passes.
    """
    places = [require_run(workdir) for workdir in workdirs]
    if not places:
        raise ValueError("expected the folder of a run; got none.")
    for number, place in enumerate(places):
        if place in places[:number]:
            raise ValueError(f"{place} is named twice; the mean of a run with itself is that run.")
    found = [load_run(place).config for place in places]
    for place, config in zip(places, found, strict=True):
        _require_same(places[0], found[0], place, config)
        passes_of(config, num_passes)
    return NamedNetwork(found[0], tuple(places), checkpoint, weights, num_passes)


def name_untrained(config: str, overrides: Sequence[str] = (), num_passes: int = 1) -> NamedNetwork:
    """Names the network of an experiment with the weights that a training begins with.

    Raises:
        ValueError: there is no such experiment, an override makes no sense, or there are not so
            many passes.
    """
    named = NamedNetwork(configs.load(config, overrides), num_passes=num_passes)
    passes_of(named.config, num_passes)
    return named


def _require_same(first: str, config: Config, other: str, other_config: Config) -> None:
    """Refuses two runs whose estimates have no mean; every value in which they differ is named."""
    pairs = {
        "sources": (", ".join(config.data.sources), ", ".join(other_config.data.sources)),
        "sample_rate": (config.audio.sample_rate, other_config.audio.sample_rate),
        "channels": (config.audio.channels, other_config.audio.channels),
    }
    fields = [
        f"{name} ({ours} / {theirs})" for name, (ours, theirs) in pairs.items() if ours != theirs
    ]
    if fields:
        raise ValueError(
            f"{first} and {other} cannot be averaged, as they differ in {', '.join(fields)}; name "
            f"runs with the same sources, rate and channels."
        )
