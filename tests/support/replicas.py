"""Two replicas against one device on the same global batches: python -m tests.support.replicas
RECORDS prints the differences.

A process of its own, because devices are divided before TensorFlow starts.
"""

import json
import sys

import numpy as np
import tensorflow as tf

import configs
from data_prep.records.manifest import load_manifest
from trainer.devices.tensorflow_devices import (
    TensorFlowDevices,
    distribute,
    make_run_steps,
)
from trainer.loop.beginning import make_optimisation
from trainer.tasks.separation.task import SeparationTask

OVERRIDES = [
    "audio.sample_rate=8000",
    "data.excerpt_secs=0.7",
    "model.num_levels=3",
    "model.num_filters=8",
    "model.estimate_frames=501",
    "train.batch_size=4",
    "train.steps=60",
]


def make(config, task, strategy):
    """The networks of a task and what changes their weights."""
    return make_optimisation(task, config.train, TensorFlowDevices(strategy))


def gradients(task, config, strategy):
    """The gradient of the first step, summed over the replicas as the optimizer sums it."""
    (optimizer,) = make(config, task, strategy).optimizers
    objective = optimizer.objective

    def replica_gradients(batch):
        with tf.GradientTape() as tape:
            loss = objective.loss(batch, 0) / strategy.num_replicas_in_sync
        return tape.gradient(loss, objective.weights)

    batch = next(iter(distribute(task.make_examples(0), config.train.batch_size, strategy)))
    summed = tf.function(strategy.run)(replica_gradients, args=(batch,))
    return [
        strategy.reduce(tf.distribute.ReduceOp.SUM, gradient, axis=None).numpy()
        for gradient in summed
    ]


def run(task, config, strategy, num_steps, *overrides):
    """Weights, losses and averages after some steps of the training loop's own step."""
    if overrides:
        # The task makes its objectives from its own config.
        config = configs.override(config, overrides)
        task = SeparationTask(config, task._manifest, task._folder)
    optimisation = make(config, task, strategy)
    run_steps = make_run_steps(optimisation, strategy)
    batches = iter(distribute(task.make_examples(0), config.train.batch_size, strategy))
    losses, _ = run_steps(batches, tf.constant(num_steps))
    weights = [variable.numpy() for variable in optimisation.trainable_weights]
    averages = [mean.numpy() for mean in optimisation.average.values()]
    return weights, losses.numpy()[:, 0], averages


def main(records):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    one, two = (
        tf.distribute.OneDeviceStrategy("CPU:0"),
        tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
    )
    config = configs.load("smoke", OVERRIDES)
    task = SeparationTask(config, load_manifest(records), records)
    relative = [
        np.linalg.norm(a - b) / np.linalg.norm(a)
        for a, b in zip(gradients(task, config, one), gradients(task, config, two), strict=True)
    ]
    sgd = ["train.optimizer=sgd", "train.learning_rate=0.1", "train.schedule=constant"]
    weights = [run(task, config, strategy, 10, *sgd)[0] for strategy in (one, two)]
    # Batches of four: each replica takes two parts of one example.
    in_parts = [*sgd, "train.accumulate=2", "train.rematerialise=true"]
    weights_in_parts, losses_in_parts, _ = run(task, config, two, 10, *in_parts)
    losses_at_once = run(task, config, one, 10, *sgd)[1]
    adam = [run(task, config, strategy, 60)[1] for strategy in (one, two)]
    start = run(task, config, one, 0)[0]
    # A step of rate 1 moves the weights by the clipped gradient.
    clip = [*sgd, "train.learning_rate=1", "train.clip_norm=1e-3"]
    clipped = [run(task, config, strategy, 1, *clip)[0] for strategy in (one, two)]
    average = ["train.average_decay=0.9", "train.clip_norm=1e-4"]
    averages = [run(task, config, strategy, 5, *average)[2] for strategy in (one, two)]
    differences = {
        "gradients": float(max(relative)),
        "clipped_norms": [
            float(np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(ends, start, strict=True))))
            for ends in clipped
        ],
        "averages": float(max(np.abs(a - b).max() for a, b in zip(*averages, strict=True))),
        "sgd_weights": float(max(np.abs(a - b).max() for a, b in zip(*weights, strict=True))),
        "weights_in_parts": float(
            max(np.abs(a - b).max() for a, b in zip(weights[0], weights_in_parts, strict=True))
        ),
        "losses_in_parts": float(np.max(np.abs(losses_in_parts - losses_at_once) / losses_at_once)),
        "adam_losses": float(np.max(np.abs(adam[0] - adam[1]) / adam[0])),
        # Of single steps they differ as their examples do.
        "adam_first_losses": float(np.mean(adam[0][:20])),
        "adam_last_losses": float(np.mean(adam[0][-20:])),
    }
    print(json.dumps(differences))


if __name__ == "__main__":
    main(sys.argv[1])
