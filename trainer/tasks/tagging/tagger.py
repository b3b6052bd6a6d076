"""Is the tagger of a run: what it hears, and from which probability on that counts.

It needs no TensorFlow before it is loaded.

Axes: K instruments, J columns, T frames, C channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from configs import Config
from configs.tagger import require_tagger
from data_prep.audio.tracks import Waveform
from trainer.inference.memory import MEMORY_MB
from trainer.loop.workdir import load_run, require_run

# It imports TensorFlow, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from trainer.inference.listener import Activity, TrainedListener


@dataclass(frozen=True)
class NamedTagger:
    """Names a tagger that is known to be there, before anything slow is imported."""

    # Path or address of the run.
    workdir: str
    config: Config
    checkpoint: str = "best"
    weights: str = "average"
    # For all instruments, in place of those that the run chose; None: those.
    threshold: float | None = None

    def load(self, memory_mb: float = MEMORY_MB) -> Tagger:
        """Returns the tagger; ``ValueError`` where its checkpoint is missing or damaged.

        Args:
            memory_mb: what the network may take for one window of a waveform, in MB.
        """
        from trainer.inference.listener import TrainedListener
        from trainer.tasks.tagging.thresholds import share_of, thresholds_of

        listener = TrainedListener(self.workdir, self.checkpoint, self.weights, memory_mb)
        sources = listener.sources
        if self.threshold is None:
            thresholds = thresholds_of(self.workdir, listener.step, sources, self.weights)
        else:
            thresholds = dict.fromkeys(sources, self.threshold)
        return Tagger(listener, thresholds, share_of(self.workdir, listener.step, self.weights))


def name_tagger(
    workdir: str,
    checkpoint: str = "best",
    weights: str = "average",
    threshold: float | None = None,
) -> NamedTagger:
    """Names the tagger of a run.

    Args:
        workdir: path or ``gs://`` address of the run.
        checkpoint: ``best`` (in validation), ``latest``, or a number of steps.
        weights: ``average``, the moving average where the run kept one, or ``raw``.
        threshold: for all instruments, in place of those that the run chose.

    Raises:
        ValueError: there is no run, or it hears no instruments.
    """
    place = require_run(workdir)
    config = load_run(place).config
    name = f"{place} ({config.name})"
    require_tagger(config.model, name)
    if config.task.learns != "activity":
        raise ValueError(
            f"{name} is no run that hears instruments: it learnt task.kind={config.task.kind}, "
            "expected tagging (docs/tagging.md)."
        )
    return NamedTagger(place, config, checkpoint, weights, threshold)


class Tagger:
    """Is a function of waveforms to probabilities, with the thresholds of its instruments."""

    def __init__(
        self, listener: TrainedListener, thresholds: Mapping[str, float], share: float
    ) -> None:
        """Makes a tagger.

        Args:
            listener: the network of a run.
            thresholds: of all its instruments, in their order.
            share: of the columns, from which on an instrument is in a piece.
        """
        self.listener = listener
        self.thresholds = dict(thresholds)
        self.share = share

    @property
    def sources(self) -> tuple[str, ...]:
        """Returns the names of the instruments that it knows."""
        return self.listener.sources

    @property
    def column_secs(self) -> float:
        """Returns how far columns are apart."""
        return 1 / self.listener.columns_per_second

    @property
    def origin(self) -> str:
        """Returns where its weights are from, in words."""
        if self.listener.imported is not None:
            return f"{self.listener.imported.system}'s weights, imported to {self.listener.workdir}"
        return f"step {self.listener.step:,} of {self.listener.workdir}"

    def identity(self) -> dict[str, Any]:
        """Returns what its answers depend on beside what it hears, as plain values."""
        from trainer.inference.identity import identity_of

        of_network = identity_of(self.listener.config, self.listener.network)
        return {**of_network, "thresholds": self.thresholds, "share": self.share}

    def hear(self, blocks: Iterable[Waveform], sample_rate: int) -> Activity:
        """Returns probabilities (K, J) of a waveform, behind the median filter of the experiment.

        Args:
            blocks: consecutive ones of the waveform, (frames, C), of any rate and channels.
            sample_rate: theirs, in Hz.
        """
        return self.listener.smoothed(self.listener.listen(blocks, sample_rate))
