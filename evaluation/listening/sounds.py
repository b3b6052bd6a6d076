"""Makes of waveforms what a page holds: at one level, losslessly coded, and drawn as spectrograms.

Axes: T frames, C channels.
"""

import base64
import io
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from data_prep.audio import activity, spectrograms

# RMS of every sound of a clip, or less where a peak would not fit.
LEVEL_DBFS = -23.0
# So that a sound that is nearly nothing stays quiet.
MAX_GAIN_DB = 40.0
# Of a picture, below the loudest spot of its clip.
RANGE_DB = 70
# The lowest frequency of a picture.
MIN_HZ = 60.0
_PEAK_DBFS = -1.0
_WINDOW_SECS = 0.064
_TICKS_HZ = (100, 300, 1000, 3000, 10000)

Waveform = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


class PictureSize(NamedTuple):
    """Says how many pixels a picture has, and how many colours."""

    width: int
    height: int
    num_colours: int


# More colours would be bytes that no eye tells apart.
_BESIDE_PLAYER = PictureSize(width=360, height=112, num_colours=64)


class EncodedSound(NamedTuple):
    """Is a waveform as it is heard: its level changed by ``gain_db``, coded as FLAC of 16 bits."""

    flac: bytes
    gain_db: float


def match_levels(waveforms: Sequence[Waveform]) -> list[float]:
    """Computes the gains in dB that bring waveforms (T, C) to the same RMS level.

    The level is ``LEVEL_DBFS``, or as much less for all of them as keeps the highest peak from
    clipping. Silence stays as it is.
    """
    gains = [_level_gain_db(waveform) for waveform in waveforms]
    peaks = []
    for waveform, gain in zip(waveforms, gains, strict=True):
        peaks.append(activity.amplitude_db(np.max(np.abs(waveform), initial=0.0)) + gain)
    # The same for all of them, so that they stay at one level.
    excess = max(max(peaks) - _PEAK_DBFS, 0.0)
    return [gain - excess for gain in gains]


def _level_gain_db(waveform: Waveform) -> float:
    level = float(activity.rms_db(waveform))
    if level > activity.INAUDIBLE_DBFS:
        return min(LEVEL_DBFS - level, MAX_GAIN_DB)
    return 0.0


def encode(waveform: Waveform, gain_db: float, sample_rate: int) -> EncodedSound:
    """Encodes a waveform (T, C) at another level, so that no artefact heard is one of the code."""
    data = io.BytesIO()
    louder = waveform * 10 ** (gain_db / 20)
    soundfile.write(data, louder, sample_rate, format="FLAC", subtype="PCM_16")
    return EncodedSound(data.getvalue(), gain_db)


def decode(sound: EncodedSound) -> tuple[Waveform, int]:
    """Returns the waveform (T, C) at the level it had before, and its rate."""
    waveform, rate = soundfile.read(io.BytesIO(sound.flac), dtype="float64", always_2d=True)
    return waveform * 10 ** (-sound.gain_db / 20), rate


def data_uri(data: bytes, media_type: str) -> str:
    """Returns bytes as an address that a page can hold."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def spectrogram(waveform: Waveform, sample_rate: int, size: PictureSize = _BESIDE_PLAYER) -> Floats:
    """Computes the power of the mean of the channels, a value for every pixel of a picture.

    Args:
        waveform: (T, C).
        sample_rate: frames per second.
        size: of the picture.

    Returns:
        (frequencies, times); frequencies are spaced evenly on a logarithmic scale from ``MIN_HZ``
        to half the rate.
    """
    window = spectrograms.window_frames(sample_rate, _WINDOW_SECS)
    hop = max(len(waveform) // size.width, 1)
    # (T, C) -> (bins, hops)
    power = spectrograms.power_spectrogram(waveform, window, hop)
    # The hop behind each column of the picture.
    columns = np.arange(size.width) * len(waveform) / size.width / hop
    columns = np.minimum(columns, power.shape[1] - 1).astype(int)
    # Each row lies between two bins and takes its share of both: at low frequencies many rows share
    # a pair, and without that the picture would show steps.
    frequencies = np.geomspace(MIN_HZ, sample_rate / 2, size.height)
    bins = np.minimum(frequencies / sample_rate * window, len(power) - 1)
    below = np.minimum(bins.astype(int), len(power) - 2)
    share = (bins - below)[:, None]
    # (bins, hops) -> (frequencies, times)
    lower = power[below][:, columns] * (1 - share)
    upper = power[below + 1][:, columns] * share
    pixels: Floats = lower + upper
    return pixels


def picture(power: Floats, loudest: float, size: PictureSize = _BESIDE_PLAYER) -> bytes:
    """Draws a spectrogram as PNG, from dark to bright.

    Args:
        power: (frequencies, times).
        loudest: the power that is brightest; dark is ``RANGE_DB`` below.
        size: of the picture.
    """
    last_shade = size.num_colours - 1
    levels = spectrograms.levels_db(power, loudest, RANGE_DB)
    # -RANGE_DB to 0 dB -> 0 to the last colour
    shades = np.round((levels / RANGE_DB + 1) * last_shade)
    shades = np.clip(shades, 0, last_shade).astype(np.uint8)
    # The first row of an image is its top, where the highest frequency belongs.
    image = Image.fromarray(np.ascontiguousarray(shades[::-1]), mode="P")
    image.putpalette(_palette(size.num_colours).tobytes())
    data = io.BytesIO()
    image.save(data, format="PNG", optimize=True)
    return data.getvalue()


def _palette(num_colours: int) -> NDArray[np.uint8]:
    """Returns colours from dark to bright, of shape (num_colours, red green blue)."""
    with_opacity = mpl.colormaps["magma"](np.linspace(0, 1, num_colours))
    return np.asarray((with_opacity[:, :3] * 255).round().astype(np.uint8))


def scale_colours(num_colours: int) -> list[str]:
    """Returns colours of pictures from dark to bright at even distances, as a page names them."""
    return [f"#{bytes(colour).hex()}" for colour in _palette(num_colours)]


def frequency_ticks(sample_rate: int) -> list[tuple[str, float]]:
    """Returns frequencies to be named beside a picture.

    Returns:
        Each with how far up the picture it lies, as a share of its height.
    """
    octaves = math.log(sample_rate / 2 / MIN_HZ)
    # Not those so near the top that their names would reach beyond the picture.
    shown = [hz for hz in _TICKS_HZ if MIN_HZ < hz < sample_rate / 2 * 0.9]
    ticks = []
    for hz in shown:
        name = f"{hz / 1000:g} kHz" if hz >= 1000 else f"{hz} Hz"
        ticks.append((name, math.log(hz / MIN_HZ) / octaves))
    return ticks
