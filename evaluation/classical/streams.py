"""Transforms songs that come in blocks, so that none is ever whole in memory.

Axes: K sources, T frames, C channels, M windows, F frequencies.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from data_prep.audio.tracks import Waveform
from evaluation.estimates.short_time import (
    Floats,
    Spectra,
    hop_frames,
    iter_spectra,
    iter_waveforms,
)
from trainer.inference import streams

# A sum of magnitudes or powers below it is none.
_NOTHING = 1e-30

Masks = Iterator[tuple[Spectra, Floats]]
"""Consecutive blocks of the spectra of a song, (M, C, F), with the masks of its sources,
(K, M, C, F)."""


def mask_stream(
    blocks: Iterable[Waveform], sample_rate: int, mask: Callable[[Iterator[Spectra]], Masks]
) -> Iterator[Waveform]:
    """Yields what masks leave of a song that comes in blocks.

    Args:
        blocks: consecutive ones of the song, (frames, C).
        sample_rate: in Hz.
        mask: computes the masks of the spectra.

    Yields:
        Consecutive blocks (K, frames, C), as many frames together as came.
    """
    hop = hop_frames(sample_rate)
    counted = streams.Counted(blocks)
    # (K, M, C, F) each
    masked = (masks * spectra for spectra, masks in mask(iter_spectra(counted, hop)))
    return streams.fit(iter_waveforms(masked, hop), counted)


def shares(parts: Floats) -> Floats:
    """Returns masks that sum to one, (K, ...): what each of K sources has of their sum.

    Where there is none of any, all have the same.
    """
    total = parts.sum(axis=0)
    equal = np.full_like(parts, 1 / len(parts))
    return np.divide(parts, total, out=equal, where=total > _NOTHING)
