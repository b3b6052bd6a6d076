"""Separation as the loop sees it: the batches it wants, its network and its loss."""

import tensorflow as tf

from configs import Config
from data_prep.manifest import Manifest
from trainer.input_pipeline import load_cache, make_batches
from trainer.step import Batch, loss_of_batch
from trainer.wave_unet import WaveUNet, make_network


class SeparationTask:
    """Learn to estimate every source of a patch."""

    def __init__(self, config: Config, manifest: Manifest, folder: str) -> None:
        """Read the training excerpts; ``ValueError`` where they do not fit the experiment."""
        manifest.require(config, folder)
        self._config, self._geometry = config, config.model.geometry()
        self._cache = load_cache(manifest, folder, "train", self._geometry)

    def make_network(self) -> WaveUNet:
        """The network with its weights made; called in the scope of the strategy."""
        return make_network(self._config)

    def make_examples(self, start_step: int) -> tf.data.Dataset:
        """The examples of all steps from ``start_step`` on, in order, not batched."""
        return make_batches(self._cache, self._geometry, self._config.train, start_step)

    def loss(self, network: WaveUNet, batch: Batch) -> tf.Tensor:
        """The loss of a batch, a float32 scalar, a mean over its examples."""
        return loss_of_batch(network, batch, self._config.loss)
