"""A track whose audio lies in files, of which any stretch can be read: no track needs to fit in memory.

Axes: K slots, T frames, C channels.
"""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Files = Mapping[str, Path]  # of sources; the others are silent


@dataclass(frozen=True)
class TrackOnDisk:
    """A track; all files have its rate, channels and length."""

    name: str
    vocabulary: tuple[str, ...]  # the names of the K slots
    sample_rate: int
    channels: int
    num_frames: int
    mixture: Path | None  # None: the mixture is the sum of the references
    references: Files
    systems: Mapping[str, Files]  # the estimates of each system

    @property
    def secs(self) -> float:
        """Its length in seconds."""
        return self.num_frames / self.sample_rate

    @property
    def paths(self) -> list[Path]:
        """All its files."""
        named = (self.references, *self.systems.values())
        return [
            *([self.mixture] if self.mixture else []),
            *(path for files in named for path in files.values()),
        ]

    def read_references(self, start: int, stop: int) -> Floats:
        """Frames [start, stop) of every slot: (K, stop - start, C)."""
        return self._read_slots(self.references, start, stop)

    def read_estimates(self, start: int, stop: int) -> dict[str, Floats]:
        """Frames [start, stop) of every slot under every system: system -> (K, stop - start, C)."""
        return {
            system: self._read_slots(files, start, stop) for system, files in self.systems.items()
        }

    def read_mixture(self, start: int, stop: int, references: Floats) -> Floats:
        """Frames [start, stop) of the mixture, (stop - start, C), whose references are at hand."""
        return (
            references.sum(axis=0)
            if self.mixture is None
            else read_stretch(self.mixture, start, stop)
        )

    def _read_slots(self, files: Files, start: int, stop: int) -> Floats:
        waveforms = np.zeros((len(self.vocabulary), stop - start, self.channels))
        for k, source in enumerate(self.vocabulary):
            if source in files:
                waveforms[k] = read_stretch(files[source], start, stop)
        return waveforms


def read_stretch(path: Path, start: int, stop: int) -> Floats:
    """Frames [start, stop) of a sound file, (stop - start, C).

    Raises:
        ValueError: the file cannot be read, or ends before.
    """
    try:
        with soundfile.SoundFile(path) as file:
            file.seek(start)
            waveform: Floats = file.read(stop - start, dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise ValueError(f"{path} cannot be read ({error}).") from error
    if len(waveform) < stop - start:
        raise ValueError(
            f"{path} ends after {start + len(waveform)} frames, {stop} were expected; it is cut short."
        )
    return waveform


def write_blocks(
    paths: Mapping[str, Path],
    sample_rate: int,
    channels: int,
    blocks: Iterable[Mapping[str, NDArray[np.float32]]],
) -> None:
    """Write wav files in float, block by block; a name that a block lacks is silent there.

    Args:
        paths: name -> the file, which is replaced.
        sample_rate: frames per second.
        channels: C.
        blocks: name -> shape (T, C), all of a block of the same length.
    """
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(
                soundfile.SoundFile(path, "w", sample_rate, channels, subtype="FLOAT", format="WAV")
            )
            for name, path in paths.items()
        }
        for block in blocks:
            silence = np.zeros_like(next(iter(block.values())))
            for name, file in files.items():
                file.write(block.get(name, silence))
