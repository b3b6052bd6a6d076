"""A smaller smoke config on two logical CPU devices: python -m tests.support.replicated_run RECORDS
WORKDIR trains it to the end.

A process of its own, because devices are divided before TensorFlow starts.
"""

import sys

import tensorflow as tf

import configs
from data_prep.records.manifest import load_manifest
from data_prep.storage.lock import Hold
from trainer.loop.train import train
from trainer.loop.workdir import open_run
from trainer.tasks.separation.task import SeparationTask

# A processor that knows no bfloat16 takes five seconds for a step of the smoke config itself.
SMALLER = ["model.num_levels=5", "model.num_filters=6", "train.steps=600"]


def main(records, workdir):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    config, manifest = configs.load("smoke", SMALLER), load_manifest(records)
    task = SeparationTask(config, manifest, records)
    open_run(workdir, config, records, manifest)
    assert train(
        task, config.train, workdir, tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), Hold()
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
