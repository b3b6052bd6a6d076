"""Filters the estimates of a separator by the Wiener filter of all its sources together.

Estimates count as sounds here, so that those of every network are filtered. Those of Open-Unmix
differ a little from what its package makes, which filters masked spectra before they become sounds.

Axes: N inputs of the network, K sources, M windows, C channels, F frequencies, T frames.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import tee
from typing import Any

import numpy as np

from data_prep.audio.tracks import Waveform
from data_prep.runtime.quantities import pluralized
from evaluation.estimates.short_time import (
    Spectra,
    hop_frames,
    in_stretches,
    iter_spectra,
    iter_waveforms,
)
from evaluation.estimates.wiener import filter_together
from evaluation.estimates.wiener_flag import require_filter
from trainer.inference import streams
from trainer.inference.base import BaseSeparator
from trainer.inference.told import Told

# Windows of a stretch, 7 s, as the package openunmix has them.
_STRETCH_WINDOWS = 300


def filtered(separator: BaseSeparator, num_iterations: int) -> BaseSeparator:
    """Returns a separator whose estimates are filtered; for no iterations it is the same one.

    Raises:
        ValueError: it estimates one source alone.
    """
    if num_iterations == 0:
        return separator
    require_filter(separator.config, num_iterations)
    return WienerFiltered(separator, num_iterations)


class WienerFiltered(BaseSeparator):
    """Is a separator and a filter behind it."""

    def __init__(self, separator: BaseSeparator, num_iterations: int) -> None:
        """Filters what a separator of at least two sources estimates, at least once."""
        self.config = separator.config
        self.step = separator.step
        self.is_untrained = separator.is_untrained
        self._separator = separator
        self._num_iterations = num_iterations

    @property
    def origin(self) -> str:
        """Returns where the weights are from, in words."""
        iterations = pluralized(self._num_iterations, "iteration")
        return f"{self._separator.origin}, Wiener filter of {iterations}"

    def identity(self) -> dict[str, Any]:
        """Returns the identity of the separator, and how often its estimates are filtered."""
        return {**self._separator.identity(), "wiener": self._num_iterations}

    def before_training(self) -> BaseSeparator | None:
        """Returns the network before its training, whose estimates are filtered alike."""
        before = self._separator.before_training()
        if before is None:
            return None
        return WienerFiltered(before, self._num_iterations)

    def told(self, told: Told) -> BaseSeparator:
        """Returns the same, whose network is told what is known of the piece that comes."""
        return WienerFiltered(self._separator.told(told), self._num_iterations)

    def iter_estimates(
        self, heard: Iterable[Waveform], labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields the filtered estimates, in consecutive blocks."""
        counted = streams.Counted(block.swapaxes(0, 1) for block in streams.pieces(heard))
        # (N, frames, C), twice
        mixture, copy = tee(block.swapaxes(0, 1) for block in counted)
        estimates = self._separator.iter_estimates(copy, labels)
        audio = self.config.audio
        hop = hop_frames(audio.sample_rate)
        shape = (-1, 1 + len(self.sources), audio.channels)
        sounds = map(_as_channels, _side_by_side(mixture, estimates))
        filtered = (
            self._filter(block.reshape(len(block), *shape, block.shape[-1]))
            for block in in_stretches(iter_spectra(sounds, hop), _STRETCH_WINDOWS)
        )
        for block in streams.fit(iter_waveforms(filtered, hop), counted):
            # (N K, frames, C) -> (N, K, frames, C)
            yield block.reshape(-1, len(self.sources), *block.shape[1:])

    def _filter(self, spectra: Spectra) -> Spectra:
        """Filters a stretch: mixtures and estimates (M, N, 1 + K, C, F) -> (N K, M, C, F)."""
        filtered = [
            filter_together(each[:, 0], np.abs(each[:, 1:]).swapaxes(0, 1), self._num_iterations)
            for each in spectra.swapaxes(0, 1)
        ]
        return np.concatenate(filtered)


def _side_by_side(
    mixtures: Iterable[Waveform], estimates: Iterable[Waveform]
) -> Iterator[Waveform]:
    """Yields mixtures (N, frames, C) over their estimates (N, K, frames, C): (N, 1 + K, T, C)."""
    mixtures = iter(mixtures)
    held: Waveform | None = None
    for block in streams.pieces(estimates):
        num_frames = block.shape[2]
        while held is None or held.shape[1] < num_frames:
            more = next(mixtures)
            held = more if held is None else np.concatenate([held, more], axis=1)
        yield np.concatenate([held[:, None, :num_frames], block], axis=1)
        held = held[:, num_frames:]


def _as_channels(sounds: Waveform) -> Waveform:
    """Returns sounds as channels of one, as they are transformed alike: -> (T, N (1 + K) C)."""
    num_inputs, num_sounds, num_frames, num_channels = sounds.shape
    flat = sounds.transpose(2, 0, 1, 3)
    return flat.reshape(num_frames, num_inputs * num_sounds * num_channels)
