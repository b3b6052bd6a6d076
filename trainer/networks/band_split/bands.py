"""Makes bands of bins, features of bands, and masks of features, for any Keras backend.

A band is a list of bins. Those of BS-RoFormer (Lu et al., "Music source separation with band-split
RoPE transformer", ICASSP 2024) lie side by side; those of Mel-RoFormer (Wang et al., "Mel-band
RoFormer for music source separation", ISMIR 2023) overlap, as wide as the mel filters of Slaney's
"Auditory toolbox", 1998, and a bin's mask is the mean of those that its bands give.

Axes: B examples, M columns, F bins, C channels, N bands, D features, S heads of masks.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from trainer.networks.band_split.attention import Norm, dense

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


def slaney_filters(num_bands: int, num_bins: int, sample_rate: int) -> NDArray[np.float64]:
    """Returns triangles on Slaney's mel scale, (N, F): linear below 1 kHz, logarithmic above it.

    The edge of a triangle is the peak of its neighbour. Where a value is 0 and where it is not is
    all that bands need of them: they are as high as 1.
    """
    edges = _hz_of_mels(np.linspace(0.0, _mels_of_hz(sample_rate / 2), num_bands + 2))
    bins = np.linspace(0.0, sample_rate / 2, num_bins)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(np.minimum(rising, falling), 0.0)


# 3 mels are 200 Hz up to 1000 Hz; from there on 27 mels are a factor of 6.4.
_HZ_A_MEL = 200 / 3
_FIRST_LOGARITHMIC_HZ = 1000.0
_STEP = np.log(6.4) / 27


def _mels_of_hz(hz: float) -> float:
    if hz < _FIRST_LOGARITHMIC_HZ:
        return hz / _HZ_A_MEL
    mels: float = _FIRST_LOGARITHMIC_HZ / _HZ_A_MEL + np.log(hz / _FIRST_LOGARITHMIC_HZ) / _STEP
    return mels


def _hz_of_mels(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    first = _FIRST_LOGARITHMIC_HZ / _HZ_A_MEL
    logarithmic = _FIRST_LOGARITHMIC_HZ * np.exp(_STEP * (mels - first))
    return np.where(mels < first, mels * _HZ_A_MEL, logarithmic)


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
        self._norms = [
            Norm(name=f"norm_{i}", dtype=self.dtype_policy) for i in range(1, len(bands) + 1)
        ]
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


class Masks(keras.layers.Layer):
    """Gives complex masks of the bins: features (B, M, N, D) -> (B, M, F, C, 2), float32.

    Of every band by itself: dense layers with tanh between them, and half of what the last one
    gives times the sigmoid of the other half (Dauphin et al., "Language modeling with gated
    convolutional networks", ICML 2017), which is computed in float32.
    """

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
        self._bands = bands
        self._num_channels = num_channels
        self._layers_of_bands = []
        for i, band in enumerate(bands, start=1):
            sizes = [*widths, 2 * len(band) * num_channels * _PARTS]
            layers = [
                dense(size, f"band_{i}_{j}", seeds, self.dtype_policy)
                for j, size in enumerate(sizes, start=1)
            ]
            self._layers_of_bands.append(layers)
        # Of every bin of the spectrum its places among those of all bands, one after the other.
        self._order, self._counts = _places(bands)

    def call(self, features: Any) -> Any:
        """Returns the masks, (B, M, F, C, 2)."""
        num_columns = features.shape[1]
        of_bands = []
        for i, (band, layers) in enumerate(zip(self._bands, self._layers_of_bands, strict=True)):
            x = features[:, :, i]
            for layer in layers[:-1]:
                x = ops.tanh(layer(x))
            x = ops.cast(layers[-1](x), "float32")
            half = x.shape[-1] // 2
            x = x[..., :half] * ops.sigmoid(x[..., half:])
            shape = (-1, num_columns, len(band), self._num_channels, _PARTS)
            of_bands.append(ops.reshape(x, shape))
        # (B, M, bins of all bands, C, 2)
        masks = ops.concatenate(of_bands, axis=2)
        if self._order is None:
            return masks
        # A bin that no second band has reads a row of zeros behind all others.
        masks = ops.pad(masks, ((0, 0), (0, 0), (0, 1), (0, 0), (0, 0)))
        total = sum(ops.take(masks, places, axis=2) for places in self._order)
        return total / self._counts[:, None, None]


def _bins_of(spectrum: Any, band: NDArray[np.intp]) -> Any:
    """Returns the bins of a band, (B, M, bins, C, 2); where they are neighbours, by a cut."""
    if band[-1] - band[0] + 1 == len(band):
        return spectrum[:, :, int(band[0]) : int(band[-1]) + 1]
    return ops.take(spectrum, band, axis=2)


def _places(
    bands: Sequence[NDArray[np.intp]],
) -> tuple[list[NDArray[np.int32]] | None, NDArray[np.float32]]:
    """Returns where each bin stands among the bins of all bands, and how often, (F,).

    Returns:
        Of the first time, the second and so on an array (F,), with the number of all where there
        is none; None where all bins stand in their order, once.
    """
    all_bins = np.concatenate(bands)
    num_bins = int(all_bins.max()) + 1
    counts = np.bincount(all_bins, minlength=num_bins)
    if np.array_equal(all_bins, np.arange(num_bins)):
        return None, counts.astype(np.float32)
    order = [np.full(num_bins, len(all_bins), np.int32) for _ in range(counts.max())]
    for frequency in range(num_bins):
        for places, place in zip(order, np.flatnonzero(all_bins == frequency), strict=False):
            places[frequency] = place
    return order, counts.astype(np.float32)
