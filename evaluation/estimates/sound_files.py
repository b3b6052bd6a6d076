"""Reads the sound files that are scored: what each holds, and any frames of it.

A file without loss is read by libsndfile, with all its digits and from any frame on. Files of any
other kind are decoded from their beginning, by the decoder of the project.

Axes: T frames, C channels.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from data_prep.audio.decoding import DecodedFile
from data_prep.audio.endings import is_ended
from data_prep.runtime.quantities import pluralized

Floats = NDArray[np.float64]

# Of any other libsndfile would need a library that prints warnings of its own, or reads none.
_LOSSLESS_SUFFIXES = (".wav", ".wave", ".flac", ".aif", ".aiff", ".au", ".caf", ".w64")
# Encodings that can hold NaN or infinity; those of integers cannot.
_FLOAT_SUBTYPES = ("FLOAT", "DOUBLE")
_LOSSLESS_SUBTYPES = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", *_FLOAT_SUBTYPES)
# Read at a time, so that a long file takes little memory.
_BLOCK_FRAMES = 2**18


class FileFormat(NamedTuple):
    """Holds what the files of a track have in common, but for some frames at their ends."""

    sample_rate: int
    channels: int
    num_frames: int

    def __str__(self) -> str:
        frames = pluralized(self.num_frames, "frame")
        channels = pluralized(self.channels, "channel")
        return f"{frames} of {channels} at {self.sample_rate} Hz"


def read_format(path: Path) -> FileFormat:
    """Returns what a file holds: by its header, or where that says only about how long it is, all.

    Raises:
        ValueError: it is no sound file, holds no sound, or is damaged.
    """
    file = open_lossless(path)
    if file is None or not is_ended(path):
        return _decode_whole(path)
    with file:
        return FileFormat(file.samplerate, file.channels, file.frames)


def require_whole(path: Path) -> None:
    """Reads a file whose header does not tell whether all of it can be scored.

    Raises:
        ValueError: it is damaged, or holds a value that is NaN or infinite.
    """
    file = open_lossless(path)
    if file is None:
        # It was decoded to learn its length.
        return
    with file:
        if file.format == "FLAC":
            _decode_whole(path)
        elif file.subtype in _FLOAT_SUBTYPES:
            _refuse_what_is_no_number(path, file)


def read_frames(path: Path, start: int, stop: int) -> Floats:
    """Reads frames [start, stop) of a sound file, (stop - start, C).

    Raises:
        ValueError: the file cannot be read, or ends before.
    """
    file = open_lossless(path)
    if file is None:
        waveform = _decode_frames(path, start, stop)
    else:
        try:
            with file:
                file.seek(min(start, file.frames))
                waveform = file.read(stop - start, dtype="float64", always_2d=True)
        except (soundfile.SoundFileError, OSError) as error:
            raise ValueError(f"{path} cannot be read ({error}).") from error
    if len(waveform) < stop - start:
        raise ValueError(
            f"{path} ends after {start + len(waveform)} frames, {stop} were expected; "
            "it is cut short."
        )
    return waveform


def open_lossless(path: Path) -> soundfile.SoundFile | None:
    """Opens a file from which any frames can be read; None where it has to be decoded."""
    if path.suffix.lower() not in _LOSSLESS_SUFFIXES:
        return None
    try:
        # As bytes: a name may be of bytes that are no UTF-8.
        file = soundfile.SoundFile(os.fsencode(path))
    except (soundfile.SoundFileError, OSError):
        # Whether it is a sound file of another kind, the decoder says.
        return None
    # libsndfile takes a size that was never filled in at its word.
    if file.subtype in _LOSSLESS_SUBTYPES and file.frames:
        return file
    file.close()
    return None


def _refuse_what_is_no_number(path: Path, file: soundfile.SoundFile) -> None:
    for start in range(0, file.frames, _BLOCK_FRAMES):
        # (T, C) -> (T,)
        broken = ~np.isfinite(file.read(_BLOCK_FRAMES, always_2d=True)).all(axis=1)
        if broken.any():
            # argmax finds the first of them.
            secs = (start + int(broken.argmax())) / file.samplerate
            raise ValueError(
                f"{path} has a value that is not a finite number at {secs:.3f} s; mend the "
                "file, or take its track out of the estimates."
            )


def _decode_whole(path: Path) -> FileFormat:
    """Returns what a file holds that has to be decoded; ``ValueError`` where it is damaged."""
    file = DecodedFile(path)
    num_frames = sum(len(block) for block in file.iter_blocks())
    damages = file.warnings()
    if damages:
        raise ValueError(
            f"{' '.join(damages)} Mend the file, or take its track out of the estimates."
        )
    return FileFormat(*file.audio_format, num_frames)


def _decode_frames(path: Path, start: int, stop: int) -> Floats:
    file = DecodedFile(path)
    parts: list[NDArray[Any]] = [np.zeros((0, file.audio_format.channels))]
    first = 0
    for block in file.iter_blocks():
        last = first + len(block)
        # Even an empty part of a block would keep all of it in memory.
        if last > start:
            parts.append(block[max(start - first, 0) : max(stop - first, 0)])
        if last >= stop:
            break
        first = last
    return np.concatenate(parts)
