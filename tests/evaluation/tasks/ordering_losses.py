"""The losses of a few steps of ordering on several logical devices:

    python -m tests.evaluation.tasks.ordering_losses RECORDS OUT.npy NUM_DEVICES OVERRIDE...

A process of its own, because devices are divided before TensorFlow starts.
"""

import sys

import numpy as np
import tensorflow as tf

import configs
from data_prep.records.manifest import load_manifest
from data_prep.storage.lock import Hold
from trainer.devices.tensorflow_devices import TensorFlowDevices
from trainer.loop.metrics import read_metrics
from trainer.loop.train import train
from trainer.loop.workdir import open_run
from trainer.tasks.ordering.task import OrderingTask

STEPS = [
    "train.steps=6",
    "train.steps_per_call=1",
    "train.optimizer=sgd",
    "train.learning_rate=0.1",
]


def main(records, out, num_devices, *overrides):
    count = int(num_devices)
    cpu = tf.config.list_physical_devices("CPU")[0]
    logical = [tf.config.LogicalDeviceConfiguration()] * count
    tf.config.set_logical_device_configuration(cpu, logical)
    config = configs.load("smoke_ordering", [*overrides, *STEPS])
    manifest = load_manifest(records)
    task = OrderingTask(config, manifest, records)
    workdir = f"{out}-run"
    open_run(workdir, config, records, manifest)
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(count)])
    assert train(task, config.train, workdir, TensorFlowDevices(strategy), Hold())
    lines = read_metrics(workdir)
    np.save(out, [line["loss"] for line in lines if line["kind"] == "train"])


if __name__ == "__main__":
    main(*sys.argv[1:])
