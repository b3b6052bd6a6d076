"""Separates waveforms by one network: of a run, of an experiment, or one that is being trained.

Validation, ``evaluation.separate``, scoring and export all pass through this folder, so that the
grid of patches (tiling) and the rule of channels (channels) exist once.

Axes: K slots.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from copy import copy
from typing import Any

import tensorflow as tf
from numpy.typing import NDArray

from configs import Config
from data_prep.audio.tracks import Waveform
from data_prep.runtime.parallel import num_cores
from data_prep.runtime.quantities import pluralized
from trainer.inference.base import BaseSeparator
from trainer.inference.identity import identity_of, weights_checksum
from trainer.inference.memory import MEMORY_MB, frames_in
from trainer.inference.tiling import make_block_estimator
from trainer.inference.told import NOTHING, Told, context_vectors, note_rows
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import load_run
from trainer.networks import make_network
from trainer.networks.network import Network


def describe(separator: BaseSeparator) -> str:
    """Returns whose weights compute, on what, and what must be known of them: a line."""
    line = f"{separator.origin}, on the {describe_device()}"
    if separator.is_untrained:
        return f"{line}: what follows is what random weights do"
    return line


def describe_device() -> str:
    """Returns on what networks compute here, in words."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return f"GPU ({details.get('device_name', 'of an unknown kind')})"
    return f"CPU ({pluralized(num_cores(), 'core')})"


def compute_in_turn() -> None:
    """Lets TensorFlow compute one operation after the other, each on all cores.

    With two threads for operations the published network took 300 MB more for a quarter of an hour.
    A process that has computed already, as that of a test, stays as it is.
    """
    with suppress(RuntimeError):
        tf.config.threading.set_inter_op_parallelism_threads(1)


def require_estimates(config: Config, learns: str = "estimates") -> None:
    """Refuses a run that estimates no sources, or not those that are wanted.

    Another task may have taught a network that could: its encoder alone.

    Args:
        config: of the run.
        learns: what its task must have taught.

    Raises:
        ValueError: it has not.
    """
    if config.task.learns == "target" != learns:
        raise ValueError(
            f"a run of {config.name} learnt to answer queries (task.kind={config.task.kind}), "
            "which evaluation.evaluate and evaluation.separate ask; this needs a run that "
            "estimates all sources at once."
        )
    if config.task.learns != learns:
        raise ValueError(
            f"a run of {config.name} learnt task.kind={config.task.kind} and separates nothing; "
            "name one that estimates sources."
        )


class Separator(BaseSeparator):
    """Is a network as a function of waveforms."""

    # What the task of its run must have taught.
    learns = "estimates"

    def __init__(self, config: Config, network: Network, memory_mb: float = MEMORY_MB) -> None:
        """Makes a separator of a network, whose weights may change later.

        Args:
            config: of the network.
            network: computes the estimates.
            memory_mb: what it may take for one window of a waveform, in MB.

        Raises:
            ValueError: the network estimates no sources.
        """
        require_estimates(config, self.learns)
        self.config = config
        self.network = network
        self._told = NOTHING
        self._iter_estimates = make_block_estimator(network, frames_in(memory_mb, network))

    @property
    def origin(self) -> str:
        """Returns where its weights are from, in words."""
        return f"a network of {self.config.name}"

    def checksum(self) -> str:
        """Returns what tells the weights, on which estimates depend, from others."""
        return weights_checksum(self.network)

    def identity(self) -> dict[str, Any]:
        """Returns what tells the network from others: two configs may have the same weights."""
        return {**identity_of(self.config, self.network), **self._told.identity()}

    def told(self, told: Told) -> "BaseSeparator":
        """Returns the same network, told notes and context of the piece that comes."""
        other = copy(self)
        other._told = told
        return other

    def iter_estimates(
        self, heard: Iterable[Waveform], labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields the estimates of what the network hears, a block for each of its windows."""
        return self._iter_estimates(heard, self._conditions(labels))

    def _conditions(self, labels: Sequence[str] | None) -> dict[str, NDArray[Any]]:
        conditions: dict[str, NDArray[Any]] = {}
        for name in self.network.conditions:
            if name == "labels":
                conditions[name] = self.label_vector(labels)
            elif name == "notes":
                conditions[name] = note_rows(self._told, self.config)
            else:
                conditions[name] = context_vectors(self._told, self.config)
        return conditions


class TrainedSeparator(Separator):
    """Is the network of a run, with the weights of one of its checkpoints."""

    def __init__(
        self,
        workdir: str,
        checkpoint: str = "best",
        weights: str = "average",
        memory_mb: float = MEMORY_MB,
    ) -> None:
        """Restores the network of a run; ``ValueError`` where there is none."""
        run = load_run(workdir)
        network = make_network(run.config)
        self.step = restore_network(workdir, network, checkpoint, weights)
        self._workdir = workdir
        self._imported = run.imported
        self._memory_mb = memory_mb
        super().__init__(run.config, network, memory_mb)

    @property
    def origin(self) -> str:
        """Returns where its weights are from, in words."""
        if self._imported is not None:
            return f"{self._imported.system}'s weights, imported to {self._workdir}"
        return f"step {self.step:,} of {self._workdir}"

    def before_training(self) -> BaseSeparator | None:
        """Returns the network of the run as its training found it.

        None where nobody trained it here: weights that were imported began as others, elsewhere,
        and those of step 0 are what they were.
        """
        if self._imported is not None or self.step == 0:
            return None
        return self._untrained(self._memory_mb)

    def _untrained(self, memory_mb: float) -> BaseSeparator:
        """Returns the network that the run began with."""
        return UntrainedSeparator(self.config, memory_mb)


class UntrainedSeparator(Separator):
    """Is a network with the weights that a training begins with, which ``train.seed`` gives."""

    is_untrained = True

    def __init__(self, config: Config, memory_mb: float = MEMORY_MB) -> None:
        """Makes the network of an experiment."""
        super().__init__(config, make_network(config), memory_mb)

    @property
    def origin(self) -> str:
        """Returns where its weights are from, in words."""
        return f"{self.config.name}, untrained"

    def identity(self) -> dict[str, Any]:
        """Returns what tells the network from others, and that it is untrained, for who asks."""
        return {**super().identity(), "untrained": True}
