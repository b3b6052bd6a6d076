"""Makes any network from its config, and holds the networks.

network             what every network is to the rest of the project
conditions          how conditions are cut to a window
wave_unet           the Wave-U-Net of the paper, and its conditioning
layers              its blocks
conditioning        the layers through which labels enter
notes               the layers through which notes enter
folded_wave_unet    the same network for a TPU
folded_layers       its blocks
folded              convolutions of what is folded along time
frames              cuts and folds along time
flops               the arithmetic of a Wave-U-Net
spectra             short-time spectra and their inverse
masks               a network of masks on spectrograms
band_split          a network that attends to bands of a spectrum
tagger              a network that hears which instruments sound
clip_encoder        a network that gives features of clips
generator           a network that makes single sounds
query               a network that answers one query at a time
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from configs import Config
    from trainer.networks.network import Network

# The module of every kind of network in ``configs.networks``, imported when one is made. Each has a
# function ``make_network(config)``, which returns the network with its weights made.
MODULES = {
    "wave_unet": "trainer.networks.wave_unet",
    "stft_mask": "trainer.networks.masks.stft_mask",
    "band_split": "trainer.networks.band_split.network",
    "tagger": "trainer.networks.tagger.network",
    "clip_encoder": "trainer.networks.clip_encoder.network",
    "generator": "trainer.networks.generator.network",
    "query_wave_unet": "trainer.networks.query.network",
}


def make_network(config: "Config") -> "Network":
    """Returns the network of an experiment, its weights made from ``train.seed``.

    The random state of the process stays as it is.
    """
    network: Network = import_module(MODULES[config.model.kind]).make_network(config)
    return network
