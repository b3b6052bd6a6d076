"""Opens what is evaluated: a checkpoint of a run on the tracks of a split, whatever its task."""

from collections.abc import Sequence
from dataclasses import dataclass

import configs
from configs import Config
from configs.splits import SPLITS
from data_prep.records.manifest import Manifest, load_manifest
from data_prep.storage import Folder, is_bucket, open_folder
from trainer.loop.checkpoints import find_checkpoint
from trainer.loop.workdir import TrainingRun, load_run


@dataclass(frozen=True)
class OpenedRun:
    """Names a checkpoint, the records it is evaluated on, and the folder of the results."""

    workdir: str
    run: TrainingRun
    # The run's, with its section ``evaluation`` overridden.
    config: Config
    manifest: Manifest
    # Of the records.
    folder: str
    split: str
    # That the weights have seen.
    step: int
    # average or raw.
    weights: str
    out: Folder
    # Flags that name the same again.
    arguments: list[str]


def open_run(
    workdir: str,
    records: str,
    split: str,
    checkpoint: str,
    overrides: Sequence[str],
    weights: str = "average",
    suffix: str = "",
) -> OpenedRun:
    """Finds checkpoint and tracks, and makes the folder of the results.

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
    run = load_run(root.url)
    folder = open_folder(records or run.records).url
    manifest = load_manifest(folder)
    config = configs.override_evaluation(run.config, overrides)
    manifest.require(config, folder)
    if not manifest.tracks(split):
        there = ", ".join(name for name in SPLITS if manifest.tracks(name))
        raise ValueError(f"the records in {folder} have no {split} tracks; they have {there}.")
    if is_bucket(root.url):
        # Before anything that takes minutes.
        root.check()
    _, step = find_checkpoint(root.url, checkpoint)
    of_weights = "-raw" if weights == "raw" else ""
    out = open_folder(f"{root.url}/evaluation/{step}-{split}{of_weights}{suffix}")
    out.check()
    arguments = [
        f"--workdir={root.url}",
        f"--records={folder}",
        f"--split={split}",
        f"--checkpoint={step}",
        f"--weights={weights}",
        *(f"--set={override}" for override in overrides),
    ]
    return OpenedRun(
        workdir=root.url,
        run=run,
        config=config,
        manifest=manifest,
        folder=folder,
        split=split,
        step=step,
        weights=weights,
        out=out,
        arguments=arguments,
    )
