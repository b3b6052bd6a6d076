"""What a reader of a corpus delivers, whatever the corpus: tracks with a mixture and named sources."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from configs.instruments import ACCOMPANIMENT
from configs.splits import Split

Waveform = NDArray[np.float32]  # (frames, channels), full scale is 1
BLOCK_FRAMES = 2**16  # what a processor's cache holds
MIXTURE = "mixture"  # what its file, stream or sketch is called beside those of the sources


@dataclass(frozen=True)
class TrackFiles:
    """A track that a reader found, before anything is decoded."""

    name: str
    split: Split | None  # None: it takes no part, or the reader leaves the choice to others
    mixture: Path | None  # None: the sum of the sources. A stem file holds the sources as well
    sources: tuple[tuple[str, Path], ...] = ()  # instrument and file of every part
    warnings: tuple[str, ...] = ()  # what the reader understood but did not expect, a sentence each
    errors: tuple[str, ...] = ()  # why the track cannot be read, a sentence each

    @property
    def paths(self) -> tuple[Path, ...]:
        """All the files that loading the track reads, the mixture first."""
        return (*((self.mixture,) if self.mixture else ()), *(path for _, path in self.sources))


class AudioFormat(NamedTuple):
    """What all waveforms of a track have in common."""

    sample_rate: int
    channels: int


class Original(NamedTuple):
    """A track as it was in its files."""

    sample_rate: int
    channels: int
    num_frames: int


@dataclass(frozen=True)
class Track:
    """One piece of music. The mixture and all sources have the same shape."""

    name: str
    sample_rate: int
    mixture: Waveform
    sources: dict[str, Waveform]  # instrument -> waveform; its keys are the labels of the piece
    num_parts: dict[str, int]  # instrument -> how many parts of it were summed
    warnings: tuple[str, ...] = ()  # what was mended or is odd, a sentence each
    residual_db: float = (
        -np.inf
    )  # of the mixture against the sum of the sources, relative to it, as in the files
    original: Original | None = None


def energy(waveform: Waveform) -> float:
    """The sum of squares of a waveform (T, C), in blocks that a processor's cache holds."""
    blocks = (
        waveform[start : start + BLOCK_FRAMES] for start in range(0, len(waveform), BLOCK_FRAMES)
    )
    return sum(float(np.einsum("tc,tc->", block, block)) for block in blocks)


def convert(waveform: Waveform, sample_rate: int, form: AudioFormat) -> Waveform:
    """A waveform (T, C) at another rate and channel count, as ``Converter`` makes it."""
    converter = Converter(AudioFormat(sample_rate, waveform.shape[1]), len(waveform), form)
    for start in range(0, len(waveform), BLOCK_FRAMES):
        converter.add(waveform[start : start + BLOCK_FRAMES])
    return converter.result()


class Converter:
    """Brings a waveform that comes in blocks to another rate and channel count: what soxr (HQ) makes of it whole.

    Stereo becomes mono by averaging, mono becomes stereo by repeating; equal lengths stay equal.
    """

    def __init__(self, found: AudioFormat, num_frames: int, form: AudioFormat) -> None:
        """From a form to a form; ``ValueError`` for a number of channels that neither averaging nor repeating mends."""
        if form.channels not in (1, found.channels) and found.channels != 1:
            raise ValueError(f"it has {found.channels} channels; expected 1 or {form.channels}.")
        self._form, self._left = form, num_frames
        channels, self._stream = min(found.channels, form.channels), None
        if found.sample_rate != form.sample_rate:
            self._stream = soxr.ResampleStream(
                found.sample_rate, form.sample_rate, channels, "float32", "HQ"
            )
        most = num_frames * form.sample_rate // found.sample_rate + 2
        self._converted, self._filled = np.empty((most, channels), np.float32), 0

    def add(self, block: Waveform) -> None:
        """The next frames (frames, channels)."""
        self._left -= len(block)
        if self._form.channels == 1:
            block = to_mono(block)
        if self._stream:
            block = self._stream.resample_chunk(block, last=not self._left)
        self._converted[self._filled : self._filled + len(block)] = block
        self._filled += len(block)

    def result(self) -> Waveform:
        """The waveform (T, C), once all its frames were added."""
        converted, channels = self._converted[: self._filled], self._form.channels
        return (
            np.repeat(converted, channels, axis=1) if converted.shape[1] != channels else converted
        )


def to_mono(waveform: Waveform) -> Waveform:
    """The mean of the channels: (T, C) -> (T, 1). Column by column, which is ten times as fast as ``np.mean``."""
    if waveform.shape[1] == 1:
        return waveform
    total = waveform[:, :1] + waveform[:, 1:2]
    for channel in range(2, waveform.shape[1]):
        total += waveform[:, channel : channel + 1]
    total /= np.float32(waveform.shape[1])
    return total


def with_accompaniment(track: Track, vocabulary: Collection[str]) -> Track:
    """The track with the sources that a vocabulary does not name summed, if it has a name for that."""
    rest = [name for name in track.sources if name not in vocabulary]
    if ACCOMPANIMENT not in vocabulary or not rest:
        return track
    sources = {name: source for name, source in track.sources.items() if name in vocabulary}
    sources[ACCOMPANIMENT] = np.sum([track.sources[name] for name in rest], axis=0)
    num_parts = {name: track.num_parts[name] for name in sources if name != ACCOMPANIMENT}
    num_parts[ACCOMPANIMENT] = sum(track.num_parts[name] for name in rest)
    return replace(track, sources=sources, num_parts=num_parts)
