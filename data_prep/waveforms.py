"""Sound files read whole, and waveforms of one track brought to one length; shared by the readers."""

from pathlib import Path

import numpy as np
import soundfile

from data_prep.tracks import Waveform

_UNKNOWN_RIFF_BYTES = (0, 0xFFFFFFFF)  # what a writer leaves that could not go back to the header
_RIFF_SLACK_BYTES = 8  # some writers count the 8 bytes before the size field as well


def read_wav(path: Path) -> tuple[Waveform, int]:
    """A wav file as float32 (frames, channels), full scale 1, and its rate in frames per second.

    Raises:
        ValueError: the file is empty, cut short, no sound file, or holds values that are not numbers.
        OSError: the file cannot be opened.
    """
    _refuse_truncated(path)
    try:
        waveform, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise ValueError(f"{path} is not a readable wav file ({error}); copy it again from the corpus.") from error
    if not len(waveform):
        raise ValueError(f"{path} holds no frames; expected sound, copy it again from the corpus.")
    if not np.isfinite(waveform).all():
        raise ValueError(f"{path} holds values that are not finite numbers; copy it again from the corpus.")
    return waveform, sample_rate


def fit_frames(waveform: Waveform, frames: int) -> Waveform:
    """The waveform (T, C) with zeros appended or its end cut off: (frames, C)."""
    return np.pad(waveform[:frames], ((0, max(0, frames - len(waveform))), (0, 0)))


def _refuse_truncated(path: Path) -> None:
    """Compares a file with the size in its RIFF header: libsndfile reads what is left of a cut file without a word."""
    with path.open("rb") as file:
        header = file.read(8)
        present = file.seek(0, 2)
    if not present:
        raise ValueError(f"{path} is empty; expected a wav file, copy it again from the corpus.")
    announced = int.from_bytes(header[4:], "little")
    if header[:4] == b"RIFF" and announced not in _UNKNOWN_RIFF_BYTES and present + _RIFF_SLACK_BYTES < announced + 8:
        raise ValueError(
            f"{path} is cut short: its header announces {announced + 8} bytes, the file has {present}; "
            f"copy it again from the corpus."
        )
