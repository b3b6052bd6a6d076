"""Shapes any sound into a one-shot."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.audio.activity import INAUDIBLE_DBFS
from data_prep.audio.conversion import Converter
from data_prep.audio.tracks import AudioFormat
from data_prep.audio.waveforms import read_sound
from data_prep.shots.prepared import ShotSettings

# of the end of a sound
FADE_SECS = 0.005
# A shorter file is no sound.
_LEAST_SECS = 0.001

# (frames,), full scale is 1
MonoWaveform = NDArray[np.float32]


class Shaped(NamedTuple):
    """Is a one-shot, and what was known of the sound before."""

    # (num_frames,)
    waveform: MonoWaveform
    num_frames_before: int
    peak_frame_before: int


def load_mono(path: Path, sample_rate: int) -> MonoWaveform:
    """Reads a file of sound: the mean of its channels, at the wanted rate.

    Raises:
        ValueError: it cannot be decoded, or lasts less than a millisecond.
        OSError: it cannot be opened.
    """
    waveform, file_rate = read_sound(path)
    if len(waveform) < _LEAST_SECS * file_rate:
        raise ValueError(
            f"{path} lasts {1000 * len(waveform) / file_rate:.2f} ms; expected 1 ms or more."
        )
    source = AudioFormat(file_rate, waveform.shape[1])
    converter = Converter(source, len(waveform), AudioFormat(sample_rate, channels=1))
    converter.add(waveform)
    return converter.result()[:, 0]


def shape(sound: MonoWaveform, settings: ShotSettings, whose: str) -> Shaped:
    """Returns the one-shot of a sound.

    It is as the sound, its greatest value moved to the attack, what does not fit cut off, its end
    faded over 5 ms, scaled to a peak of 1, and padded with zeros. What follows the end of the sound
    is zeros already, so that there is faded where the sound ends.

    Args:
        sound: (frames,), at the rate of the settings.
        settings: say length and attack.
        whose: names the sound in errors.

    Raises:
        ValueError: it is empty or silent, or holds values that are no finite numbers.
    """
    if not np.isfinite(sound).all():
        raise ValueError(f"{whose} holds values that are not finite numbers.")
    loudness = np.abs(sound)
    if not len(sound) or loudness.max() <= 10 ** (INAUDIBLE_DBFS / 20):
        raise ValueError(f"{whose} is silent; expected a sound.")
    peak_frame = int(loudness.argmax())
    # How many frames later a frame of the sound stands in the one-shot; it may be negative.
    shift = settings.attack_frame - peak_frame
    first = max(0, -shift)
    kept = sound[first : settings.num_frames - shift]
    # The peak is divided by itself, so that it is 1 to the last bit.
    scaled = kept / loudness[peak_frame]
    num_behind_peak = len(kept) - 1 - (peak_frame - first)
    # A sound that ends with its peak keeps the peak.
    num_faded = min(round(FADE_SECS * settings.sample_rate), num_behind_peak)
    if num_faded:
        # from just below 1 to 0
        scaled[-num_faded:] *= np.arange(num_faded - 1, -1, -1, dtype=np.float32) / num_faded
    waveform = np.zeros(settings.num_frames, np.float32)
    start = max(0, shift)
    waveform[start : start + len(scaled)] = scaled
    return Shaped(waveform, len(sound), peak_frame)
