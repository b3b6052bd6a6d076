"""Averages the estimates of several passes of a network over a song, and of several networks.

The errors of estimates differ where networks differ, or hear the song in another way; the mean has
less of them. Everything happens in blocks: all passes go along the song together.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from itertools import tee
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.tracks import Waveform
from trainer.inference import streams
from trainer.inference.base import BaseSeparator
from trainer.inference.passes import Pass, passes_of
from trainer.inference.told import NOTHING, Told


def average_of(separators: Sequence[BaseSeparator], num_passes: int = 1) -> BaseSeparator:
    """Returns the mean of some separators, each of which hears the song several times.

    One that hears it once is returned as it is.

    Raises:
        ValueError: a network has not so many passes that differ.
    """
    if len(separators) == 1 and num_passes == 1:
        return separators[0]
    return AverageSeparator([(each, passes_of(each.config, num_passes)) for each in separators])


class AverageSeparator(BaseSeparator):
    """Is the mean of separators over passes of each."""

    def __init__(self, members: Sequence[tuple[BaseSeparator, Sequence[Pass]]]) -> None:
        """Makes the mean of separators that have the same sources, rate and channels.

        Args:
            members: at least one, each with the passes in which it hears a song, at least one.
        """
        first, _ = members[0]
        self.config = first.config
        self.step = first.step
        self.is_untrained = all(each.is_untrained for each, _ in members)
        self._members = members
        self._told = NOTHING

    @property
    def origin(self) -> str:
        """Returns where the weights are from, in words."""
        runs = " and ".join(each.origin for each, _ in self._members)
        num_estimates = sum(len(passes) for _, passes in self._members)
        return f"the mean of {num_estimates} estimates by {runs}"

    def identity(self) -> dict[str, Any]:
        """Returns the identities of all separators, the first one's as if it were alone."""
        first, *others = [
            {**separator.identity(), "passes": [str(each) for each in passes]}
            for separator, passes in self._members
        ]
        return {**first, "averaged_with": others}

    def told(self, told: Told) -> BaseSeparator:
        """Returns the mean of the same separators, told what is known of the piece that comes."""
        other = copy(self)
        other._told = told
        return other

    def label_vector(self, labels: Sequence[str] | None) -> NDArray[np.float32]:
        """Returns the vector that the first network takes; refuses what any of them does not."""
        vectors = [each.label_vector(labels) for each, _ in self._members]
        return vectors[0]

    def iter_estimates(
        self, heard: Iterable[Waveform], labels: Sequence[str] | None
    ) -> Iterator[Waveform]:
        """Yields the mean of all estimates, in consecutive blocks."""
        pairs = [(separator, each) for separator, passes in self._members for each in passes]
        # In pieces, as each pass keeps a copy of what it still needs.
        copies = tee(streams.pieces(heard), len(pairs))
        estimates = []
        for (separator, each), part in zip(pairs, copies, strict=True):
            # What a pass hears later is told later.
            told = separator.told(self._told.later(each.shift_frames))
            estimates.append(
                each.iter_estimates(told.iter_estimates(each.iter_heard(part), labels))
            )
        return streams.mean(estimates)
