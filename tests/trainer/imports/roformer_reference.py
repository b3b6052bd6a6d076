"""Compares an imported RoFormer with what its own package made of the same chunk."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import configs
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import load_run
from trainer.networks import make_network

_ROOT = Path(__file__).parents[3]
_ON_JAX = """
import sys
from pathlib import Path
import jax, keras, numpy as np
import configs
from trainer.networks import make_network
assert keras.backend.backend() == "jax"
folder = Path(sys.argv[1])
network = make_network(configs.from_json((folder / "config.json").read_text()))
with np.load(folder / "weights.npz") as saved:
    network.set_weights([saved[name] for name in saved.files])
mixture = np.load(folder / "expected.npz")["mixture"]
compute = jax.jit(lambda mixtures: network(mixtures, {})["estimates"])
np.save(folder / "estimates.npy", compute(mixture[None]))
"""


def network_of_run(workdir, *overrides):
    """The network of a run, with other fields than it has."""
    config = configs.override(load_run(str(workdir)).config, overrides)
    network = make_network(config)
    restore_network(str(workdir), network, "best")
    return network


def chunk_of(folder):
    """A mixture (T, C), and the estimates (stems, T, C) of the package."""
    with np.load(folder / "expected.npz") as saved:
        return saved["mixture"], saved["estimates"]


def ratio_db(network, folder):
    """How far the estimates of the package are above what the network's differ from them."""
    mixture, expected = chunk_of(folder)
    estimates = np.asarray(network(mixture[None], {})["estimates"])[0, : len(expected)]
    error = np.square(estimates.astype(np.float64) - expected).sum()
    return 10 * np.log10(np.square(expected.astype(np.float64)).sum() / error)


def largest_difference_on_jax(network, workdir, folder):
    """As ``largest_difference``, of the same weights on another backend, in a process of its own."""
    (folder / "config.json").write_text(configs.to_json(load_run(str(workdir)).config))
    np.savez(folder / "weights.npz", *network.get_weights())
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    arguments = [sys.executable, "-c", _ON_JAX, str(folder)]
    subprocess.run(arguments, cwd=_ROOT, env=environment, check=True)
    _, expected = chunk_of(folder)
    estimates = np.load(folder / "estimates.npy")[0, : len(expected)]
    return np.abs(estimates - expected).max() / np.abs(expected).max()


def largest_difference(network, folder):
    """The largest error of all stems, of the largest sample; what a stem leaves is the rest."""
    mixture, expected = chunk_of(folder)
    assert network.window().mixture_frames == len(mixture)
    estimates = np.asarray(network(mixture[None], {})["estimates"])[0]
    num_stems = len(expected)
    if num_stems == 1:
        assert len(estimates) == 2
        np.testing.assert_allclose(estimates[1], mixture - estimates[0], atol=1e-6)
    assert np.abs(expected).max() > 0.01
    return np.abs(estimates[:num_stems] - expected).max() / np.abs(expected).max()
