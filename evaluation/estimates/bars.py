"""Bars on a terminal, counted in seconds of audio; nothing where the output goes to a file."""

from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

from data_prep.audio.tracks import Waveform

_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s of audio [{elapsed}<{remaining}]"


def make_bar(title: str, secs: float, stays: bool = True) -> "tqdm[Any]":
    """A bar of so many seconds of audio, which stays when it is full or makes place."""
    return tqdm(
        total=secs, desc=title, bar_format=_FORMAT, disable=None, dynamic_ncols=True, leave=stays
    )


def watch(
    blocks: Iterator[Waveform], title: str, num_frames: int, sample_rate: int
) -> Iterator[Waveform]:
    """Consecutive blocks (K, frames, C), so many frames together, with a bar of how far they are."""
    with make_bar(title, num_frames / sample_rate, stays=False) as bar:
        for block in blocks:
            yield block
            bar.update(block.shape[1] / sample_rate)
