"""Draws bars on a terminal, most in seconds of audio; none where the output is a file."""

from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

from data_prep.audio.tracks import Waveform

_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s of audio [{elapsed}<{remaining}]"


def make_bar(title: str, secs: float, stays: bool = True) -> "tqdm[Any]":
    """Makes a bar of so many seconds of audio, which stays when it is full, or is wiped away."""
    return tqdm(
        total=secs,
        desc=title,
        bar_format=_FORMAT,
        # None: only where the output is no terminal.
        disable=None,
        dynamic_ncols=True,
        leave=stays,
    )


def make_counter(title: str, count: int, unit: str) -> "tqdm[Any]":
    """Makes a bar of so many things, which is wiped away when it is full."""
    # None: only where the output is no terminal.
    return tqdm(total=count, desc=title, unit=unit, disable=None, dynamic_ncols=True, leave=False)


def watch(
    blocks: Iterator[Waveform], title: str, num_frames: int, sample_rate: int
) -> Iterator[Waveform]:
    """Yields consecutive blocks (K, frames, C) of a track, with a bar of how far they are.

    Args:
        blocks: K sources each, in C channels.
        title: stands beside the bar.
        num_frames: of all blocks together.
        sample_rate: frames per second.
    """
    with make_bar(title, num_frames / sample_rate, stays=False) as bar:
        for block in blocks:
            yield block
            bar.update(block.shape[1] / sample_rate)
