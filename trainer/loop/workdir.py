"""The folder of a run: whose run it is, and what may change when it continues."""

import json
import os
from dataclasses import dataclass, replace

import tensorflow as tf

import configs
from configs import Config
from data_prep.records.manifest import Manifest, manifest_from_json
from data_prep.storage import Folder, open_folder

_CHANGEABLE = (
    "model.computation",
    "train.steps",
    "train.steps_per_call",
    "train.checkpoint_steps",
    "train.keep_checkpoints",
    "train.validation_steps",
    "train.cache",
    "evaluation.",
)


@dataclass(frozen=True)
class TrainingRun:
    """What ``workdir/config.json`` and ``workdir/records.json`` say."""

    config: Config
    records: str  # the folder of the records
    manifest: Manifest  # of those records when the run began


def load_run(workdir: str) -> TrainingRun:
    """The run in a folder.

    Raises:
        ValueError: there is none.
    """
    folder, name = open_folder(workdir), ""
    texts = {name: _read(folder, name) for name in ("config.json", "records.json")}
    try:
        name = "config.json"
        config = configs.from_json(texts[name])
        if former := configs.former_names_in(texts[name]):
            print(
                f"note: {folder.url}/{name} names fields as before: {', '.join(former)}.",
                flush=True,
            )
        name = "records.json"
        records = json.loads(texts[name])
        manifest = manifest_from_json(json.dumps(records["manifest"]), f"{folder.url}/{name}")
        return TrainingRun(config, str(records["folder"]), manifest)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder.url}/{name} is not what trainer.task wrote ({error}); restore it or begin anew."
        ) from error


def open_run(workdir: str, config: Config, records: str, manifest: Manifest) -> None:
    """Begin a run in a folder, or continue the one that is there.

    A run without a checkpoint has nothing to lose: it makes way for another config. The section ``data`` of the
    config becomes that of the records, which it describes.

    Raises:
        ValueError: the folder holds another run; every field that differs is named.
    """
    config = replace(config, data=manifest.config.data)
    if tf.io.gfile.glob(f"{workdir}/checkpoints/*.index"):
        _refuse_another(load_run(workdir), workdir, config, manifest)
    tf.io.gfile.makedirs(workdir)
    folder = records if "://" in records else os.path.abspath(records)  # noqa: PTH100 (Path would eat a slash)
    described = {"folder": folder, "manifest": json.loads(manifest.to_json())}
    write_text(f"{workdir}/records.json", json.dumps(described) + "\n")
    write_text(f"{workdir}/config.json", configs.to_json(config) + "\n")


def _refuse_another(run: TrainingRun, workdir: str, config: Config, manifest: Manifest) -> None:
    fixed = {
        name: values
        for name, values in configs.differences(run.config, config).items()
        if not name.startswith(_CHANGEABLE)
    }
    if fixed:
        fields = "; ".join(
            f"{name} was {before!r}, is {now!r}" for name, (before, now) in fixed.items()
        )
        raise ValueError(
            f"{workdir} holds a run of another config ({fields}); choose another --workdir."
        )
    if run.manifest.shards != manifest.shards:
        raise ValueError(
            f"{workdir} holds a run on other records ({run.records}); choose another --workdir."
        )
    before, now = run.config.train.steps, config.train.steps
    if before != now and config.train.schedule == "cosine":
        print(
            f"The cosine schedule now ends at step {now}, not {before}: the learning rate changes.",
            flush=True,
        )


def _read(folder: Folder, name: str) -> str:
    try:
        text = folder.read_text(name)
    except OSError:  # its folder is a file
        text = None
    if text is None:
        folder.list_names()  # fails where it is the bucket that is missing
        raise ValueError(
            f"there is no {folder.url}/{name}: trainer.task has not started there, or it is another folder."
        )
    return text


def write_text(path: str, text: str) -> None:
    """Write a file whole or not at all."""
    target = (
        path if "://" in path else f"{path}.partial"
    )  # an object in a bucket is whole by itself
    with tf.io.gfile.GFile(target, "w") as file:
        file.write(text)
    if target != path:
        tf.io.gfile.rename(target, path, overwrite=True)
