"""Reads sound files, and brings waveforms of one track to one length.

Files of a corpus are read by the decoder of the project; whole wav and flac files by libsndfile,
which gives the same samples faster. What is wrong with a file, the decoder says in any case.
"""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from data_prep.audio.decoding import DecodedFile, whole
from data_prep.audio.endings import is_ended
from data_prep.audio.tracks import BLOCK_FRAMES, Waveform

# with which wav and flac files begin
_PCM_LETTERS = (b"RIFF", b"RF64", b"fLaC")


class SoundStream(NamedTuple):
    """Is a waveform as it comes: consecutive blocks (frames, channels).

    Each block is good until the next one is asked for.
    """

    sample_rate: int
    channels: int
    num_frames: int
    blocks: Iterator[Waveform]
    # What could not be decoded and is silent, a sentence each.
    damage: tuple[str, ...] = ()
    # Whether its codec keeps less than was coded.
    is_lossy: bool = False


def read_sound(path: Path) -> tuple[Waveform, int]:
    """Reads a file of any kind that FFmpeg decodes.

    Returns:
        The waveform (frames, channels), full scale 1, and its rate.

    Raises:
        ValueError: as from ``open_sound``.
        OSError: the file cannot be opened.
    """
    sound = open_sound(path, block_frames=None)
    return next(sound.blocks), sound.sample_rate


def open_sound(
    path: Path, read_on: bool = False, block_frames: int | None = BLOCK_FRAMES
) -> SoundStream:
    """Opens a file of a corpus, to be read in blocks.

    Args:
        path: of a file of any kind that FFmpeg decodes.
        read_on: whether what cannot be decoded is silent, and no error.
        block_frames: so many in a block; None: all in one.

    Raises:
        ValueError: the file is empty, damaged or no sound file; this may come with any block.
        OSError: the file cannot be opened.
    """
    if _is_whole_pcm(path):
        with suppress(soundfile.SoundFileError):
            file = soundfile.SoundFile(path)
            if file.frames and not read_on:
                blocks = _iter_blocks(path, file, block_frames or file.frames)
                return SoundStream(file.samplerate, file.channels, file.frames, blocks)
            with file:
                if file.frames:
                    # Whole: what is missing must be known before the first block.
                    waveform = file.read(dtype="float32", always_2d=True)
                    if len(waveform) == file.frames:
                        return in_blocks(waveform, file.samplerate, block_frames)
    return _decoded(path, read_on, block_frames)


def in_blocks(
    waveform: Waveform,
    sample_rate: int,
    block_frames: int | None = BLOCK_FRAMES,
    damage: Sequence[str] = (),
    is_lossy: bool = False,
) -> SoundStream:
    """Returns a waveform (frames, channels) in blocks; the other arguments are as there."""
    num_frames, num_channels = waveform.shape
    size = block_frames or num_frames
    return SoundStream(
        sample_rate=sample_rate,
        channels=num_channels,
        num_frames=num_frames,
        blocks=(waveform[start : start + size] for start in range(0, num_frames, size)),
        damage=tuple(damage),
        is_lossy=is_lossy,
    )


def refuse_damage(path: Path, faults: Sequence[str]) -> None:
    """Raises a ``ValueError`` where something is missing of a file of a corpus."""
    if faults:
        what = " ".join(faults).replace(" and are silent", "").rstrip(".")
        raise ValueError(
            f"{path}{what}; copy it again from the corpus, or let data_prep.write put silence "
            "there by --read_on_over_damage."
        )


def _decoded(path: Path, read_on: bool, block_frames: int | None) -> SoundStream:
    """Decodes a whole file: how long it is, most kinds of files say by their end alone."""
    file = DecodedFile(path)
    waveform = whole(file)
    if not read_on:
        refuse_damage(path, file.faults())
    if not len(waveform):
        raise ValueError(f"{path} holds no frames; expected sound, copy it again from the corpus.")
    damage = [f"{path.name}{fault}" for fault in file.faults()]
    return in_blocks(waveform, file.audio_format.sample_rate, block_frames, damage, file.is_lossy)


def _iter_blocks(path: Path, file: soundfile.SoundFile, block_frames: int) -> Iterator[Waveform]:
    num_frames = file.frames
    # every block is read into this same array
    buffer = np.empty((min(block_frames, num_frames), file.channels), np.float32)
    with file:
        for start in range(0, num_frames, len(buffer)):
            wanted = buffer[: num_frames - start]
            block = buffer[:0]
            with suppress(soundfile.SoundFileError):
                block = file.read(dtype="float32", always_2d=True, out=wanted)
            if len(block) < len(wanted):
                # The decoder finds out where the harm is.
                _decoded(path, read_on=False, block_frames=None)
                raise ValueError(f"{path} cannot be read; copy it again from the corpus.")
            yield block


def _is_whole_pcm(path: Path) -> bool:
    """Returns whether a file is one that libsndfile reads, faster and to the last bit the same.

    It would read what is left of a cut file without a word, and takes a size of 0 at its word.

    Raises:
        ValueError: the file is empty.
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise ValueError(f"{path} is empty; expected a sound file, copy it again from the corpus.")
    return start[:4] in _PCM_LETTERS and is_ended(path)


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
