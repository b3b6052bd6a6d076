"""Restores what is evaluated: the network of a checkpoint, beside the tracks of a split."""

from dataclasses import dataclass, fields

import configs
from data_prep.runtime.revision import code_revision
from evaluation.estimates.named_checkpoint import NamedCheckpoint
from evaluation.estimates.opened_run import OpenedRun, open_run
from trainer.inference.separator import TrainedSeparator


@dataclass(frozen=True)
class EstimatedSystem(OpenedRun):
    """Is a run that was opened, with its network restored."""

    separator: TrainedSeparator

    @property
    def made_from(self) -> dict[str, object]:
        """Returns what estimates and whatever is measured of them depend on, as plain values."""
        return {
            "weights": self.separator.checksum(),
            "shards": [[shard.name, shard.crc32c] for shard in self.manifest.shards[self.split]],
            "config": configs.to_json(self.config),
            "code": code_revision(),
        }


def restore(opened: OpenedRun) -> EstimatedSystem:
    """Restores the network of a run that was opened.

    Raises:
        ValueError: the checkpoint cannot be read.
    """
    separator = TrainedSeparator(opened.workdir, str(opened.step), opened.weights)
    values = {field.name: getattr(opened, field.name) for field in fields(opened)}
    return EstimatedSystem(**values, separator=separator)


def open_estimated_system(named: NamedCheckpoint) -> EstimatedSystem:
    """Opens a run and restores its network; ``ValueError`` as from ``open_run``."""
    return restore(open_run(named))
