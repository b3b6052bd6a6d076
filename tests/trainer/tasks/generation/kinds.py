"""Trains a network of each kind on one and two logical devices, and in one and two goes:

    python -m tests.trainer.tasks.generation.kinds RECORDS FOLDER

prints, for each kind, the largest relative difference of the losses on two devices, and the names
of variables that differ after two goes. A process of its own, because devices are divided before
TensorFlow starts.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

import configs
from data_prep.records.manifest import load_manifest
from data_prep.storage.lock import Hold
from trainer.devices.tensorflow_devices import TensorFlowDevices
from trainer.loop.metrics import read_metrics
from trainer.loop.train import train
from trainer.loop.workdir import open_run
from trainer.tasks.registry import make_task

SMALL = [
    "model.num_frames=2048",
    "model.num_levels=2",
    "model.filters=2",
    "model.latents=3",
    "model.units=6,4",
    "train.steps=4",
    "train.batch_size=4",
    "train.steps_per_call=1",
    "train.checkpoint_steps=2",
    "train.validation_steps=2",
    "train.warmup_steps=0",
    "train.schedule=constant",
    "train.average_decay=0.5",
]
KINDS = {
    "dense": ["task.method=autoencoder"],
    "convolutional": [
        "task.method=autoencoder",
        "model.body=convolutions",
        "model.hears=waveform",
    ],
    "variational": ["model.body=convolutions", "task.kl_ramp_steps=3"],
    "adversarial": ["task.method=adversarial", "model.body=convolutions", "task.critic_updates=1"],
}
# Adam turns rounding into whole steps.
PLAIN = ["train.optimizer=sgd", "task.critic.kind=sgd", "train.learning_rate=0.01"]


def run(records, workdir, strategy, *overrides):
    """Trains to the end of the steps, and returns the losses of each."""
    config = configs.load("one_shots", [*SMALL, *overrides])
    manifest = load_manifest(records)
    task = make_task(config, manifest, records)
    open_run(workdir, config, records, manifest)
    assert train(task, config.train, workdir, TensorFlowDevices(strategy), Hold())
    lines = [line for line in read_metrics(workdir) if line["kind"] == "train"]
    return [[value for name, value in line.items() if name.endswith("loss")] for line in lines]


def checkpoint_of(workdir):
    """All that the newest checkpoint holds, by name, but for how often one was saved."""
    saved = tf.train.load_checkpoint(f"{workdir}/checkpoints")
    names = saved.get_variable_to_shape_map()
    return {name: saved.get_tensor(name) for name in names if "save_counter" not in name}


def differing(workdir, other):
    """The names of what two checkpoints hold that is not the same."""
    values, others = checkpoint_of(workdir), checkpoint_of(other)
    assert values.keys() == others.keys()
    return [name for name in values if not np.array_equal(values[name], others[name])]


def main(records, folder):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    # Of several strategies in a process the operations that sum gradients have the same names.
    one = tf.distribute.MirroredStrategy(["CPU:0"])
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    found = {}
    for kind, overrides in KINDS.items():
        path = Path(folder) / kind
        losses = [
            np.array(run(records, f"{path}-{name}", strategy, *overrides, *PLAIN))
            for name, strategy in {"one": one, "two": two}.items()
        ]
        sizes = np.abs(losses[0]).max(axis=1, keepdims=True)
        found[kind] = {
            "steps": len(losses[0]),
            # That of adversaries is a difference, which may be next to 0: of the largest of a step.
            "devices": float(np.max(np.abs(losses[1] - losses[0]) / sizes)),
            "parts": [],
        }
        # Adversaries take long to compile; a test of their own kills them.
        if kind != "adversarial":
            run(records, f"{path}-parts", one, *overrides, *PLAIN, "train.steps=2")
            run(records, f"{path}-parts", one, *overrides, *PLAIN)
            found[kind]["parts"] = differing(f"{path}-one", f"{path}-parts")
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
