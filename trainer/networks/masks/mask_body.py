"""Says what stands between spectrum and masks of a mask network, for any Keras backend.

Every body hears features of columns (B, M, C, N_in) and gives numbers (B, M', S, C, N_out), of
which masks are made, for S sources. ``encode`` does what labels play no part in, ``decode`` the
rest. Each treats an example by itself: there are no batch statistics.

Axes: B examples, M columns in, M' columns out, C channels, S sources, N features, K slots.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
from keras import ops

from configs import StftMaskSettings
from trainer.networks.conditioning import make_layer


class Sizes(NamedTuple):
    """Says what a body hears and gives."""

    num_sources: int
    num_channels: int
    heard_features: int
    masked_features: int

    @property
    def num_inputs(self) -> int:
        """Returns how many numbers of a column a body hears."""
        return self.num_channels * self.heard_features

    @property
    def num_outputs(self) -> int:
        """Returns how many numbers of a column a body gives."""
        return self.num_sources * self.num_channels * self.masked_features


class Body(keras.layers.Layer):
    """Is what all bodies have in common."""

    def __init__(
        self, settings: StftMaskSettings, sizes: Sizes, seeds: Iterator[int], name: str, dtype: str
    ) -> None:
        """Makes the layers.

        Args:
            settings: of the network.
            sizes: of what it hears and gives.
            seeds: gives each kernel its seed.
            name: begins the paths of its variables.
            dtype: what it computes in.
        """
        super().__init__(name=name, dtype=dtype)
        self.settings = settings
        self.sizes = sizes
        self._seeds = seeds
        self.conditioner = None

    def encode(self, features: Any) -> Any:
        """Returns what ``decode`` takes, of features (B, M, C, N_in)."""
        raise NotImplementedError

    def decode(self, encoded: Any, vector: Any) -> Any:
        """Returns (B, M', S, C, N_out); the vector of labels (B, K) is None where none enters."""
        raise NotImplementedError

    def trunk(self, encoded: Any) -> Any:
        """Returns the last features, (B, J, N), of what was encoded, where no labels enter."""
        raise NotImplementedError

    def flops(self, num_masked: int) -> int:
        """Returns the multiplications and additions by which so many columns are masked."""
        raise NotImplementedError

    def _make_conditioner(self) -> None:
        if self.settings.conditioning != "none":
            kind = self.settings.conditioning
            self.conditioner = make_layer(
                kind, self._seeds, "conditioning", dtype=self.dtype_policy
            )

    def _dense(self, num_outputs: int, name: str, use_bias: bool = True) -> keras.layers.Layer:
        return keras.layers.Dense(
            num_outputs,
            use_bias=use_bias,
            kernel_initializer=keras.initializers.GlorotUniform(next(self._seeds)),
            name=name,
            dtype=self.dtype_policy,
        )

    def _flat(self, features: Any) -> Any:
        """Returns the features of a column side by side: (B, M, C, N) -> (B, M, C N)."""
        return ops.reshape(features, (-1, features.shape[1], self.sizes.num_inputs))

    def _apart(self, outputs: Any) -> Any:
        """Undoes that of outputs: (B, M', S C N) -> (B, M', S, C, N)."""
        sizes = self.sizes
        shape = (sizes.num_sources, sizes.num_channels, sizes.masked_features)
        return ops.reshape(outputs, (-1, outputs.shape[1], *shape))

    def _conditioned(self, x: Any, vector: Any) -> Any:
        if self.conditioner is None:
            return x
        return self.conditioner(x, vector)
