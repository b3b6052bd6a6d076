"""Makes a query of some seconds of an instrument, for any Keras backend.

Axes: B recordings, T frames, C channels, M columns, N features, J numbers of a query.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from configs import QueryNetworkSettings
from configs.query import HALVINGS
from trainer.networks.layers import LEAKY_SLOPE
from trainer.networks.spectra import slaney_filters

_TAPS = 3
# How far below the loudest column of a recording one counts as silent ...
_ACTIVE_DB = -40.0
# ... and how far below the loudest band all is as quiet.
_FLOOR_DB = -80.0
# Of a recording whose loudest band has less power there is nothing to be heard: -100 dBFS.
_LEAST_POWER = 1e-10


class AudioQuery(keras.layers.Layer):
    """Hears what an instrument sounds like: (B, T, C) -> (B, J) before its length is taken out.

    Mel bands in dB below the loudest one, convolutions that halve the columns, the mean over the
    columns in which something sounds. So neither level nor rests play a part.
    """

    def __init__(
        self, settings: QueryNetworkSettings, sample_rate: int, seeds: Iterator[int], **kwargs: Any
    ) -> None:
        """Makes the bands and the layers; ``seeds`` are those of their first values."""
        super().__init__(**kwargs)
        self._frames = settings.query_window
        self._hop = settings.query_window // 4
        filters = slaney_filters(settings.query_bands, self._frames // 2 + 1, sample_rate)
        # The mean power of a band.
        filters = filters / filters.sum(axis=1, keepdims=True).clip(1e-6)
        self._filters = filters.T.astype(np.float32)
        self._convolutions = [
            keras.layers.Conv1D(
                settings.query_filters,
                _TAPS,
                strides=2,
                padding="same",
                activation=keras.layers.LeakyReLU(LEAKY_SLOPE, dtype=self.dtype_policy),
                kernel_initializer=keras.initializers.HeNormal(next(seeds)),
                name=f"convolution_{i + 1}",
                dtype=self.dtype_policy,
            )
            for i in range(HALVINGS)
        ]
        self._dense = keras.layers.Dense(
            settings.query_size,
            kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
            name="dense",
            dtype="float32",
        )

    def build(self, shape: Any = None) -> None:
        """Makes the weights; no shape but that of the bands plays a part."""
        del shape
        num_features = self._filters.shape[1]
        for convolution in self._convolutions:
            convolution.build((None, None, num_features))
            num_features = convolution.filters
        self._dense.build((None, num_features))

    def call(self, audio: Any) -> tuple[Any, Any]:
        """Returns queries (B, J), and where something is heard, (B,), 1 or 0."""
        bands, active = self._heard(audio)
        x = bands
        for convolution in self._convolutions:
            x = convolution(x)
            # A column is active where one of the two is that it begins with.
            active = _halved(active)
        x = ops.cast(x, "float32")
        # (B, M, N), (B, M) -> (B, N)
        total = ops.sum(active, axis=1)
        mean = ops.sum(x * active[:, :, None], axis=1) / ops.maximum(total, 1.0)[:, None]
        return self._dense(mean), ops.cast(total > 0, "float32")

    def _heard(self, audio: Any) -> tuple[Any, Any]:
        """Returns bands (B, M, N), from -1 to 1, and which columns are active, (B, M)."""
        mono = ops.mean(ops.cast(audio, "float32"), axis=2)
        real, imaginary = ops.stft(mono, self._frames, self._hop, self._frames, center=False)
        # A full-scale sine has a power of 1 then.
        power = (ops.square(real) + ops.square(imaginary)) / (self._frames / 4) ** 2
        bands = ops.matmul(power, self._filters)
        loudest = ops.max(bands, axis=(1, 2), keepdims=True)
        below = 10 * ops.log10((bands + _LEAST_POWER / 1e4) / (loudest + _LEAST_POWER / 1e4))
        below = ops.maximum(below, _FLOOR_DB)
        columns = ops.max(below, axis=2)
        is_active = (columns > _ACTIVE_DB) & (loudest[:, :, 0] > _LEAST_POWER)
        return 1 - below / (_FLOOR_DB / 2), ops.cast(is_active, "float32")


def _halved(active: Any) -> Any:
    """Returns the higher of every two neighbours: (B, M) -> (B, ceil(M / 2))."""
    whole = ops.pad(active, ((0, 0), (0, active.shape[1] % 2)))
    return ops.max(ops.reshape(whole, (-1, whole.shape[1] // 2, 2)), axis=2)
