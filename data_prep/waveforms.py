"""Sound files read whole, and waveforms of one track brought to one length."""

from pathlib import Path

import numpy as np
import soundfile

from data_prep.tracks import Waveform

_UNKNOWN_RIFF_BYTES = (0, 0xFFFFFFFF)  # what a writer leaves that could not go back to the header
_RIFF_SLACK_BYTES = 8  # some writers count the 8 bytes before the size field as well


def read_wav(path: Path) -> tuple[Waveform, int]:
    """A wav file (or flac, or what else libsndfile reads) as float32 (frames, channels), full scale 1, and its rate.

    Raises:
        ValueError: the file is empty, cut short or no sound file.
        OSError: the file cannot be opened.
    """
    _refuse_truncated(path)
    try:
        with soundfile.SoundFile(path) as file:
            waveform, sample_rate, announced = file.read(dtype="float32", always_2d=True), file.samplerate, file.frames
    except soundfile.SoundFileError as error:
        raise ValueError(f"{path} is not a readable sound file ({error}); copy it again from the corpus.") from error
    if not len(waveform):
        raise ValueError(f"{path} holds no frames; expected sound, copy it again from the corpus.")
    if len(waveform) < announced:
        raise ValueError(
            f"{path} is cut short: its header announces {announced} frames, {len(waveform)} came; "
            f"copy it again from the corpus."
        )
    return waveform, sample_rate


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
    if header[:4] == b"RIFF" and announced not in _UNKNOWN_RIFF_BYTES and present + _RIFF_SLACK_BYTES < announced + 8:
        raise ValueError(
            f"{path} is cut short: its header announces {announced + 8} bytes, the file has {present}; "
            f"copy it again from the corpus."
        )
