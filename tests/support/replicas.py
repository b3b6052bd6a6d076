"""Two replicas against one device on the same global batches: python -m tests.support.replicas RECORDS prints the differences.

A process of its own, because devices are divided before TensorFlow starts.
"""

import dataclasses
import json
import sys

import keras
import numpy as np
import tensorflow as tf

import configs
from data_prep.records.manifest import load_manifest
from trainer.loop import train
from trainer.loop.optimisation import Optimisation, clip_over_replicas
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


def gradients(task, config, strategy):
    """The gradient of the first step, summed over the replicas as the optimizer sums it."""
    with strategy.scope():
        network = task.make_network()

    def replica_gradients(batch):
        with tf.GradientTape() as tape:
            loss = task.loss(network, batch) / strategy.num_replicas_in_sync
        return tape.gradient(loss, network.trainable_variables)

    batch = next(iter(train.distribute(task.make_examples(0), config.train.batch_size, strategy)))
    summed = tf.function(strategy.run)(replica_gradients, args=(batch,))
    return [
        strategy.reduce(tf.distribute.ReduceOp.SUM, gradient, axis=None).numpy()
        for gradient in summed
    ]


def run(task, config, strategy, make_apply, num_steps):
    """Weights and losses after some steps of the training loop's own step."""
    with strategy.scope():
        network = task.make_network()
        apply = make_apply(network)
    run_steps = train.make_run_steps(task.loss, network, apply, strategy)
    batches = iter(train.distribute(task.make_examples(0), config.train.batch_size, strategy))
    losses, _ = run_steps(batches, tf.constant(num_steps))
    return [variable.numpy() for variable in network.trainable_variables], losses.numpy()


def make_sgd(network, rate=0.1, clip_norm=None):
    optimizer = keras.optimizers.SGD(rate)
    optimizer.build(network.trainable_variables)

    def apply(gradients):
        gradients = clip_over_replicas(gradients, clip_norm) if clip_norm else gradients
        optimizer.apply(gradients, network.trainable_variables)

    return apply


def run_averaged(task, config, strategy, num_steps):
    """The average of the weights after some steps."""
    settings = dataclasses.replace(config.train, average_decay=0.9, clip_norm=1e-4)
    with strategy.scope():
        network = task.make_network()
        optimisation = Optimisation(settings, network)
    run_steps = train.make_run_steps(task.loss, network, optimisation.apply, strategy)
    run_steps(
        iter(train.distribute(task.make_examples(0), settings.batch_size, strategy)),
        tf.constant(num_steps),
    )
    return [mean.numpy() for mean in optimisation.average.values()]


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
    weights = [run(task, config, strategy, make_sgd, 10)[0] for strategy in (one, two)]
    adam = [
        run(task, config, strategy, lambda network: Optimisation(config.train, network).apply, 60)[
            1
        ]
        for strategy in (one, two)
    ]
    start = run(task, config, one, make_sgd, 0)[0]
    clipped = [
        run(task, config, strategy, lambda network: make_sgd(network, 1.0, 1e-3), 1)[0]
        for strategy in (one, two)
    ]
    averages = [run_averaged(task, config, strategy, 5) for strategy in (one, two)]
    differences = {
        "gradients": float(max(relative)),
        # One step of rate 1 moves the weights by the clipped gradient.
        "clipped_norms": [
            float(np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(ends, start, strict=True))))
            for ends in clipped
        ],
        "averages": float(max(np.abs(a - b).max() for a, b in zip(*averages, strict=True))),
        "sgd_weights": float(max(np.abs(a - b).max() for a, b in zip(*weights, strict=True))),
        "adam_losses": float(np.max(np.abs(adam[0] - adam[1]) / adam[0])),
        "adam_first_loss": float(adam[0][0]),
        "adam_last_loss": float(adam[0][-1]),
    }
    print(json.dumps(differences))


if __name__ == "__main__":
    main(sys.argv[1])
