"""Opens the waveforms of a track one after the other, and measures them as they are read."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_prep.audio.activity import INAUDIBLE_DBFS, peak
from data_prep.audio.stems import SUFFIX, read_stems
from data_prep.audio.tracks import MIXTURE, AudioFormat, TrackFiles, Waveform
from data_prep.audio.waveforms import SoundStream, in_blocks, open_sound

# full scale of 16 bit, but for a step of rounding
_FULL_SCALE = 32766 / 32768
# share of the values at full scale; loud masters have some
MAX_CLIPPED = 1e-3


class OpenPart:
    """Is a waveform of a track: the mixture, or what one player plays.

    Attributes:
        instrument: a label of the corpus; None for the mixture.
        path: names the part in errors.
        name: names the part in warnings, which records keep, wherever the corpus lies.
        audio_format: its rate and channels.
        num_frames: its length.
        damage: what of it could not be decoded and is silent, a sentence each.
        is_lossy: whether the codec of its file keeps less than was coded.
    """

    def __init__(
        self,
        instrument: str | None,
        path: str,
        name: str,
        sound: SoundStream,
        *,
        is_doubled: bool = False,
    ) -> None:
        """Makes a part of a sound.

        Args:
            instrument: a label of the corpus; None for the mixture.
            path: names the part in errors.
            name: names it in warnings.
            sound: its samples.
            is_doubled: whether the sound is mono, and becomes both channels of a stereo part.
        """
        self.instrument = instrument
        self.path = path
        self.name = name
        self._is_doubled = is_doubled
        self.audio_format = AudioFormat(sound.sample_rate, 2 if is_doubled else sound.channels)
        self.num_frames = sound.num_frames
        self.damage = sound.damage
        self.is_lossy = sound.is_lossy
        self._blocks = sound.blocks
        self._peak = 0.0
        self._num_clipped = 0
        self._is_finite = True

    def iter_blocks(self) -> Iterator[tuple[int, Waveform]]:
        """Yields the blocks (frames, channels) of the waveform, each with its first frame.

        They are measured on the way, because they are in a processor's cache then.
        """
        start = 0
        for mono_or_stereo in self._blocks:
            block = mono_or_stereo
            if self._is_doubled:
                # (T, 1) -> (T, 2)
                block = np.repeat(mono_or_stereo, 2, axis=1)
            loudest = peak(block)
            self._peak = max(self._peak, loudest)
            self._is_finite = self._is_finite and math.isfinite(loudest)
            # most blocks have no value at full scale, and need no second look
            if loudest >= _FULL_SCALE:
                self._num_clipped += int(np.count_nonzero(np.abs(block) >= _FULL_SCALE))
            yield start, block
            start += len(block)

    def findings(self, first: "OpenPart") -> tuple[list[str], list[str]]:
        """Returns errors and warnings about the waveform, a sentence each, once it was read.

        Args:
            first: the first part of the track, whose format all the others must have.
        """
        errors = []
        warnings = []
        is_silent = self._peak <= 10 ** (INAUDIBLE_DBFS / 20)
        if not self._is_finite:
            errors.append(
                f"{self.path} holds values that are not finite numbers; "
                f"copy it again from the corpus."
            )
        elif is_silent and self.instrument is None:
            errors.append(f"{self.path} is silent; a mixture must sound.")
        elif is_silent:
            warnings.append(f"{self.name} is silent.")
        if self._is_doubled:
            warnings.append(f"{self.name} is mono: it is the same on both channels.")
        clipped = self._num_clipped / (self.num_frames * self.audio_format.channels)
        if self._is_finite and clipped > MAX_CLIPPED:
            warnings.append(f"{self.name} clips: {clipped:.2%} of it is at full scale.")
        if self.audio_format != first.audio_format:
            own = self.audio_format
            expected = first.audio_format
            errors.append(
                f"{self.path} has {own.sample_rate} Hz and {own.channels} channels, "
                f"{first.path} {expected.sample_rate} Hz and {expected.channels}; "
                f"expected the same, copy the track again."
            )
        return errors, warnings


def iter_open_parts(files: TrackFiles, errors: list[str]) -> Iterator[OpenPart]:
    """Yields the waveforms of a track, the mixture first.

    Args:
        files: where the track lies.
        errors: a sentence for each file that cannot be opened is added to these.
    """
    if is_stem_file(files.mixture):
        yield from _iter_stems(files.paths[0], files.read_on, errors)
        return
    paths: list[tuple[str | None, Path]] = [*files.sources]
    if files.mixture:
        paths.insert(0, (None, files.mixture))
    for instrument, path in paths:
        try:
            sound = open_sound(path, files.read_on)
        except (ValueError, OSError) as error:
            errors.append(as_sentence(str(path), error))
            continue
        is_doubled = files.mono_is_stereo and sound.channels == 1
        yield OpenPart(instrument, str(path), path.name, sound, is_doubled=is_doubled)


def _iter_stems(path: Path, read_on: bool, errors: list[str]) -> Iterator[OpenPart]:
    try:
        streams = read_stems(path, read_on)
    except (ValueError, OSError) as error:
        errors.append(str(error))
        return
    for name in list(streams):
        # taken out, so that a waveform is freed as soon as it was read
        waveform, sample_rate, damage = streams.pop(name)
        instrument = None if name == MIXTURE else name
        sound = in_blocks(waveform, sample_rate, damage=damage)
        yield OpenPart(instrument, f"{name} of {path}", f"{name} of {path.name}", sound)


def as_sentence(path: str, error: ValueError | OSError) -> str:
    """Returns the error as a sentence that names the path."""
    if isinstance(error, OSError):
        return f"{path}: {error.strerror}."
    return str(error)


def is_stem_file(mixture: Path | None) -> bool:
    """Returns whether the file of a mixture is a stem file, which holds the sources as well."""
    return mixture is not None and mixture.name.endswith(SUFFIX)
