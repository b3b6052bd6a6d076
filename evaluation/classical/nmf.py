"""Separates instruments of which spectra are known: NMF with dictionaries.

The spectra of every instrument, its *dictionary*, are learnt from the instrument alone. In a song
the spectra stay as they are, and only activations are found, each window and channel for itself;
``factorisation`` says how. Instrument k has the mask A_k H_k / sum_i A_i H_i, over the instruments
that play.

Axes: K sources, T frames, C channels, M windows, F frequencies.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.tracks import Waveform
from evaluation.classical.dictionaries import Dictionaries
from evaluation.classical.factorisation import NUM_UPDATES, Floats32, dictionary_masks
from evaluation.classical.separator import ClassicalSeparator
from evaluation.classical.streams import Masks, mask_stream
from evaluation.estimates.short_time import Spectra
from trainer.inference import streams


class DictionaryNmf(ClassicalSeparator):
    """Is NMF with the dictionaries of all sources of a vocabulary."""

    def __init__(self, dictionaries: Dictionaries) -> None:
        """Makes a separator; it works at the rate that the dictionaries were learnt at."""
        self.sources = tuple(dictionaries.spectra)
        self.origin = f"NMF, dictionaries of {', '.join(self.sources)}"
        self._dictionaries = dictionaries

    def identity(self) -> dict[str, Any]:
        """Returns what tells the method and its dictionaries from others."""
        checksum = self._dictionaries.checksum()
        return {"method": "nmf", "dictionaries": checksum, "updates": NUM_UPDATES}

    def iter_stream_separated(
        self, blocks: Iterable[Waveform], sample_rate: int, labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields the estimates of all sources; those that do not play are silent.

        At the rate of the dictionaries they are the song together.
        """
        rate = self._dictionaries.sample_rate
        mask = partial(
            _iter_masks,
            dictionaries=list(self._dictionaries.spectra.values()),
            playing=np.flatnonzero(self.label_vector(labels)),
        )
        counted = streams.Counted(blocks)
        # (1, frames, C) -> (frames, C)
        heard = (block for (block,) in streams.resample(_first(counted), sample_rate, rate))
        estimates = mask_stream(heard, rate, mask)
        return streams.fit(streams.resample(estimates, rate, sample_rate), counted)


def _first(blocks: Iterable[Waveform]) -> Iterator[Waveform]:
    """Yields blocks (frames, C) as (1, frames, C)."""
    for block in blocks:
        yield block[None]


def _iter_masks(
    blocks: Iterator[Spectra], dictionaries: Sequence[Floats32], playing: NDArray[np.intp]
) -> Masks:
    """Yields spectra with their masks; a source that does not play has none."""
    chosen = [dictionaries[k] for k in playing]
    for spectra in blocks:
        masks = np.zeros((len(dictionaries), *spectra.shape))
        masks[playing] = dictionary_masks(np.abs(spectra), chosen)
        yield spectra, masks
