"""The losses of an experiment of any task and their gradients on the JAX backend, where TensorFlow
cannot be imported:

    KERAS_BACKEND=jax python -m tests.trainer.tasks.generation.on_jax CONFIG.json IN.npz OUT.npz

IN holds the batch, and the weights by their paths.
"""

import sys
from pathlib import Path

sys.modules["tensorflow"] = None  # what needs it fails; Keras itself does without

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

import configs  # noqa: E402
from trainer.tasks.registry import step_of  # noqa: E402


def main(config_path, batch_path, out_path):
    config = configs.from_json(Path(config_path).read_text())
    batch = dict(np.load(batch_path))
    step = step_of(config)
    networks = step.make_networks(config)
    # Of the same seed another backend draws other weights.
    for network in networks.values():
        for weight in network.weights:
            weight.assign(batch.pop(weight.path))
    found = {}
    for objective in step.make_objectives(config, networks):

        def loss(values, objective=objective):
            mapping = list(zip(objective.weights, values, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                return objective.loss(batch, 0)

        values = [weight.value for weight in objective.weights]
        value, gradients = jax.jit(jax.value_and_grad(loss))(values)
        found[f"loss/{objective.name}"] = value
        for weight, gradient in zip(objective.weights, gradients, strict=True):
            found[f"{objective.name}/{weight.path}"] = gradient
    np.savez(out_path, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
