"""Loads a track from its files, whatever the corpus.

Every file is decoded once, measured on the way, and the parts of one instrument are summed.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from data_prep.audio import part_notes
from data_prep.audio.activity import energy
from data_prep.audio.annotations import Annotations, Note
from data_prep.audio.conversion import Converter
from data_prep.audio.parts import OpenPart, as_sentence, is_stem_file, iter_open_parts
from data_prep.audio.stems import CODEC_FRAMES
from data_prep.audio.tracks import AudioFormat, Original, Track, TrackFiles, Waveform
from data_prep.audio.waveforms import add, fit_frames

# level of the mixture less the sum of the sources, relative to the mixture
MAX_RESIDUAL_DB = -40.0
# A lossy codec codes the mixture and every stem by itself.
MAX_RESIDUAL_DB_CODED = -10.0


class Part(NamedTuple):
    """Is a waveform of a track as it is in its file."""

    # None: the mixture
    instrument: str | None
    audio_format: AudioFormat
    # (frames, channels)
    waveform: Waveform


def load_track(files: TrackFiles, audio_format: AudioFormat | None = None) -> Track:
    """Returns one track, every waveform (frames, channels) and as long as the mixture.

    Parts of one instrument are summed into one source. Without a mixture the sum of the sources is
    the mixture.

    Args:
        files: where it lies.
        audio_format: rate and channels of the result, those of the files unless given. Every
            waveform is converted as soon as it is decoded, so that a track is never in memory at
            its full rate.

    Raises:
        ValueError: files cannot be decoded, or differ in rate or channels, or hold no notes; a
            sentence for each, with its path.
    """
    with files.at_hand() as there:
        builder = _TrackBuilder(there, audio_format)
        for part in iter_open_parts(there, builder.errors):
            builder.add(part)
        if builder.errors:
            raise ValueError(" ".join(builder.errors))
        return builder.track()


def iter_parts(files: TrackFiles) -> Iterator[Part]:
    """Yields the waveforms of a track as they are in its files, the mixture first.

    This is for a track that does not fit in memory: no two parts are held here at a time.

    Raises:
        ValueError: a file cannot be decoded, or differs from the first one in rate or channels;
            this comes at the first file that is wrong.
    """
    errors = list(files.errors)
    first = None
    for part in iter_open_parts(files, errors):
        first = first or part
        waveform = np.empty((part.num_frames, part.audio_format.channels), np.float32)
        for start, block in part.iter_blocks():
            waveform[start : start + len(block)] = block
        errors += part.findings(first)[0]
        if errors:
            break
        yield Part(part.instrument, part.audio_format, waveform)
    if errors:
        raise ValueError(" ".join(errors))


class _TrackBuilder:
    """Builds a track part by part, the mixture first.

    Attributes:
        errors: why there is no track, a sentence each; whoever opens the parts adds theirs.
    """

    def __init__(self, files: TrackFiles, audio_format: AudioFormat | None) -> None:
        self.errors = list(files.errors)
        self._files = files
        self._audio_format = audio_format
        self._warnings = list(files.warnings)
        self._first: OpenPart | None = None
        # name of a part -> its frames
        self._lengths: dict[str, int] = {}
        self._mixture: Waveform | None = None
        self._mixture_energy = 0.0
        # the mixture less all sources so far, in the format of the files
        self._rest: Waveform | None = None
        self._sources: dict[str, Waveform] = {}
        self._num_parts: dict[str, int] = {}
        self._is_damaged = False
        self._notes: list[Note] = []
        # names of parts
        self._lossy: list[str] = []

    def add(self, part: OpenPart) -> None:
        """Reads the next waveform; of a track with errors nothing is kept."""
        self._first = self._first or part
        self._warnings += part.damage
        self._is_damaged = self._is_damaged or bool(part.damage)
        if part.is_lossy:
            self._lossy.append(part.name)
        self._lengths[part.name] = part.num_frames
        try:
            waveform = self._read(part, self._first)
        except (ValueError, OSError) as error:
            self.errors.append(as_sentence(part.path, error))
            return
        errors, warnings = part.findings(self._first)
        self.errors += errors
        self._warnings += warnings
        if self.errors:
            return
        if part.instrument is None:
            self._mixture = waveform
        else:
            self._add_notes(part, waveform)
            self._add_source(part.instrument, waveform)

    def _read(self, part: OpenPart, first: OpenPart) -> Waveform:
        """Returns a part, as long as the mixture and in the format of the track.

        Where there are errors it has no frames.
        """
        if part.instrument is None:
            self._rest = np.empty((part.num_frames, part.audio_format.channels), np.float32)
        if not self.errors and part.audio_format == first.audio_format:
            return self._converted(part)
        # There will be no track; the part is read to find what else is wrong with it.
        for _ in part.iter_blocks():
            pass
        return np.zeros((0, 1), np.float32)

    def _converted(self, part: OpenPart) -> Waveform:
        num_frames = part.num_frames
        if self._rest is not None:
            num_frames = len(self._rest)
        try:
            target = self._audio_format or part.audio_format
            converter = Converter(part.audio_format, num_frames, target)
        except ValueError as error:
            raise ValueError(f"{part.path}: {error}") from error
        for start, block in part.iter_blocks():
            wanted = block[: max(num_frames - start, 0)]
            if len(wanted):
                self._take_from_mixture(part, start, wanted)
                converter.add(wanted)
        if part.num_frames < num_frames:
            num_missing = num_frames - part.num_frames
            converter.add(np.zeros((num_missing, part.audio_format.channels), np.float32))
        return converter.result()

    def _take_from_mixture(self, part: OpenPart, start: int, block: Waveform) -> None:
        """Takes the frames of a source from those of the mixture, which comes first."""
        if self._rest is None:
            return
        rest = self._rest[start : start + len(block)]
        if part.instrument is None:
            rest[:] = block
            self._mixture_energy += energy(block)
        else:
            rest -= block

    def _add_source(self, instrument: str, waveform: Waveform) -> None:
        if instrument in self._sources:
            waveform = add(waveform, self._sources[instrument])
        self._sources[instrument] = waveform
        self._num_parts[instrument] = self._num_parts.get(instrument, 0) + 1

    def _add_notes(self, part: OpenPart, waveform: Waveform) -> None:
        """Reads the notes of a part, if it has some, and compares them with its sound."""
        sample_rate = (self._audio_format or part.audio_format).sample_rate
        for file in self._files.notes:
            if str(file.stem) != part.path:
                continue
            try:
                notes = sorted(part_notes.notes_of(file, file.instrument, sample_rate))
            except (ValueError, OSError) as error:
                self.errors.append(as_sentence(str(file.path), error))
                continue
            path = str(file.path)
            self.errors += part_notes.iter_errors(path, notes, len(waveform), sample_rate)
            name = file.path.name
            self._warnings += part_notes.iter_warnings(
                name, notes, part.name, waveform, sample_rate
            )
            self._notes += notes

    def track(self) -> Track:
        """Returns the track of all parts that were added."""
        assert self._first is not None
        num_frames = self._check_lengths()
        residual_db = self._check_sum()
        if self._mixture is None:
            # Without a mixture the parts were read at their own lengths.
            longest = max(len(source) for source in self._sources.values())
            for name, source in self._sources.items():
                self._sources[name] = fit_frames(source, longest)
            self._mixture = np.sum(list(self._sources.values()), axis=0)
        if self._lossy:
            self._warnings.append(f"coded with loss: {', '.join(self._lossy)}.")
        file_format = self._first.audio_format
        audio_format = self._audio_format or file_format
        return Track(
            name=self._files.name,
            sample_rate=audio_format.sample_rate,
            mixture=self._mixture,
            sources=self._sources,
            num_parts=self._num_parts,
            warnings=tuple(self._warnings),
            residual_db=residual_db,
            original=Original(file_format.sample_rate, file_format.channels, num_frames),
            is_damaged=self._is_damaged,
            annotations=self._annotations(),
        )

    def _annotations(self) -> Annotations | None:
        """Returns what the files say of the piece, its notes in their order."""
        said = self._files.annotations
        if not (self._notes or self._files.context):
            return said
        if said is None:
            said = Annotations(playing=tuple(self._sources))
        return replace(said, notes=tuple(sorted(self._notes)), context=self._files.context)

    def _check_lengths(self) -> int:
        """Returns the length of the track, and warns of parts that have another one."""
        lengths = list(self._lengths.values())
        num_frames = max(lengths)
        if self._files.mixture:
            num_frames = lengths[0]
        tolerance = CODEC_FRAMES if is_stem_file(self._files.mixture) else 0
        for name, length in self._lengths.items():
            if abs(length - num_frames) > tolerance:
                change = "padded" if length < num_frames else "trimmed"
                self._warnings.append(
                    f"{name} has {length} frames, the track {num_frames}: {change}."
                )
        return num_frames

    def _check_sum(self) -> float:
        """Returns the level of the mixture less its sources, in dB relative to it, and warns of it.

        It is -inf where the mixture is the exact sum of the sources.
        """
        rest_energy = 0.0
        if self._rest is not None and self._sources:
            rest_energy = energy(self._rest)
        residual_db = -math.inf
        if rest_energy > 0:
            residual_db = 10 * math.log10(rest_energy / self._mixture_energy)
        most_db = MAX_RESIDUAL_DB
        if is_stem_file(self._files.mixture):
            most_db = MAX_RESIDUAL_DB_CODED
        if residual_db > most_db:
            self._warnings.append(
                f"{self._files.paths[0].name} is not the sum of its sources: the rest is at "
                f"{residual_db:.1f} dB relative to it."
            )
        return residual_db
