"""A track from its files, whatever the corpus: decoded once, measured on the way, its parts summed by instrument."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_prep.audio.activity import INAUDIBLE_DBFS, peak
from data_prep.audio.stems import CODEC_FRAMES, SUFFIX, read_stems
from data_prep.audio.tracks import (
    BLOCK_FRAMES,
    MIXTURE,
    AudioFormat,
    Converter,
    Original,
    Track,
    TrackFiles,
    Waveform,
    energy,
)
from data_prep.audio.waveforms import SoundStream, add, fit_frames, open_wav

_FULL_SCALE = 32766 / 32768  # of 16 bit, but for a step of rounding
MAX_CLIPPED = 1e-3  # share of the values at full scale; loud masters have some
MAX_RESIDUAL_DB = -40.0
MAX_RESIDUAL_DB_CODED = -10.0  # a lossy codec codes the mixture and every stem by itself


class _OpenPart:
    """A waveform of a track. Errors name its path; warnings, which records keep, its name, wherever the corpus lies."""

    def __init__(
        self, instrument: str | None, path: Path, stream: str, recording: SoundStream
    ) -> None:
        self.instrument = instrument  # None: the mixture
        self.place, self.name = f"{stream}{path}", f"{stream}{path.name}"
        self.form, self.num_frames = (
            AudioFormat(recording.sample_rate, recording.channels),
            recording.num_frames,
        )
        self._blocks = recording.blocks
        self._peak, self._num_clipped, self._is_finite = 0.0, 0, True

    def iter_blocks(self) -> Iterator[tuple[int, Waveform]]:
        """Its blocks, each with its first frame, measured on the way: they are in a processor's cache then."""
        start = 0
        for block in self._blocks:
            loudest = peak(block)
            self._peak, self._is_finite = (
                max(self._peak, loudest),
                self._is_finite and math.isfinite(loudest),
            )
            if loudest >= _FULL_SCALE:
                self._num_clipped += int(np.count_nonzero(np.abs(block) >= _FULL_SCALE))
            yield start, block
            start += len(block)

    def findings(self, first: "_OpenPart") -> tuple[list[str], list[str]]:
        """What is wrong, once it was read, given the first part of the track: errors and warnings, a sentence each."""
        errors, warnings = [], []
        if not self._is_finite:
            errors.append(
                f"{self.place} holds values that are not finite numbers; copy it again from the corpus."
            )
        elif self._peak <= 10 ** (INAUDIBLE_DBFS / 20) and self.instrument is None:
            errors.append(f"{self.place} is silent; a mixture must sound.")
        elif self._peak <= 10 ** (INAUDIBLE_DBFS / 20):
            warnings.append(f"{self.name} is silent.")
        clipped = self._num_clipped / (self.num_frames * self.form.channels)
        if self._is_finite and clipped > MAX_CLIPPED:
            warnings.append(f"{self.name} clips: {clipped:.2%} of it is at full scale.")
        if self.form != first.form:
            errors.append(
                f"{self.place} has {self.form.sample_rate} Hz and {self.form.channels} channels, {first.place} "
                f"{first.form.sample_rate} Hz and {first.form.channels}; expected the same, copy the track again."
            )
        return errors, warnings


class Part(NamedTuple):
    """A waveform of a track as it is in its file."""

    instrument: str | None  # None: the mixture
    form: AudioFormat
    waveform: Waveform


def load_track(files: TrackFiles, form: AudioFormat | None = None) -> Track:
    """One track, every waveform (frames, channels) and as long as the mixture.

    Parts of one instrument are summed into one source. Without a mixture the sum of the sources is the mixture.

    Args:
        files: where it lies.
        form: rate and channels of the result, those of the files unless given. Every waveform is converted as soon as
            it is decoded, so that a track is never in memory at its full rate.

    Raises:
        ValueError: files cannot be decoded, or differ in rate or channels; a sentence for each, with its path.
    """
    builder = _Builder(files, form)
    for part in _iter_parts(files, builder.errors):
        builder.add(part)
    if builder.errors:
        raise ValueError(" ".join(builder.errors))
    return builder.track()


def iter_parts(files: TrackFiles) -> Iterator[Part]:
    """The waveforms of a track as they are in its files, the mixture first, for a track that does not fit in memory.

    Raises:
        ValueError: as :func:`load_track`, at the first file that is wrong.
    """
    errors, first = list(files.errors), None
    for part in _iter_parts(files, errors):
        first = first or part
        waveform = np.empty((part.num_frames, part.form.channels), np.float32)
        for start, block in part.iter_blocks():
            waveform[start : start + len(block)] = block
        errors += part.findings(first)[0]
        if errors:
            break
        yield Part(part.instrument, part.form, waveform)
    if errors:
        raise ValueError(" ".join(errors))


class _Builder:
    """A track that grows part by part, the mixture first."""

    def __init__(self, files: TrackFiles, form: AudioFormat | None) -> None:
        self._files, self._form = files, form
        self.errors, self._warnings = list(files.errors), list(files.warnings)
        self._first: _OpenPart | None = None
        self._lengths: dict[str, int] = {}
        self._mixture: Waveform | None = None
        self._energy = 0.0
        self._rest: Waveform | None = (
            None  # of the mixture, without the sources so far, as in the files
        )
        self._sources: dict[str, Waveform] = {}
        self._num_parts: dict[str, int] = {}

    def add(self, part: _OpenPart) -> None:
        """Reads the next waveform; of a track with errors nothing is kept."""
        self._first = self._first or part
        self._lengths[part.name] = part.num_frames
        try:
            converted = self._read(part, self._first)
        except (ValueError, OSError) as error:
            self.errors.append(_sentence(part.place, error))
            return
        wrong, odd = part.findings(self._first)
        self.errors += wrong
        self._warnings += odd
        if self.errors:
            return
        if part.instrument is None:
            self._mixture = converted
        else:
            self._add_source(part.instrument, converted)

    def _read(self, part: _OpenPart, first: _OpenPart) -> Waveform:
        """All of a part, as long as the mixture and in the form of the track; no frames where there are errors."""
        if part.instrument is None:
            self._rest = np.empty((part.num_frames, part.form.channels), np.float32)
        num_frames = part.num_frames if self._rest is None else len(self._rest)
        if self.errors or part.form != first.form:
            for _ in part.iter_blocks():  # to find what else is wrong
                pass
            return np.zeros((0, 1), np.float32)
        try:
            converter = Converter(part.form, num_frames, self._form or part.form)
        except ValueError as error:
            raise ValueError(f"{part.place}: {error}") from error
        for start, block in part.iter_blocks():
            if len(block := block[: max(num_frames - start, 0)]):
                self._compare(part, start, block)
                converter.add(block)
        if part.num_frames < num_frames:
            converter.add(np.zeros((num_frames - part.num_frames, part.form.channels), np.float32))
        return converter.result()

    def _compare(self, part: _OpenPart, start: int, block: Waveform) -> None:
        """Takes the frames of a source from the mixture."""
        if self._rest is None:
            return
        rest = self._rest[start : start + len(block)]
        if part.instrument is None:
            rest[:] = block
            self._energy += energy(block)
        else:
            rest -= block

    def track(self) -> Track:
        """The track of all parts that were added."""
        assert self._first is not None
        num_frames = (
            next(iter(self._lengths.values()))
            if self._files.mixture
            else max(self._lengths.values())
        )
        tolerance = CODEC_FRAMES if _is_stem(self._files) else 0
        for name, found in self._lengths.items():
            if abs(found - num_frames) > tolerance:
                change = "padded" if found < num_frames else "trimmed"
                self._warnings.append(
                    f"{name} has {found} frames, the track {num_frames}: {change}."
                )
        residual = self._residual_db()
        if self._mixture is None:
            longest = max(map(len, self._sources.values()))
            self._sources = {
                name: fit_frames(source, longest) for name, source in self._sources.items()
            }
            self._mixture = np.sum(list(self._sources.values()), axis=0)
        return Track(
            self._files.name,
            self._form.sample_rate if self._form else self._first.form.sample_rate,
            self._mixture,
            self._sources,
            self._num_parts,
            tuple(self._warnings),
            residual,
            Original(*self._first.form, num_frames),
        )

    def _add_source(self, instrument: str, source: Waveform) -> None:
        before = self._sources.get(instrument)
        self._sources[instrument] = source if before is None else add(source, before)
        self._num_parts[instrument] = self._num_parts.get(instrument, 0) + 1

    def _residual_db(self) -> float:
        """Level of what the sources do not explain of the mixture, in dB relative to it; -inf where they do."""
        left = 0.0 if self._rest is None else energy(self._rest)
        residual = 10 * math.log10(left / self._energy) if left > 0 else -math.inf
        if residual > (MAX_RESIDUAL_DB_CODED if _is_stem(self._files) else MAX_RESIDUAL_DB):
            self._warnings.append(
                f"{self._files.paths[0].name} is not the sum of its sources: the rest is at {residual:.1f} dB relative "
                f"to it."
            )
        return residual


def _iter_parts(files: TrackFiles, errors: list[str]) -> Iterator[_OpenPart]:
    """The waveforms of a track, the mixture first; what cannot be opened is added to ``errors``."""
    if _is_stem(files):
        path = files.paths[0]
        try:
            decoded = read_stems(path)
        except (ValueError, OSError) as error:
            errors.append(str(error))
            return
        for name in list(decoded):
            waveform, sample_rate = decoded.pop(name)
            recording = SoundStream(sample_rate, waveform.shape[1], len(waveform), _cut(waveform))
            yield _OpenPart(None if name == MIXTURE else name, path, f"{name} of ", recording)
        return
    mixture = ((None, files.mixture),) if files.mixture else ()
    for instrument, path in (*mixture, *files.sources):
        try:
            part = _OpenPart(instrument, path, "", open_wav(path))
        except (ValueError, OSError) as error:
            errors.append(_sentence(path, error))
            continue
        yield part


def _cut(waveform: Waveform) -> Iterator[Waveform]:
    return (
        waveform[start : start + BLOCK_FRAMES] for start in range(0, len(waveform), BLOCK_FRAMES)
    )


def _sentence(place: object, error: ValueError | OSError) -> str:
    return str(error) if isinstance(error, ValueError) else f"{place}: {error.strerror}."


def _is_stem(files: TrackFiles) -> bool:
    return files.mixture is not None and files.mixture.name.endswith(SUFFIX)
