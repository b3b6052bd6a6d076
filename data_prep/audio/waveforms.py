"""Sound files read, whole or in blocks, and waveforms of one track brought to one length."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import soundfile

from data_prep.audio.tracks import BLOCK_FRAMES, Waveform

_UNKNOWN_RIFF_BYTES = (0, 0xFFFFFFFF)  # what a writer leaves that could not go back to the header
_RIFF_SLACK_BYTES = 8  # some writers count the 8 bytes before the size field as well


class SoundStream(NamedTuple):
    """A waveform as it comes: consecutive blocks (frames, channels), each good until the next one is asked for."""

    sample_rate: int
    channels: int
    num_frames: int
    blocks: Iterator[Waveform]


def read_wav(path: Path) -> tuple[Waveform, int]:
    """A wav file (or flac, or what else libsndfile reads) as float32 (frames, channels), full scale 1, and its rate.

    Raises:
        ValueError: the file is empty, cut short or no sound file.
        OSError: the file cannot be opened.
    """
    recording = open_wav(path, block_frames=None)
    return next(recording.blocks), recording.sample_rate


def open_wav(path: Path, block_frames: int | None = BLOCK_FRAMES) -> SoundStream:
    """The same in blocks of so many frames, or all in one; the errors may come with any block."""
    _refuse_truncated(path)
    with _telling_of(path):
        file = soundfile.SoundFile(path)
    if not file.frames:
        raise ValueError(f"{path} holds no frames; expected sound, copy it again from the corpus.")
    return SoundStream(
        file.samplerate,
        file.channels,
        file.frames,
        _iter_blocks(path, file, block_frames or file.frames),
    )


def _iter_blocks(path: Path, file: soundfile.SoundFile, block_frames: int) -> Iterator[Waveform]:
    frames = file.frames
    block = np.empty(
        (min(block_frames, frames), file.channels), np.float32
    )  # filled anew for every block
    with file:
        for start in range(0, frames, len(block)):
            wanted = block[: frames - start]
            with _telling_of(path):
                found = file.read(dtype="float32", always_2d=True, out=wanted)
            if len(found) < len(wanted):
                raise ValueError(
                    f"{path} is cut short: its header announces {frames} frames, {start + len(found)} came; "
                    f"copy it again from the corpus."
                )
            yield found


@contextmanager
def _telling_of(path: Path) -> Iterator[None]:
    try:
        yield
    except soundfile.SoundFileError as error:
        raise ValueError(
            f"{path} is not a readable sound file ({error}); copy it again from the corpus."
        ) from error


def fit_frames(waveform: Waveform, frames: int) -> Waveform:
    """The waveform (T, C) with zeros appended or its end cut off: (frames, C); the same object where it fits."""
    if len(waveform) == frames:
        return waveform
    return np.pad(waveform[:frames], ((0, max(0, frames - len(waveform))), (0, 0)))


def add(one: Waveform, other: Waveform) -> Waveform:
    """The sum of two waveforms (T, C), as long as the longer one."""
    longest = max(len(one), len(other))
    return fit_frames(one, longest) + fit_frames(other, longest)


def _refuse_truncated(path: Path) -> None:
    """Compares a file with the size in its RIFF header: libsndfile reads what is left of a cut file without a word."""
    with path.open("rb") as file:
        header = file.read(8)
        present = file.seek(0, 2)
    if not present:
        raise ValueError(f"{path} is empty; expected a sound file, copy it again from the corpus.")
    announced = int.from_bytes(header[4:], "little")
    if (
        header[:4] == b"RIFF"
        and announced not in _UNKNOWN_RIFF_BYTES
        and present + _RIFF_SLACK_BYTES < announced + 8
    ):
        raise ValueError(
            f"{path} is cut short: its header announces {announced + 8} bytes, the file has {present}; "
            f"copy it again from the corpus."
        )


def read_audio(path: Path) -> tuple[Waveform, int]:
    """The first audio stream of a file: (T, C) float32 and its rate.

    Raises:
        ValueError: the file is missing, holds no audio or cannot be decoded.
    """
    if not path.is_file():
        raise ValueError(f"there is no file {path}.")
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp")
            decoded = [
                *container.decode(stream),
                None,
            ]  # None hands over what the resampler still holds
            blocks = [part.to_ndarray() for frame in decoded for part in resampler.resample(frame)]
            rate = stream.rate
    except (av.FFmpegError, IndexError, OSError) as error:
        why = (
            getattr(error, "strerror", None) or "it has no audio stream"
        )  # else the number of the error comes first
        raise ValueError(
            f"{path} is no sound file that can be decoded ({why}); expected wav, flac, mp3 or m4a."
        ) from error
    waveform = (
        np.concatenate(blocks, axis=1).T.astype(np.float32)
        if blocks
        else np.zeros((0, 1), np.float32)
    )
    if not len(waveform):
        raise ValueError(f"{path} holds no audio frames.")
    if not np.isfinite(waveform).all():
        raise ValueError(f"{path} holds values that are not finite numbers.")
    return waveform, rate
