"""Compares an imported RoFormer with what its own package made of the same chunk."""

import numpy as np

import configs
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import load_run
from trainer.networks import make_network


def network_of_run(workdir, *overrides):
    """The network of a run, with other fields than it has."""
    config = configs.override(load_run(str(workdir)).config, overrides)
    network = make_network(config)
    restore_network(str(workdir), network, "best")
    return network


def largest_difference(network, folder):
    """The largest error of all stems, of the largest sample; what a stem leaves is the rest."""
    with np.load(folder / "expected.npz") as saved:
        mixture = saved["mixture"]
        expected = saved["estimates"]
    assert network.window().mixture_frames == len(mixture)
    estimates = np.asarray(network(mixture[None], {})["estimates"])[0]
    num_stems = len(expected)
    if num_stems == 1:
        assert len(estimates) == 2
        np.testing.assert_allclose(estimates[1], mixture - estimates[0], atol=1e-6)
    assert np.abs(expected).max() > 0.01
    return np.abs(estimates[:num_stems] - expected).max() / np.abs(expected).max()
