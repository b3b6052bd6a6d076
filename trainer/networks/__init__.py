"""The networks.

wave_unet      the Wave-U-Net
layers         its blocks
folded         the same computations for a TPU
conditioning   how labels enter a network
"""

from typing import Any

from configs import Config


def make_network(config: Config) -> Any:
    """Makes the network of an experiment, its weights included."""
    from trainer.networks.wave_unet import make_network as make

    return make(config)
