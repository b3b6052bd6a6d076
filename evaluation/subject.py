"""What is evaluated: a checkpoint of a run on the tracks of a split, as flags name it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from absl import flags

import configs
from configs import Config
from configs.splits import SPLITS
from data_prep.manifest import Manifest, load_manifest
from evaluation.separate import Separator
from trainer.checkpoints import WEIGHTS
from trainer.workdir import Run, load_run

FLAGS = flags.FLAGS
flags.disclaim_key_flags()  # --help of a command shows what define_flags defines for it


class Subject(NamedTuple):
    """A restored network, the records it is evaluated on, and where the results go."""

    run: Run
    config: Config  # the run's, with its section ``evaluation`` overridden
    manifest: Manifest
    folder: str  # of the records
    split: str
    separator: Separator
    out: Path  # exists
    arguments: list[str]  # flags that name the same again


def open_subject(
    workdir: str, records: str, split: str, checkpoint: str, overrides: Sequence[str], weights: str = "average"
) -> Subject:
    """Restore the network, find the tracks and make the folder of the results.

    Args:
        workdir: folder of the run.
        records: folder of the records, empty for those the run was trained on.
        split: train, valid or test.
        checkpoint: best, latest, or a number of steps.
        overrides: of the section ``evaluation``.
        weights: average, the moving average where the run kept one, or raw.

    Raises:
        ValueError: the run, the checkpoint or the records are missing or do not fit together.
    """
    run = load_run(workdir)
    folder = records or run.records
    manifest = load_manifest(folder)
    config = _override(run.config, overrides)
    manifest.require(config, folder)
    if not manifest.tracks(split):
        there = ", ".join(name for name in SPLITS if manifest.tracks(name))
        raise ValueError(f"the records in {folder} have no {split} tracks; they have {there}.")
    separator = Separator(workdir, checkpoint, weights)
    out = Path(workdir) / "evaluation" / (f"{separator.step}-{split}" + ("-raw" if weights == "raw" else ""))
    out.mkdir(parents=True, exist_ok=True)
    arguments = [f"--workdir={workdir}", f"--records={folder}", f"--split={split}", f"--checkpoint={separator.step}"]
    arguments += [f"--weights={weights}", *(f"--set={override}" for override in overrides)]
    return Subject(run, config, manifest, folder, split, separator, out, arguments)


def _override(config: Config, overrides: Sequence[str]) -> Config:
    """A finished run can be scored differently, not turned into another run."""
    for override in overrides:
        if not override.startswith("evaluation."):
            raise ValueError(f"--set {override}: only evaluation.* can change here, the rest is as it was trained.")
    return configs.override(config, overrides)


def define_flags() -> None:
    """The flags that ``flag_values`` returns."""
    flags.DEFINE_string("workdir", None, "folder of the run", required=True)
    flags.DEFINE_string("records", "", "folder of the records instead of those the run was trained on")
    flags.DEFINE_enum("split", "test", SPLITS, "which tracks to score")
    flags.DEFINE_string("checkpoint", "best", "best (in validation), latest, or a number of steps")
    flags.DEFINE_enum("weights", "average", WEIGHTS, "the moving average where the run kept one, or the raw weights")
    flags.DEFINE_multi_string("set", [], "override, evaluation.field=value; may be repeated")


def flag_values() -> tuple[str, str, str, str, list[str], str]:
    """The arguments of ``open_subject``, in order."""
    return FLAGS.workdir, FLAGS.records, FLAGS.split, FLAGS.checkpoint, FLAGS.set, FLAGS.weights
