"""Opens what is evaluated: a checkpoint of a run on the tracks of a split, whatever its task."""

from dataclasses import dataclass

import configs
from configs import Config
from configs.splits import SPLITS
from data_prep.records.manifest import Manifest, load_manifest
from data_prep.storage import Folder, is_bucket, open_folder
from evaluation.estimates.named_checkpoint import NamedCheckpoint
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
    # Of what is the same for all checkpoints and splits of the run.
    shared: Folder
    # Flags that name the same again.
    arguments: list[str]


def open_run(named: NamedCheckpoint, suffix: str = "") -> OpenedRun:
    """Finds checkpoint and tracks, and makes the folder of the results.

    Args:
        named: what is to be evaluated.
        suffix: of the name of the folder of the results.

    Raises:
        ValueError: the run, the checkpoint or the records are missing or do not fit together.
    """
    root = open_folder(named.workdir)
    run = load_run(root.url)
    folder = open_folder(named.records or run.records).url
    manifest = load_manifest(folder)
    config = configs.override_evaluation(run.config, named.overrides)
    manifest.require(config, folder)
    if not manifest.tracks(named.split):
        there = ", ".join(name for name in SPLITS if manifest.tracks(name))
        raise ValueError(
            f"the records in {folder} have no {named.split} tracks; they have {there}."
        )
    if is_bucket(root.url) and not named.out:
        # Before anything that takes minutes.
        root.check()
    _, step = find_checkpoint(root.url, named.checkpoint)
    return OpenedRun(
        workdir=root.url,
        run=run,
        config=config,
        manifest=manifest,
        folder=folder,
        split=named.split,
        step=step,
        weights=named.weights,
        out=_open_results(root.url, step, named, suffix),
        # A run whose results go elsewhere may be one that may only be read.
        shared=open_folder(named.out or f"{root.url}/evaluation"),
        arguments=_flags(root.url, folder, step, named),
    )


def _open_results(workdir: str, step: int, named: NamedCheckpoint, suffix: str) -> Folder:
    if named.out:
        # Of a run that may only be read.
        out = open_folder(named.out)
        out.check()
        return out
    of_weights = "-raw" if named.weights == "raw" else ""
    out = open_folder(f"{workdir}/evaluation/{step}-{named.split}{of_weights}{suffix}")
    out.check()
    return out


def _flags(workdir: str, folder: str, step: int, named: NamedCheckpoint) -> list[str]:
    """Returns the flags that name the same again, whatever becomes the best or latest by then."""
    return [
        f"--workdir={workdir}",
        f"--records={folder}",
        f"--split={named.split}",
        f"--checkpoint={step}",
        f"--weights={named.weights}",
        *([f"--out={named.out}"] if named.out else []),
        *(f"--set={override}" for override in named.overrides),
    ]
