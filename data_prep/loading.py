"""A track from its files, whatever the corpus: decoded once, measured on the way, its parts summed by instrument."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_prep.activity import INAUDIBLE_DBFS, peak
from data_prep.stems import CODEC_FRAMES, SUFFIX, read_stems
from data_prep.tracks import MIXTURE, Form, Original, Track, TrackFiles, Waveform, convert, energy
from data_prep.waveforms import add, fit_frames, read_wav

_FULL_SCALE = 32766 / 32768  # of 16 bit, but for a step of rounding
MAX_CLIPPED = 1e-3  # share of the values at full scale; loud masters have some
MAX_RESIDUAL_DB = -40.0
MAX_RESIDUAL_DB_CODED = -10.0  # a lossy codec codes the mixture and every stem by itself


class Part:
    """A waveform of a track. Errors name its path; warnings, which records keep, its name, wherever the corpus lies."""

    def __init__(self, instrument: str | None, path: Path, stream: str, waveform: Waveform, sample_rate: int) -> None:
        self.instrument = instrument  # None: the mixture
        self._path, self._stream = path, stream
        self.place, self.name = f"{stream}{path}", f"{stream}{path.name}"
        self.waveform, self.sample_rate = waveform, sample_rate

    @property
    def form(self) -> Form:
        """Its rate and channels."""
        return Form(self.sample_rate, self.waveform.shape[1])

    def without_waveform(self) -> "Part":
        """The part with the form of its waveform but none of its frames."""
        return Part(self.instrument, self._path, self._stream, self.waveform[:0].copy(), self.sample_rate)

    def findings(self, first: "Part") -> tuple[list[str], list[str]]:
        """What is wrong with the waveform, given the first one of the track: errors and warnings, a sentence each."""
        errors, warnings = self._level_findings()
        if self.form != first.form:
            errors.append(
                f"{self.place} has {self.sample_rate} Hz and {self.form.channels} channels, {first.place} "
                f"{first.sample_rate} Hz and {first.form.channels}; expected the same, copy the track again."
            )
        return errors, warnings

    def _level_findings(self) -> tuple[list[str], list[str]]:
        loudest = peak(self.waveform)
        if not np.isfinite(loudest):
            return [f"{self.place} holds values that are not finite numbers; copy it again from the corpus."], []
        if loudest <= 10 ** (INAUDIBLE_DBFS / 20):
            if self.instrument is None:
                return [f"{self.place} is silent; a mixture must sound."], []
            return [], [f"{self.name} is silent."]
        if loudest < _FULL_SCALE:
            return [], []
        clipped = float(np.mean(np.abs(self.waveform) >= _FULL_SCALE))
        return [], [f"{self.name} clips: {clipped:.2%} of it is at full scale."] if clipped > MAX_CLIPPED else []


def load_track(files: TrackFiles, form: Form | None = None) -> Track:
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
        first = first or part.without_waveform()
        errors += part.findings(first)[0]
        if errors:
            break
        yield part
    if errors:
        raise ValueError(" ".join(errors))


class _Builder:
    """A track that grows part by part, the mixture first."""

    def __init__(self, files: TrackFiles, form: Form | None) -> None:
        self._files, self._form = files, form
        self.errors, self._warnings = list(files.errors), list(files.warnings)
        self._first: Part | None = None
        self._lengths: dict[str, int] = {}
        self._mixture: Waveform | None = None
        self._energy = 0.0
        self._rest: Waveform | None = None  # of the mixture, without the sources so far, as in the files
        self._sources: dict[str, Waveform] = {}
        self._num_parts: dict[str, int] = {}

    def add(self, part: Part) -> None:
        """Adds the next waveform; of a track with errors nothing is kept."""
        self._first = self._first or part.without_waveform()
        wrong, odd = part.findings(self._first)
        self.errors += wrong
        self._warnings += odd
        self._lengths[part.name] = len(part.waveform)
        if self.errors:
            return
        if part.instrument is None:
            self._energy, self._mixture = energy(part.waveform), self._converted(part.waveform)
            shared = np.may_share_memory(self._mixture, part.waveform)  # where there was nothing to convert
            self._rest = part.waveform.copy() if shared else part.waveform
        else:
            self._add_source(part.instrument, part.waveform)

    def track(self) -> Track:
        """The track of all parts that were added."""
        assert self._first is not None
        num_frames = next(iter(self._lengths.values())) if self._files.mixture else max(self._lengths.values())
        tolerance = CODEC_FRAMES if _is_stem(self._files) else 0
        for name, found in self._lengths.items():
            if abs(found - num_frames) > tolerance:
                change = "padded" if found < num_frames else "trimmed"
                self._warnings.append(f"{name} has {found} frames, the track {num_frames}: {change}.")
        residual = self._residual_db()
        if self._mixture is None:
            longest = max(map(len, self._sources.values()))
            self._sources = {name: fit_frames(source, longest) for name, source in self._sources.items()}
            self._mixture = np.sum(list(self._sources.values()), axis=0)
        return Track(
            self._files.name,
            self._form.sample_rate if self._form else self._first.sample_rate,
            self._mixture,
            self._sources,
            self._num_parts,
            tuple(self._warnings),
            residual,
            Original(*self._first.form, num_frames),
        )

    def _add_source(self, instrument: str, waveform: Waveform) -> None:
        if self._rest is not None:
            waveform = fit_frames(waveform, len(self._rest))
            self._rest -= waveform
        source, before = self._converted(waveform), self._sources.get(instrument)
        self._sources[instrument] = source if before is None else add(source, before)
        self._num_parts[instrument] = self._num_parts.get(instrument, 0) + 1

    def _converted(self, waveform: Waveform) -> Waveform:
        assert self._first is not None
        try:
            return convert(waveform, self._first.sample_rate, self._form) if self._form else waveform
        except ValueError as error:
            raise ValueError(f"{self._first.place}: {error}") from error

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


def _iter_parts(files: TrackFiles, errors: list[str]) -> Iterator[Part]:
    """The waveforms of a track, the mixture first; what cannot be read is added to ``errors``."""
    if _is_stem(files):
        path = files.paths[0]
        try:
            decoded = read_stems(path)
        except (ValueError, OSError) as error:
            errors.append(str(error))
            return
        for name in list(decoded):
            waveform, sample_rate = decoded.pop(name)
            yield Part(None if name == MIXTURE else name, path, f"{name} of ", waveform, sample_rate)
        return
    mixture = ((None, files.mixture),) if files.mixture else ()
    for instrument, path in (*mixture, *files.sources):
        try:
            yield Part(instrument, path, "", *read_wav(path))
        except (ValueError, OSError) as error:
            errors.append(str(error) if isinstance(error, ValueError) else f"{path}: {error.strerror}.")


def _is_stem(files: TrackFiles) -> bool:
    return files.mixture is not None and files.mixture.name.endswith(SUFFIX)
