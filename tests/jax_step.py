"""Estimates, loss and gradients of a network on the JAX backend, where TensorFlow cannot be imported.

    KERAS_BACKEND=jax python -m tests.jax_step CONFIG.json IN.npz OUT.npz

IN holds ``mixture``, ``sources``, ``labels`` and the weights by variable path; OUT gets ``estimates``, ``loss`` and
the gradients by variable path.
"""

import sys
from pathlib import Path

sys.modules["tensorflow"] = None  # what needs it fails; Keras itself does without

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

import configs  # noqa: E402
from trainer.step import loss_of_batch  # noqa: E402
from trainer.wave_unet import make_network  # noqa: E402


def main(config_path, input_path, output_path):
    config = configs.from_json(Path(config_path).read_text())
    arrays = dict(np.load(input_path))
    batch = {name: arrays.pop(name) for name in ("mixture", "sources", "labels")}
    network = make_network(config)
    assert sorted(variable.path for variable in network.variables) == sorted(arrays)
    for variable in network.variables:
        variable.assign(arrays[variable.path])

    def loss(values):
        mapping = list(zip(network.trainable_variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):  # the network computes with these values, not its own
            estimates = network(batch["mixture"], batch["labels"])
            return loss_of_batch(network, batch, config.loss), estimates

    values = [variable.value for variable in network.trainable_variables]
    (value, estimates), gradients = jax.jit(jax.value_and_grad(loss, has_aux=True))(values)
    paths = [variable.path for variable in network.trainable_variables]
    np.savez(output_path, estimates=estimates, loss=value, **dict(zip(paths, gradients, strict=True)))


if __name__ == "__main__":
    main(*sys.argv[1:])
