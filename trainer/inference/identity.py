"""Tells a network from all others: by what its weights are and by what it is made of."""

import hashlib
from typing import Any

import keras

import configs
from configs import Config
from data_prep.storage.files import Checksum
from trainer.networks.network import Network


def weights_checksum(network: keras.Model) -> str:
    """Returns what tells the weights of a network, on which its outputs depend, from others."""
    checksum = hashlib.sha256()
    for weight in network.weights:
        checksum.update(weight.numpy().tobytes())
    return checksum.hexdigest()


def identity_of(config: Config, network: Network) -> dict[str, Any]:
    """Returns what tells a network from others, as plain values.

    Two configs may have the same weights.
    """
    checksum = Checksum()
    checksum.update(configs.to_json(config).encode())
    return {"weights": weights_checksum(network), "config": checksum.digest().crc32c}
