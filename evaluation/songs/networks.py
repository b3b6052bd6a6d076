"""Says which network separates, that of a run or one that never learnt; refuses what cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import configs
from configs import Config
from trainer.inference.memory import MEMORY_MB
from trainer.loop.workdir import load_run, require_run

# It imports TensorFlow, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from trainer.inference.separator import Separator


@dataclass(frozen=True)
class NamedNetwork:
    """Names a network that is known to be there, before anything slow is imported."""

    config: Config
    # Path or address of its run; None: it is untrained.
    workdir: str | None = None
    # Of the run.
    checkpoint: str = "best"
    weights: str = "average"

    def load(self, memory_mb: float = MEMORY_MB) -> Separator:
        """Returns the network as a separator.

        Args:
            memory_mb: what it may take for one window of a waveform, in MB.

        Raises:
            ValueError: the run has no such checkpoint, or it is damaged.
        """
        from trainer.inference.separator import TrainedSeparator, UntrainedSeparator

        if self.workdir is None:
            return UntrainedSeparator(self.config, memory_mb)
        return TrainedSeparator(self.workdir, self.checkpoint, self.weights, memory_mb)


def name_run(workdir: str, checkpoint: str = "best", weights: str = "average") -> NamedNetwork:
    """Names the network of a run.

    Args:
        workdir: path or ``gs://`` address of the run.
        checkpoint: ``best`` (in validation), ``latest``, or a number of steps.
        weights: ``average``, the moving average where the run kept one, or ``raw``.

    Raises:
        ValueError: there is no run.
    """
    place = require_run(workdir)
    return NamedNetwork(load_run(place).config, place, checkpoint, weights)


def name_untrained(config: str, overrides: Sequence[str] = ()) -> NamedNetwork:
    """Names the network of an experiment with the weights that a training begins with.

    Raises:
        ValueError: there is no such experiment, or an override makes no sense.
    """
    return NamedNetwork(configs.load(config, overrides))
