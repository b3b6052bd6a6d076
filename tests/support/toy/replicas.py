"""Two replicas against one device: python -m tests.support.toy.replicas RECORDS prints the losses
of ten steps.

A process of its own, because devices are divided before TensorFlow starts.
"""

import json
import sys

import tensorflow as tf

import configs
import tests.support.toy  # noqa: F401
from data_prep.records.manifest import load_manifest
from trainer.devices.tensorflow_devices import (
    TensorFlowDevices,
    distribute,
    make_run_steps,
)
from trainer.loop.beginning import make_optimisation
from trainer.tasks.registry import make_task


def losses(task, config, strategy):
    """The losses of ten steps, (steps, objectives)."""
    run_steps = make_run_steps(
        make_optimisation(task, config.train, TensorFlowDevices(strategy)), strategy
    )
    batches = iter(distribute(task.make_examples(0), config.train.batch_size, strategy))
    found, _ = run_steps(batches, tf.constant(10))
    return found.numpy().tolist()


def main(records, *overrides):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    config = configs.load("toy", overrides)
    task = make_task(config, load_manifest(records), records)
    one = tf.distribute.OneDeviceStrategy("CPU:0")
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    print(json.dumps([losses(task, config, strategy) for strategy in (one, two)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
