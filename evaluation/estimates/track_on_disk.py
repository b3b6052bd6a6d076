"""Holds a track whose audio lies in files, of which any frames can be read.

So no track needs to fit in memory.

Axes: K slots, T frames, C channels.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.encoding import writing
from data_prep.audio.tracks import AudioFormat, Waveform
from evaluation.estimates.bars import watch
from evaluation.estimates.sound_files import Floats, read_frames
from evaluation.scores.table import MODEL

# By the name of the source; the other sources are silent.
Files = Mapping[str, Path]


@dataclass(frozen=True)
class TrackOnDisk:
    """Is a track in files, all of which have its rate and channels, and but for some its length."""

    name: str
    # The names of the K slots.
    vocabulary: tuple[str, ...]
    sample_rate: int
    channels: int
    num_frames: int
    # None: the mixture is the sum of the references.
    mixture: Path | None
    references: Files
    # The estimates of each system, by its name. A source without any is not scored.
    systems: Mapping[str, Files] = field(default_factory=dict)
    # The frames of files that end before the track does, after which they are silent.
    short_files: Mapping[Path, int] = field(default_factory=dict)
    # References that are sums of files, by the name of the source.
    sums: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    # Of the constant gain, by the name of the source; one that is not named has none. None: the
    # track is not scored under it.
    gains: Mapping[str, float] | None = None

    @property
    def secs(self) -> float:
        """Returns its length in seconds."""
        return self.num_frames / self.sample_rate

    @property
    def paths(self) -> list[Path]:
        """Returns all its files, the mixture first."""
        paths = [] if self.mixture is None else [self.mixture]
        for files in (self.references, *self.systems.values()):
            paths += files.values()
        for files_of_sum in self.sums.values():
            paths += files_of_sum
        return paths

    @property
    def scored(self) -> set[str]:
        """Returns the sources of which a system has an estimate."""
        return {source for files in self.systems.values() for source in files}

    def moved(self, places: Mapping[Path, Path]) -> "TrackOnDisk":
        """Returns the track with other files of the same sound in place of some."""

        def at(path: Path) -> Path:
            return places.get(path, path)

        def all_at(files: Files) -> dict[str, Path]:
            return {source: at(path) for source, path in files.items()}

        return replace(
            self,
            mixture=None if self.mixture is None else at(self.mixture),
            references=all_at(self.references),
            systems={system: all_at(files) for system, files in self.systems.items()},
            short_files={at(path): length for path, length in self.short_files.items()},
            sums={source: tuple(map(at, paths)) for source, paths in self.sums.items()},
        )

    def read_references(self, start: int, stop: int) -> Floats:
        """Reads frames [start, stop) of every slot: (K, stop - start, C)."""
        waveforms = self._read_slots(self.references, start, stop)
        for source, paths in self.sums.items():
            for path in paths:
                waveforms[self.vocabulary.index(source)] += self._read(path, start, stop)
        return waveforms

    def read_estimates(self, start: int, stop: int) -> dict[str, Floats]:
        """Reads frames [start, stop) of all slots of all systems: name -> (K, stop - start, C)."""
        return {
            system: self._read_slots(files, start, stop) for system, files in self.systems.items()
        }

    def read_mixture(self, start: int, stop: int, references: Floats) -> Floats:
        """Reads frames [start, stop) of the mixture, (stop - start, C).

        Args:
            start: the first frame.
            stop: the frame behind the last one.
            references: the same frames of every slot, (K, stop - start, C).
        """
        if self.mixture is None:
            # (K, T, C) -> (T, C)
            mixture: Floats = references.sum(axis=0)
            return mixture
        return self._read(self.mixture, start, stop)

    def _read_slots(self, files: Files, start: int, stop: int) -> Floats:
        waveforms = np.zeros((len(self.vocabulary), stop - start, self.channels))
        for k, source in enumerate(self.vocabulary):
            if source in files:
                waveforms[k] = self._read(files[source], start, stop)
        return waveforms

    def _read(self, path: Path, start: int, stop: int) -> Floats:
        """Reads frames [start, stop) of a file, with zeros behind its end where it is short."""
        end = max(min(stop, self.short_files.get(path, stop)), start)
        waveform = read_frames(path, start, end)
        if end == stop:
            return waveform
        return np.pad(waveform, ((0, stop - end), (0, 0)))


def write_blocks(
    paths: Mapping[str, Path],
    sample_rate: int,
    channels: int,
    blocks: Iterable[Mapping[str, NDArray[np.float32]]],
) -> None:
    """Writes wav files in float, block by block; a name that a block lacks is silent there.

    Args:
        paths: name -> the file, which is replaced.
        sample_rate: frames per second.
        channels: C.
        blocks: name -> shape (T, C), all of a block of the same length.

    Raises:
        OSError: the disk is full.
    """
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(writing(path, "wav", AudioFormat(sample_rate, channels)))
            for name, path in paths.items()
        }
        for block in blocks:
            # As long as the block, (T, C): a file that misses a block would end too early.
            silence = np.zeros_like(next(iter(block.values())))
            for name, writer in writers.items():
                writer.write(block.get(name, silence))


def add_estimates(track: TrackOnDisk, blocks: Iterator[Waveform], scratch: Path) -> TrackOnDisk:
    """Writes the estimates of a network, and shows how far it is.

    Args:
        track: without estimates.
        blocks: consecutive ones of every slot, (K, frames, C).
        scratch: folder of the files.

    Returns:
        The track with the estimates.
    """
    estimates = {name: scratch / f"estimate-{k}.wav" for k, name in enumerate(track.vocabulary)}
    watched = watch(blocks, f"{track.name} estimated", track.num_frames, track.sample_rate)
    named = (dict(zip(track.vocabulary, block, strict=True)) for block in watched)
    write_blocks(estimates, track.sample_rate, track.channels, named)
    return replace(track, systems={MODEL: estimates})
