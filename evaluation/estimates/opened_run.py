"""Opens what is evaluated: a checkpoint of a run on the tracks of a split, whatever its task."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

import configs
from configs import Config
from configs.splits import SPLITS
from data_prep.records.manifest import Manifest, load_manifest
from data_prep.records.shard_files import require_shard
from data_prep.storage import Folder, is_bucket, open_folder
from evaluation.estimates.named_checkpoint import NamedCheckpoint
from trainer.inference.averaged_runs import find_runs
from trainer.loop.checkpoints import find_checkpoint
from trainer.loop.workdir import TrainingRun


@dataclass(frozen=True)
class RunCheckpoint:
    """Names a checkpoint of a run."""

    workdir: str
    run: TrainingRun
    # That the weights have seen.
    step: int

    @property
    def words(self) -> str:
        """Says which it is."""
        return f"step {self.step:,} of {self.workdir} ({self.run.config.name})"


@dataclass(frozen=True)
class OpenedRun:
    """Names a checkpoint, the records it is evaluated on, and the folder of the results.

    It may be the checkpoints of several runs, whose estimates are averaged.
    """

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
    # Empty where one run is evaluated.
    averaged_with: tuple[RunCheckpoint, ...]

    @property
    def checkpoints(self) -> list[RunCheckpoint]:
        """Returns the checkpoint, or all whose estimates are averaged, the first run's first."""
        return [RunCheckpoint(self.workdir, self.run, self.step), *self.averaged_with]

    @property
    def why_no_result(self) -> str | None:
        """Says that a network has heard the tracks in training, where it has; else None."""
        heard = set()
        for each in self.checkpoints:
            heard |= {track.name for track in each.run.manifest.tracks("train")}
        heard &= {track.name for track in self.manifest.tracks(self.split)}
        if not heard:
            return None
        who = "one of the networks" if self.averaged_with else "the network"
        return f"{who} was trained on {len(heard)} of the tracks scored here"

    @property
    def training_manifest(self) -> Manifest:
        """Returns the manifest of the records that the run was trained on.

        Where its weights were imported nobody knows them: it is that of the records it is evaluated
        on, so that what learns from their training split can stand beside it.
        """
        if self.run.imported is not None:
            return self.manifest
        return self.run.manifest

    @property
    def training_places(self) -> list[str]:
        """Returns the folders where these records may be, each once."""
        if self.run.imported is not None:
            return [self.folder]
        return list(dict.fromkeys((self.folder, self.run.records)))


def find_training_records(opened: OpenedRun) -> str | None:
    """Returns the folder of the records that a run was trained on; None where they are nowhere.

    They are sought in the folder of the tracks that are scored, then where they were when the run
    began.
    """
    for place in opened.training_places:
        if _holds_training_records(place, opened.training_manifest):
            return place
    return None


def _holds_training_records(folder: str, manifest: Manifest) -> bool:
    """Returns whether all shards of the training split are in a folder, as they were written."""
    shards = manifest.shards.get("train", ())
    found = open_folder(folder)
    try:
        for shard in shards:
            require_shard(found, shard)
    except (ValueError, OSError):
        return False
    return len(shards) > 0


def open_run(named: NamedCheckpoint, suffix: str = "") -> OpenedRun:
    """Finds checkpoint and tracks, and makes the folder of the results.

    Args:
        named: what is to be evaluated.
        suffix: of the name of the folder of the results.

    Raises:
        ValueError: a run, its checkpoint or the records are missing or do not fit together.
    """
    runs = find_runs([named.workdir, *named.averaged_with])
    workdir, *other_workdirs = runs
    run = runs[workdir]
    if run.imported is not None and not named.records:
        raise ValueError(
            f"{workdir} holds {run.imported.system}'s weights, imported, and has no records; name "
            f"those to score with --records."
        )
    folder = open_folder(named.records or run.records).url
    manifest = load_manifest(folder)
    config = configs.override_evaluation(run.config, named.overrides)
    for each in runs.values():
        manifest.require(each.config, folder)
    if not manifest.tracks(named.split):
        there = ", ".join(name for name in SPLITS if manifest.tracks(name))
        raise ValueError(
            f"the records in {folder} have no {named.split} tracks; they have {there}."
        )
    if is_bucket(workdir) and not named.out:
        # Before anything that takes minutes.
        open_folder(workdir).check()
    _, step = find_checkpoint(workdir, named.checkpoint)
    others = []
    for place in other_workdirs:
        _, other_step = find_checkpoint(place, named.checkpoint)
        others.append(RunCheckpoint(place, runs[place], other_step))
    return OpenedRun(
        workdir=workdir,
        run=run,
        config=config,
        manifest=manifest,
        folder=folder,
        split=named.split,
        step=step,
        weights=named.weights,
        out=_open_results(workdir, step, others, named, suffix),
        # A run whose results go elsewhere may be one that may only be read.
        shared=open_folder(named.out or f"{workdir}/evaluation"),
        arguments=_flags(workdir, folder, step, others, named),
        averaged_with=tuple(others),
    )


def _open_results(
    workdir: str, step: int, others: Sequence[RunCheckpoint], named: NamedCheckpoint, suffix: str
) -> Folder:
    if named.out:
        # Of a run that may only be read.
        out = open_folder(named.out)
        out.check()
        return out
    of_weights = "-raw" if named.weights == "raw" else ""
    name = f"{step}-{named.split}{of_weights}{_mean_suffix(others)}{suffix}"
    out = open_folder(f"{workdir}/evaluation/{name}")
    out.check()
    return out


def _mean_suffix(others: Sequence[RunCheckpoint]) -> str:
    """Returns what tells the results of a mean from those of its first run, and of other means."""
    if not others:
        return ""
    places = []
    for other in others:
        place = other.workdir
        if not is_bucket(place):
            place = os.path.abspath(place)  # noqa: PTH100 (Path.absolute keeps "..")
        places.append([place, other.step])
    digest = hashlib.sha256(json.dumps(places).encode()).hexdigest()[:8]
    return f"-mean-of-{1 + len(others)}-{digest}"


def _flags(
    workdir: str, folder: str, step: int, others: Sequence[RunCheckpoint], named: NamedCheckpoint
) -> list[str]:
    """Returns the flags that name the same again, whatever becomes the best or latest by then.

    Of runs whose steps differ no number names all; then it is the word that was given.
    """
    is_same_step = all(other.step == step for other in others)
    return [
        f"--workdir={workdir}",
        *(f"--workdir={other.workdir}" for other in others),
        f"--records={folder}",
        f"--split={named.split}",
        f"--checkpoint={step if is_same_step else named.checkpoint}",
        f"--weights={named.weights}",
        *([f"--out={named.out}"] if named.out else []),
        *(f"--set={override}" for override in named.overrides),
    ]
