"""Says in which ways a network may hear a song, one a pass; estimates of several are averaged.

A network repeats itself under shifts of its stride alone. Of a song that begins elsewhere between
two strides it makes another estimate, with errors of its own, which the mean has less of. The same
holds of left and right in each other's place: songs are mixed much alike on both sides. It holds of
a song upside down only where the network has learnt from such songs
(``augmentation.flip_polarity``), as waveforms of reeds, brass and drums are lopsided: the smoke
network, which has not, loses 4 dB when it hears one. ``benchmarks.passes`` measures all of it.

Axes: N inputs of the network, K slots, T frames, C channels.
"""

from collections.abc import Iterable, Iterator
from math import gcd
from typing import NamedTuple

import numpy as np

from configs import Config
from data_prep.audio.tracks import Waveform

MOST_PASSES = 32
_GOLDEN_SECTION = (5**0.5 - 1) / 2


class Pass(NamedTuple):
    """Says how a network hears a song: how late, whether upside down, and with channels swapped."""

    shift_frames: int = 0
    inverts: bool = False
    swaps: bool = False

    def __str__(self) -> str:
        words = [f"{self.shift_frames} frames late"]
        if self.inverts:
            words.append("inverted")
        if self.swaps:
            words.append("swapped")
        return ", ".join(words)

    def iter_heard(self, blocks: Iterable[Waveform]) -> Iterator[Waveform]:
        """Yields what the network hears of blocks (N, T, C) of a song, in as many blocks."""
        late = self.shift_frames
        for block in blocks:
            yield np.pad(self._turned(block), ((0, 0), (late, 0), (0, 0)))
            late = 0

    def iter_estimates(self, blocks: Iterable[Waveform]) -> Iterator[Waveform]:
        """Yields the estimates of a song, in as many blocks.

        Args:
            blocks: the estimates (N, K, T, C) of what the network heard.
        """
        late = self.shift_frames

        def estimates_of(block: Waveform) -> Waveform:
            nonlocal late
            cut = min(late, block.shape[2])
            late -= cut
            return self._turned(block[:, :, cut:])

        # A generator that waits would keep its block, which is large, once for each pass.
        return map(estimates_of, blocks)

    def _turned(self, block: Waveform) -> Waveform:
        """Returns blocks (..., C) inverted and swapped, which is undone by doing it again."""
        if self.swaps:
            block = block[..., ::-1]
        if self.inverts:
            block = -block
        return block


def passes_of(config: Config, num_passes: int) -> list[Pass]:
    """Returns the first passes of a network, in an order that depends on nothing else.

    The first hears the song as it is. Each further one hears it a golden section of the stride
    later than the one before, so that any number of them is spread over the stride, and in the next
    of the ways that the network allows: as it is, upside down, swapped, or both.

    Raises:
        ValueError: there are not so many passes that differ.
    """
    stride = config.model.window().stride_frames
    ways = [
        (inverts, swaps)
        for swaps in _both_if(config.audio.channels == 2)
        for inverts in _both_if(config.augmentation.flip_polarity)
    ]
    most = min(MOST_PASSES, stride * len(ways))
    if not 1 <= num_passes <= most:
        raise ValueError(f"expected from 1 to {most} passes of this network; got {num_passes}.")
    step = _coprime_section(stride)
    passes = []
    for number in range(num_passes):
        # All shifts come before one comes again, then in another way.
        rounds, place = divmod(number, stride)
        inverts, swaps = ways[(place + rounds) % len(ways)]
        passes.append(Pass(place * step % stride, inverts, swaps))
    return passes


def _both_if(allowed: bool) -> tuple[bool, ...]:
    return (False, True) if allowed else (False,)


def _coprime_section(stride: int) -> int:
    """Returns what is nearest to the golden section of a stride and has no divisor in common.

    Its multiples then meet every frame of the stride. Of 2^L it is odd, which no level of a
    Wave-U-Net repeats itself under.
    """
    wanted = round(_GOLDEN_SECTION * stride)
    return min(
        (number for number in range(1, stride + 1) if gcd(number, stride) == 1),
        key=lambda number: abs(number - wanted),
    )
