"""Knows whose run a folder is, and what may change when it continues.

Nothing here imports TensorFlow before a run begins, so that commands refuse a folder at once.
"""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import configs
from configs import Begun, Config
from configs.reading import parse_object
from data_prep.records.manifest import Manifest, manifest_from_json
from data_prep.runtime.revision import code_revision
from data_prep.storage import Folder, is_bucket, open_folder

# Fields that may differ from call to call: they change neither the weights nor, but for rounding,
# what a step does.
_CHANGEABLE = (
    "model.computation",
    "train.steps",
    "train.steps_per_call",
    "train.checkpoint_steps",
    "train.keep_checkpoints",
    "train.validation_steps",
    "train.validate_untrained",
    "train.cache",
    "train.accumulate",
    "train.rematerialise",
    "evaluation.",
    # What a run has begun with is its own.
    "begun.",
)


@dataclass(frozen=True)
class Imported:
    """Says whose the weights of a run are that nobody trained here."""

    # Who published the network, such as Open-Unmix.
    system: str
    # Of the weights, in words; empty where it is not known.
    licence: str
    # What they learnt from, as their authors say; empty where it is not known.
    trained_on: str
    # Name of each file -> its SHA-256.
    files: dict[str, str]

    def __str__(self) -> str:
        """Returns it in words, to stand in a sentence."""
        trained_on = self.trained_on or "what is not known"
        return f"weights of {self.system}, imported; they learnt from {trained_on}"


@dataclass(frozen=True)
class TrainingRun:
    """Holds what ``workdir/config.json`` and ``workdir/records.json`` say."""

    config: Config
    # The folder of the records; empty where the weights were imported.
    records: str
    # Of those records when the run began; without tracks where the weights were imported.
    manifest: Manifest
    imported: Imported | None = None


def require_run(workdir: str) -> str:
    """Returns the path or address of a folder that holds a run.

    Raises:
        ValueError: there is no run, or its files are not what ``open_run`` wrote.
    """
    folder = open_folder(workdir)
    _parse_run(folder)
    return folder.url


def load_run(workdir: str) -> TrainingRun:
    """Reads the run in a folder, and notes fields of its config that have other names now.

    Raises:
        ValueError: as from ``require_run``.
    """
    folder = open_folder(workdir)
    run, former = _parse_run(folder)
    if former:
        print(
            f"note: {folder.url}/config.json names fields as before: {', '.join(former)}.",
            flush=True,
        )
    return run


def _parse_run(folder: Folder) -> tuple[TrainingRun, Sequence[str]]:
    """Returns a run, and which fields its config names as before."""
    texts = {name: _read(folder, name) for name in ("config.json", "records.json")}
    name = "config.json"
    try:
        config = configs.from_json(texts[name])
        former = configs.former_names_in(texts[name])
        name = "records.json"
        records = parse_object(texts[name], name)
        manifest = manifest_from_json(json.dumps(records["manifest"]), f"{folder.url}/{name}")
        imported = None
        if "imported" in records:
            imported = _imported_from_values(records["imported"])
        return TrainingRun(config, str(records["folder"]), manifest, imported), former
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder.url}/{name} is not what trainer.task wrote ({error}); "
            f"restore it or begin anew."
        ) from error


def _imported_from_values(values: Mapping[str, Any]) -> Imported:
    return Imported(
        system=str(values["system"]),
        licence=str(values["licence"]),
        trained_on=str(values["trained_on"]),
        files={str(name): str(checksum) for name, checksum in dict(values["files"]).items()},
    )


def open_run(workdir: str, config: Config, records: str, manifest: Manifest) -> None:
    """Begins a run in a folder, or continues the one that is there.

    A run without a checkpoint has nothing to lose: it makes way for another config. The section
    ``data`` of the config becomes that of the records, which it describes.

    Args:
        workdir: path or address of the folder.
        config: of the run.
        records: path or address of the folder of the records.
        manifest: of those records.

    Raises:
        ValueError: the folder holds another run; every field that differs is named.
    """
    config = replace(config, data=manifest.config.data)
    if _has_checkpoints(workdir):
        run = load_run(workdir)
        _refuse_another(run, workdir, config, manifest)
        config = replace(config, begun=run.config.begun)
    folder = records
    if not is_bucket(records):
        folder = os.path.abspath(records)  # noqa: PTH100 (Path.absolute keeps "..")
    described = {"folder": folder, "manifest": dataclasses.asdict(manifest)}
    _write_run(workdir, config, described)


def read_begun(workdir: str) -> Begun:
    """Returns what a run has begun with, as far as that was noted."""
    return load_run(workdir).config.begun


def note_begun(workdir: str, begun: Begun) -> None:
    """Notes in ``config.json`` what a run begins with."""
    config = replace(load_run(workdir).config, begun=begun)
    write_text(f"{workdir}/config.json", configs.to_json(config) + "\n")


def open_imported_run(workdir: str, config: Config, imported: Imported) -> None:
    """Begins a run in a folder whose weights were imported, without records.

    Raises:
        ValueError: there is a run already.
    """
    require_no_run(workdir)
    # It holds no track, and says by which code the weights were imported.
    manifest = Manifest(config=config, corpus="", code_revision=code_revision(), shards={})
    described = {
        "folder": "",
        "manifest": dataclasses.asdict(manifest),
        "imported": dataclasses.asdict(imported),
    }
    _write_run(workdir, config, described)


def require_no_run(workdir: str) -> None:
    """Raises a ``ValueError`` where a folder holds a run that has anything to lose."""
    if _has_checkpoints(workdir):
        raise ValueError(f"{workdir} holds a run; choose another --workdir.")


def _write_run(workdir: str, config: Config, records: Mapping[str, Any]) -> None:
    """Writes the files of a run, of which ``records`` is what ``records.json`` says."""
    if not is_bucket(workdir):
        Path(workdir).mkdir(parents=True, exist_ok=True)
    write_text(f"{workdir}/records.json", json.dumps(records) + "\n")
    write_text(f"{workdir}/config.json", configs.to_json(config) + "\n")


def _has_checkpoints(workdir: str) -> bool:
    """Returns whether there is anything to lose in a folder.

    Raises:
        ValueError: nobody knows, as the checkpoints cannot be listed.
    """
    folder = open_folder(f"{workdir}/checkpoints")
    try:
        return any(name.endswith(".index") for name in folder.list_names())
    except ValueError as error:
        raise ValueError(f"the checkpoints in {folder.url} cannot be listed: {error}") from error


def _refuse_another(run: TrainingRun, workdir: str, config: Config, manifest: Manifest) -> None:
    """Refuses a config or records other than those of a run, and tells of a schedule that moves."""
    if run.imported is not None:
        raise ValueError(
            f"{workdir} holds {run.imported.system}'s weights, imported, whose training does not "
            f"go on here; choose another --workdir."
        )
    fields = _name_differences(run.config, config)
    if fields:
        raise ValueError(
            f"{workdir} holds a run of another config ({fields}); choose another --workdir."
        )
    if run.manifest.shards != manifest.shards:
        raise ValueError(
            f"{workdir} holds a run on other records ({run.records}); choose another --workdir."
        )
    before = run.config.train.steps
    now = config.train.steps
    if before != now and config.train.schedule == "cosine":
        print(
            f"The cosine schedule now ends at step {now}, not {before}: the learning rate changes.",
            flush=True,
        )


def read_config_text(workdir: str) -> str | None:
    """Returns the text of ``config.json``, for a checkpoint to carry; None where there is none."""
    return open_folder(workdir).read_text("config.json")


def require_config_of(checkpoint: str, text: str, workdir: str) -> None:
    """Refuses a ``config.json`` that is not what a checkpoint was trained with.

    Sources that change places, or another activation, fit the same weights and would be wrong.

    Args:
        checkpoint: its path.
        text: of the config that it carries.
        workdir: of the run.

    Raises:
        ValueError: they differ; every field is named.
    """
    trained = configs.from_json(text, f"the config in {checkpoint}")
    path = f"{workdir}/config.json"
    config = configs.from_json(_read(open_folder(workdir), "config.json"), path)
    fields = _name_differences(trained, config)
    if fields:
        raise ValueError(
            f"{path} is not what {checkpoint} was trained with ({fields}); put these values back "
            f"as they were."
        )


def _name_differences(before: Config, now: Config) -> str:
    """Names the fields in which two configs of one run may not differ; nothing if there are none.

    Both were read by the same code, so that fields of later versions have their defaults.
    """
    return "; ".join(
        f"{name} was {value!r}, is {other!r}"
        for name, (value, other) in configs.differences(before, now).items()
        if not name.startswith(_CHANGEABLE)
    )


def _read(folder: Folder, name: str) -> str:
    """Returns the text of a file of a run."""
    try:
        text = folder.read_text(name)
    except OSError:
        # A part of its path is a file.
        text = None
    if text is None:
        # Fails where it is the bucket that is missing, and says so.
        folder.list_names()
        raise ValueError(
            f"there is no {folder.url}/{name}: trainer.task has not started there, "
            f"or it is another folder."
        )
    return text


def write_text(path: str, text: str) -> None:
    """Writes a file whole or not at all."""
    import tensorflow as tf

    # An object in a bucket is whole by itself.
    target = path if is_bucket(path) else f"{path}.partial"
    with tf.io.gfile.GFile(target, "w") as file:
        file.write(text)
    if target != path:
        tf.io.gfile.rename(target, path, overwrite=True)
