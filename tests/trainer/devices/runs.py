"""Trainings of one process: KERAS_BACKEND=jax python -m tests.trainer.devices.runs JOBS.json

Each job is an object with ``config``, ``overrides``, ``records``, ``workdir``, ``num_devices`` and
``stop_after``, a number of calls after which it is interrupted, or null.
"""

import json
import sys
from pathlib import Path

import keras

import configs
from data_prep.records.manifest import load_manifest
from data_prep.storage.lock import Hold
from trainer.devices.found import find_devices
from trainer.loop.train import train
from trainer.loop.workdir import open_run
from trainer.tasks.registry import make_task


def run(job):
    """Trains, and returns whether the run is done."""
    config = configs.load(job["config"], job["overrides"])
    manifest = load_manifest(job["records"])
    task = make_task(config, manifest, job["records"])
    Path(job["workdir"]).mkdir(exist_ok=True)
    open_run(job["workdir"], config, job["records"], manifest)
    devices = devices_of(job["num_devices"])
    if job["stop_after"] is not None:
        calls = iter(range(job["stop_after"]))
        devices.agree = lambda _: next(calls, None) is None
    return train(task, config.train, job["workdir"], devices, Hold())


def devices_of(num_devices):
    if keras.backend.backend() == "tensorflow":
        return find_devices()
    import jax

    from trainer.devices.jax_devices import JaxDevices

    return JaxDevices(jax.devices()[:num_devices])


if __name__ == "__main__":
    for each in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        run(each)
