"""Keeps what was read of a song for whoever needs it beside its estimates."""

from collections.abc import Iterator

import numpy as np

from data_prep.audio.tracks import Waveform


class HeardBlocks:
    """Keeps the blocks (frames, C) of a song that were read, until they are asked for."""

    def __init__(self, blocks: Iterator[Waveform]) -> None:
        self._blocks = blocks
        self._kept: list[Waveform] = []

    def __iter__(self) -> Iterator[Waveform]:
        for block in self._blocks:
            self._kept.append(block)
            yield block

    def take(self, num_frames: int) -> Waveform:
        """Returns the next frames, which have been read."""
        whole = np.concatenate(self._kept)
        self._kept = [whole[num_frames:]]
        return whole[:num_frames]

    def forget(self) -> None:
        """Forgets what has been read."""
        self._kept = []
