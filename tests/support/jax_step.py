"""Estimates, loss, gradients and a training step on the JAX backend, where TensorFlow cannot be
imported.

    KERAS_BACKEND=jax python -m tests.support.jax_step CONFIG.json IN.npz OUT.npz

IN holds ``mixture``, ``sources``, ``labels``, what else the network is told, and the weights by
variable path; OUT gets
``estimates``, ``loss``, the gradients by variable path and, after ``step/``, the loss and what a
step makes of every variable.
"""

import sys
from pathlib import Path

sys.modules["tensorflow"] = None  # what needs it fails; Keras itself does without

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

import configs  # noqa: E402
from tests.support.estimates import estimates_of  # noqa: E402
from trainer.devices.jax_step import step_of_config  # noqa: E402
from trainer.networks import make_network  # noqa: E402
from trainer.tasks.separation.step import batch_shapes, loss_of_batch  # noqa: E402


def main(config_path, input_path, output_path):
    config = configs.from_json(Path(config_path).read_text())
    arrays = dict(np.load(input_path))
    batch = {name: arrays.pop(name) for name in batch_shapes(config, 1)}
    network = make_network(config)
    assert sorted(variable.path for variable in network.variables) == sorted(arrays)
    for variable in network.variables:
        variable.assign(arrays[variable.path])

    def loss(values, batch):
        mapping = list(zip(network.trainable_variables, values, strict=True))
        with keras.StatelessScope(
            state_mapping=mapping
        ):  # the network computes with these values, not its own
            known = {name: batch[name] for name in network.conditions if name != "labels"}
            estimates = estimates_of(network, batch["mixture"], batch["labels"], **known)
            return loss_of_batch(network, batch, config), estimates

    step = step_of_config(config)
    weights = [variable.value for variable in network.trainable_variables]
    state = [
        arrays.get(path.removeprefix("average/"), value)
        for path, value in zip(step.paths, step.state, strict=True)
    ]

    @jax.jit  # compiled together, what they have in common is compiled once
    def compute(weights, state, batch):
        return jax.value_and_grad(loss, has_aux=True)(weights, batch), step(state, batch)

    ((value, estimates), gradients), (state, step_loss) = compute(weights, state, batch)
    paths = [variable.path for variable in network.trainable_variables]
    after = {f"step/{path}": value for path, value in zip(step.paths, state, strict=True)}
    gradients = dict(zip(paths, gradients, strict=True))
    np.savez(
        output_path,
        estimates=estimates,
        loss=value,
        **gradients,
        **after,
        **{"step/loss": step_loss[-1]},
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
