"""Reads sound files, and brings waveforms of one track to one length.

Files of a corpus are read by libsndfile, whole or in blocks, and one that was cut short in copying
is refused. A song that somebody wants separated may be of any kind, see ``decoding``.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from data_prep.audio.decoding import decode
from data_prep.audio.endings import UNKNOWN_RIFF_BYTES
from data_prep.audio.tracks import BLOCK_FRAMES, Waveform

# letters and size, which the size does not count
_RIFF_START_BYTES = 8


class SoundStream(NamedTuple):
    """Is a waveform as it comes: consecutive blocks (frames, channels).

    Each block is good until the next one is asked for.
    """

    sample_rate: int
    channels: int
    num_frames: int
    blocks: Iterator[Waveform]


def read_wav(path: Path) -> tuple[Waveform, int]:
    """Reads a file of a corpus: wav, flac, or what else libsndfile reads.

    Returns:
        The waveform (frames, channels), full scale 1, and its rate.

    Raises:
        ValueError: the file is empty, cut short or no sound file.
        OSError: the file cannot be opened.
    """
    sound = open_wav(path, block_frames=None)
    return next(sound.blocks), sound.sample_rate


def open_wav(path: Path, block_frames: int | None = BLOCK_FRAMES) -> SoundStream:
    """Opens a file of a corpus, to be read in blocks of so many frames; None: all in one.

    Raises:
        ValueError: the file is empty, cut short or no sound file; this may come with any block.
        OSError: the file cannot be opened.
    """
    _refuse_truncated(path)
    with _naming(path):
        file = soundfile.SoundFile(path)
    if not file.frames and _is_size_unknown(path):
        # libsndfile takes a size of 0 at its word.
        file.close()
        waveform, sample_rate, _ = decode(path)
        size = block_frames or len(waveform)
        starts = range(0, len(waveform), size)
        blocks = (waveform[start : start + size] for start in starts)
        return SoundStream(sample_rate, waveform.shape[1], len(waveform), blocks)
    if not file.frames:
        raise ValueError(f"{path} holds no frames; expected sound, copy it again from the corpus.")
    return SoundStream(
        sample_rate=file.samplerate,
        channels=file.channels,
        num_frames=file.frames,
        blocks=_iter_blocks(path, file, block_frames or file.frames),
    )


def _iter_blocks(path: Path, file: soundfile.SoundFile, block_frames: int) -> Iterator[Waveform]:
    num_frames = file.frames
    # every block is read into this same array
    buffer = np.empty((min(block_frames, num_frames), file.channels), np.float32)
    with file:
        for start in range(0, num_frames, len(buffer)):
            wanted = buffer[: num_frames - start]
            with _naming(path):
                block = file.read(dtype="float32", always_2d=True, out=wanted)
            if len(block) < len(wanted):
                raise ValueError(
                    f"{path} is cut short: its header announces {num_frames} frames, "
                    f"{start + len(block)} came; copy it again from the corpus."
                )
            yield block


def _is_size_unknown(path: Path) -> bool:
    """Returns whether the writer of a wav file could not go back to fill in its size."""
    with path.open("rb") as file:
        header = file.read(_RIFF_START_BYTES)
    return header[:4] == b"RIFF" and int.from_bytes(header[4:], "little") in UNKNOWN_RIFF_BYTES


def _refuse_truncated(path: Path) -> None:
    """Raises a ``ValueError`` where a file is shorter than its RIFF header announces.

    libsndfile would read what is left of it without a word.
    """
    with path.open("rb") as file:
        header = file.read(8)
        present = file.seek(0, 2)
    if not present:
        raise ValueError(f"{path} is empty; expected a sound file, copy it again from the corpus.")
    # bytes 0 to 3 are the letters RIFF, bytes 4 to 7 the size
    size = int.from_bytes(header[4:], "little")
    if header[:4] != b"RIFF" or size in UNKNOWN_RIFF_BYTES:
        return
    # Some writers do count the first 8 bytes, so a file may seem to lack that many.
    if present < size:
        raise ValueError(
            f"{path} is cut short: its header announces {size + _RIFF_START_BYTES} bytes, the file "
            f"has {present}; copy it again from the corpus."
        )


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turns errors of libsndfile into a ``ValueError`` that names the file."""
    try:
        yield
    except soundfile.SoundFileError as error:
        raise ValueError(
            f"{path} is not a readable sound file ({error}); copy it again from the corpus."
        ) from error


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turns what libsndfile says of files that it cannot write into a sentence.

    Raises:
        OSError: names the folder. Why the system refused, libsndfile does not tell.
    """
    try:
        yield
    except soundfile.SoundFileError as error:
        why = "a sound file cannot be written whole, the disk may be full"
        raise OSError(errno.EIO, why, str(folder)) from error


def fit_frames(waveform: Waveform, num_frames: int) -> Waveform:
    """Returns the waveform (T, C) with zeros appended or its end cut off: (num_frames, C).

    It is the same object where it fits.
    """
    if len(waveform) == num_frames:
        return waveform
    num_missing = max(0, num_frames - len(waveform))
    return np.pad(waveform[:num_frames], ((0, num_missing), (0, 0)))


def add(one: Waveform, other: Waveform) -> Waveform:
    """Returns the sum of two waveforms (T, C), as long as the longer one."""
    longest = max(len(one), len(other))
    return fit_frames(one, longest) + fit_frames(other, longest)
