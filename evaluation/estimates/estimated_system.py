"""What is evaluated: a checkpoint of a run on the tracks of a split."""

from collections.abc import Sequence
from typing import NamedTuple

import configs
from configs import Config
from configs.splits import SPLITS
from data_prep.records.manifest import Manifest, load_manifest
from data_prep.runtime.revision import code_revision
from data_prep.storage import Folder, is_bucket, open_folder
from trainer.inference.separator import TrainedSeparator
from trainer.loop.workdir import TrainingRun, load_run


class EstimatedSystem(NamedTuple):
    """A restored network, the records it is evaluated on, and where the results go."""

    run: TrainingRun
    config: Config  # the run's, with its section ``evaluation`` overridden
    manifest: Manifest
    folder: str  # of the records
    split: str
    separator: TrainedSeparator
    out: Folder
    arguments: list[str]  # flags that name the same again

    @property
    def made_from(self) -> dict[str, object]:
        """What its estimates and whatever is measured of them depend on, as plain values."""
        return {
            "weights": self.separator.checksum,
            "shards": [[shard.name, shard.crc32c] for shard in self.manifest.shards[self.split]],
            "config": configs.to_json(self.config),
            "code": code_revision(),
        }


def open_estimated_system(
    workdir: str,
    records: str,
    split: str,
    checkpoint: str,
    overrides: Sequence[str],
    weights: str = "average",
    suffix: str = "",
) -> EstimatedSystem:
    """Restore the network, find the tracks and make the folder of the results.

    Args:
        workdir: folder of the run.
        records: folder of the records, empty for those the run was trained on.
        split: train, valid or test.
        checkpoint: best, latest, or a number of steps.
        overrides: of the section ``evaluation``.
        weights: average, the moving average where the run kept one, or raw.
        suffix: of the name of the folder of the results.

    Raises:
        ValueError: the run, the checkpoint or the records are missing or do not fit together.
    """
    root = open_folder(workdir)
    workdir, run = root.url, load_run(root.url)
    folder = open_folder(records or run.records).url
    manifest = load_manifest(folder)
    config = configs.override_evaluation(run.config, overrides)
    manifest.require(config, folder)
    if not manifest.tracks(split):
        there = ", ".join(name for name in SPLITS if manifest.tracks(name))
        raise ValueError(f"the records in {folder} have no {split} tracks; they have {there}.")
    if is_bucket(workdir):
        root.check()  # before anything that takes minutes
    separator = TrainedSeparator(workdir, checkpoint, weights)
    out = open_folder(
        f"{workdir}/evaluation/{separator.step}-{split}"
        + ("-raw" if weights == "raw" else "")
        + suffix
    )
    out.check()
    arguments = [
        f"--workdir={workdir}",
        f"--records={folder}",
        f"--split={split}",
        f"--checkpoint={separator.step}",
    ]
    arguments += [f"--weights={weights}", *(f"--set={override}" for override in overrides)]
    return EstimatedSystem(run, config, manifest, folder, split, separator, out, arguments)
