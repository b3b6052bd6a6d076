"""Makes bands of bins, features of bands, and masks of features, for any Keras backend.

A band is a list of bins. Those of BS-RoFormer (Lu et al., "Music source separation with band-split
RoPE transformer", ICASSP 2024) lie side by side; those of Mel-RoFormer (Wang et al., "Mel-band
RoFormer for music source separation", ISMIR 2023) overlap, as wide as the mel filters of Slaney's
"Auditory toolbox", 1998, and a bin's mask is the mean of those that its bands give.

Axes: B examples, M columns, F bins, C channels, N bands, D features, S heads, one of each slot that
is masked.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from trainer.networks.band_split.attention import Norm, dense
from trainer.networks.network import rematerialised
from trainer.networks.spectra import slaney_filters

# Real and imaginary part.
_PARTS = 2


def listed_bands(counts: Sequence[int]) -> list[NDArray[np.intp]]:
    """Returns bands side by side, from the lowest bin on, of so many bins each."""
    ends = np.cumsum(counts)
    return [np.arange(end - count, end) for count, end in zip(counts, ends, strict=True)]


def mel_bands(num_bands: int, num_bins: int, sample_rate: int) -> list[NDArray[np.intp]]:
    """Returns the bins in which each mel filter is above 0.

    The lowest bin belongs to the first band, the highest to the last one, in which their filters
    are 0.
    """
    filters = slaney_filters(num_bands, num_bins, sample_rate) > 0
    filters[0, 0] = True
    filters[-1, -1] = True
    return [np.flatnonzero(band) for band in filters]


class BandSplit(keras.layers.Layer):
    """Gives every band as many features: spectra (B, M, F, C, 2) -> (B, M, N, D)."""

    def __init__(
        self,
        bands: Sequence[NDArray[np.intp]],
        num_features: int,
        seeds: Iterator[int],
        dtype: Any,
    ) -> None:
        """Makes a norm and a dense layer for every band."""
        super().__init__(name="band_split", dtype=dtype)
        self.bands = bands
        self._norms = [Norm(f"norm_{i}") for i in range(1, len(bands) + 1)]
        self._layers_of_bands = [
            dense(num_features, f"band_{i}", seeds, self.dtype_policy)
            for i in range(1, len(bands) + 1)
        ]

    def call(self, spectrum: Any) -> Any:
        """Returns the features, (B, M, N, D)."""
        num_columns = spectrum.shape[1]
        features = []
        for band, norm, layer in zip(self.bands, self._norms, self._layers_of_bands, strict=True):
            # (B, M, bins, C, 2) -> (B, M, bins C 2)
            part = _bins_of(spectrum, band)
            width = len(band) * spectrum.shape[3] * _PARTS
            features.append(layer(norm(ops.reshape(part, (-1, num_columns, width)))))
        return ops.stack(features, axis=2)


class Head(keras.layers.Layer):
    """Holds the dense layers that make the masks of one slot, several of each band."""

    def __init__(
        self,
        bands: Sequence[NDArray[np.intp]],
        num_channels: int,
        widths: Sequence[int],
        seeds: Iterator[int],
        name: str,
        dtype: Any,
    ) -> None:
        """Makes the layers.

        Args:
            bands: of which a bin may have several.
            num_channels: C.
            widths: of the hidden layers, one after the other.
            seeds: gives each kernel its seed.
            name: begins the paths of its variables.
            dtype: what it computes in.
        """
        super().__init__(name=name, dtype=dtype)
        self.layers_of_bands = []
        for i, band in enumerate(bands, start=1):
            sizes = [*widths, 2 * len(band) * num_channels * _PARTS]
            layers = [
                dense(size, f"band_{i}_{j}", seeds, self.dtype_policy)
                for j, size in enumerate(sizes, start=1)
            ]
            self.layers_of_bands.append(layers)

    def build(self, shape: tuple[int, ...]) -> None:
        """Makes the weights, for features (..., D)."""
        for layers in self.layers_of_bands:
            width = shape[-1]
            for layer in layers:
                layer.build((None, width))
                width = layer.units


class Masks:
    """Gives complex masks of the bins of all slots: features (B, M, N, D) -> (S, B, M, F, C, 2).

    Of every band by itself: dense layers with tanh between them, and half of what the last one
    gives times the sigmoid of the other half (Dauphin et al., "Language modeling with gated
    convolutional networks", ICML 2017), which is computed in float32. The heads of a band are one
    product: many slots would be many small ones.
    """

    def __init__(
        self, bands: Sequence[NDArray[np.intp]], num_channels: int, heads: Sequence[Head]
    ) -> None:
        self._bands = bands
        self._num_channels = num_channels
        self._heads = heads
        self._rows = _rows(bands)
        counts = np.bincount(np.concatenate(bands))
        # Of how many bands a bin is, (F, 1, 1).
        self._counts = counts.astype(np.float32)[:, None, None]

    def __call__(self, features: Any) -> Any:
        """Returns the masks, float32."""
        for head in self._heads:
            if not head.built:
                head.build(features.shape)
        rows = []
        features_of_bands = ops.unstack(features, axis=2)
        for row in self._rows:
            masks = []
            for i, num_before, num_behind in row:
                of_band = rematerialised(self._of_band, i=i)(features_of_bands[i])
                padding = [(0, 0)] * 3 + [(num_before, num_behind)] + [(0, 0)] * 2
                masks.append(ops.pad(of_band, padding) if num_before + num_behind else of_band)
            rows.append(ops.concatenate(masks, axis=3))
        if len(rows) == 1:
            return rows[0]
        return sum(rows) / self._counts

    def _of_band(self, x: Any, i: int) -> Any:
        """Returns the masks of a band, (S, B, M, bins, C, 2), of its features (B, M, D)."""
        _, num_columns, width = x.shape
        x = ops.reshape(x, (1, -1, width))
        dtype = self._heads[0].compute_dtype
        layers_of_heads = [head.layers_of_bands[i] for head in self._heads]
        for j, layers in enumerate(zip(*layers_of_heads, strict=True)):
            if j:
                x = ops.tanh(x)
            # (S, inputs, outputs) and (S, 1, outputs)
            kernels = ops.stack([ops.cast(layer.kernel, dtype) for layer in layers])
            biases = ops.stack([ops.cast(layer.bias, "float32") for layer in layers])
            product = ops.matmul(ops.cast(x, dtype), kernels)
            x = ops.cast(product, "float32") + biases[:, None]
        values, gates = ops.split(x, 2, axis=-1)
        masks = values * ops.sigmoid(gates)
        num_bins = len(self._bands[i])
        shape = (len(self._heads), -1, num_columns, num_bins, self._num_channels, _PARTS)
        return ops.reshape(masks, shape)


def _bins_of(spectrum: Any, band: NDArray[np.intp]) -> Any:
    """Returns the bins of a band, (B, M, bins, C, 2); where they are neighbours, by a cut."""
    if band[-1] - band[0] + 1 == len(band):
        return spectrum[:, :, int(band[0]) : int(band[-1]) + 1]
    return ops.take(spectrum, band, axis=2)


def _rows(bands: Sequence[NDArray[np.intp]]) -> list[list[tuple[int, int, int]]]:
    """Lays bands, each of neighbouring bins, into as few rows of bins as hold them side by side.

    Returns:
        Of every row its bands from the lowest on: which it is, how many bins of the row are free
        before it and, of the last one, behind it.
    """
    num_bins = int(max(band[-1] for band in bands)) + 1
    rows: list[list[tuple[int, int, int]]] = []
    ends: list[int] = []
    for i, band in enumerate(bands):
        first = int(band[0])
        place = next((place for place, end in enumerate(ends) if end <= first), len(rows))
        if place == len(rows):
            rows.append([])
            ends.append(0)
        rows[place].append((i, first - ends[place], 0))
        ends[place] = int(band[-1]) + 1
    for row, end in zip(rows, ends, strict=True):
        i, num_before, _ = row[-1]
        row[-1] = (i, num_before, num_bins - end)
    return rows
