"""A network of one convolution: every estimate is the mixture through three taps of its own."""

import keras
from keras import ops

from trainer.networks.network import Network, iter_seeds


class ToyNetwork(Network):
    """Is a filter for each source, times its label."""

    def __init__(self, config):
        super().__init__(config, name="toy_network")
        seeds = iter_seeds(config.train.seed)
        self.filters = keras.layers.Conv1D(
            len(self.sources) * self.num_channels,
            3,
            kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
            name="filters",
        )

    @property
    def conditions(self):
        return ("labels",)

    def encode(self, mixture, _conditions):
        return self.filters(mixture)

    def decode(self, features, conditions):
        # (B, T, K C) -> (B, K, T, C)
        shape = (-1, features.shape[1], len(self.sources), self.num_channels)
        estimates = ops.transpose(ops.reshape(features, shape), (0, 2, 1, 3))
        gates = ops.abs(conditions["labels"])[:, :, None, None]
        return {"estimates": estimates * gates, "loudness": ops.mean(ops.square(features))}

    def forward_flops(self, pruned=False):  # noqa: ARG002
        return 2 * 3 * self.window().estimate_frames * len(self.sources) * self.num_channels**2


def make_network(config):
    network = ToyNetwork(config)
    network.build_on_symbols({"labels": (len(config.data.sources),)})
    return network
