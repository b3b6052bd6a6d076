"""Restores what is evaluated: the networks of checkpoints, beside the tracks of a split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import configs
from data_prep.runtime.revision import code_revision
from evaluation.estimates.named_checkpoint import NamedCheckpoint
from evaluation.estimates.opened_run import OpenedRun, open_run
from trainer.inference.average import average_of
from trainer.inference.base import BaseSeparator
from trainer.inference.separator import TrainedSeparator
from trainer.tasks.separators import trained_separator


@dataclass(frozen=True)
class EstimatedSystem(OpenedRun):
    """Is a run that was opened, with its network restored; or several, whose mean it is."""

    # The network of each run, the first one's first.
    networks: tuple[TrainedSeparator, ...]
    # Whose estimates are evaluated: the only network, or the mean of all.
    separator: BaseSeparator
    # By the name of a track what the network is asked for in place of its labels.
    asked: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def labels_for(self, track: str, labels: Sequence[str]) -> Sequence[str]:
        """Returns what the network is told of a track that has these labels, or asked for."""
        return self.asked.get(track, labels)

    @property
    def made_from(self) -> dict[str, object]:
        """Returns what estimates and whatever is measured of them depend on, as plain values."""
        first, *others = self.networks
        of_mean = {"averaged_with": [other.identity() for other in others]} if others else {}
        return {
            "weights": first.checksum(),
            **of_mean,
            "shards": [[shard.name, shard.crc32c] for shard in self.manifest.shards[self.split]],
            "config": configs.to_json(self.config),
            "code": code_revision(),
        }


def restore(opened: OpenedRun) -> EstimatedSystem:
    """Restores the network of a run that was opened, or those of several to be averaged.

    Raises:
        ValueError: a checkpoint cannot be read.
    """
    networks = [
        trained_separator(checkpoint.workdir, str(checkpoint.step), opened.weights)
        for checkpoint in opened.checkpoints
    ]
    values = {field.name: getattr(opened, field.name) for field in fields(opened)}
    return EstimatedSystem(**values, networks=tuple(networks), separator=average_of(networks))


def open_estimated_system(named: NamedCheckpoint) -> EstimatedSystem:
    """Opens a run and restores its network; ``ValueError`` as from ``open_run``."""
    return restore(open_run(named))
