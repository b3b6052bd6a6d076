"""Says what of a sound file could not be decoded, and reckons how long it would have sounded."""

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import av


class Damage(NamedTuple):
    """Says what of a file could not be decoded."""

    # Where it is in the file.
    secs: float
    # How long it is silent; 0 where the file ends.
    lost_secs: float


def describe(damages: Sequence[Damage], end_secs: float | None) -> list[str]:
    """Returns what is missing of a file, a sentence each, to stand behind its name.

    Args:
        damages: what could not be decoded.
        end_secs: where the file ends too early; None where it has its end.
    """
    sentences = [
        f": {damage.lost_secs:.2f} s from {damage.secs:.2f} s on cannot be decoded and are silent."
        for damage in damages
    ]
    if end_secs is not None:
        sentences.append(f" is cut short: it ends at {end_secs:.2f} s, before it says it does.")
    return sentences


class LostBytes:
    """Reckons how long lost bytes would have sounded, where a packet of junk counts as one."""

    def __init__(self) -> None:
        # To be added to the clock, in its units.
        self.ticks = 0
        # The sizes of the packets before.
        self._sizes: deque[int] = deque(maxlen=100)

    def count(self, packet: "av.Packet[Any]") -> None:
        """Takes note of a packet that could be decoded."""
        if packet.size:
            self._sizes.append(packet.size)

    def add(self, packet: "av.Packet[Any]") -> None:
        """Takes note of one that could not."""
        if not (packet.duration and self._sizes):
            return
        usual = sum(self._sizes) / len(self._sizes)
        num_packets = round(packet.size / usual)
        self.ticks += max(num_packets - 1, 0) * packet.duration
