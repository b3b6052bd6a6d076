"""Waveforms as a page holds them: at one level, losslessly coded, and drawn as spectrograms.

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

LEVEL_DBFS = -23.0  # RMS of every sound of a clip, or less where a peak would not fit
MAX_GAIN_DB = 40.0  # a sound that is nearly nothing stays quiet
RANGE_DB = 70  # of a picture, below the loudest spot of its clip
MIN_HZ = 60.0  # the lowest frequency of a picture
_PEAK_DBFS = -1.0
_WIDTH, _HEIGHT = 360, 112  # pixels of a picture
_COLOURS = 64  # of a picture; more would be bytes that no eye tells apart
_WINDOW_SECS = 0.064
_TICKS_HZ = (100, 300, 1000, 3000, 10000)

Waveform = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


class Sound(NamedTuple):
    """A waveform as it is heard: its level changed by ``gain_db``, coded as FLAC of 16 bits."""

    flac: bytes
    gain_db: float


def match_levels(waveforms: Sequence[Waveform]) -> list[float]:
    """The gains in dB that bring waveforms (T, C) to the same RMS level; silence stays as it is.

    The level is ``LEVEL_DBFS``, or as much less for all of them as keeps the highest peak from clipping.
    """
    levels = [float(activity.rms_db(waveform)) for waveform in waveforms]
    gains = [
        min(LEVEL_DBFS - x, MAX_GAIN_DB) if x > activity.INAUDIBLE_DBFS else 0.0 for x in levels
    ]
    peaks = [
        _decibels(np.max(np.abs(each), initial=0.0)) + gain
        for each, gain in zip(waveforms, gains, strict=True)
    ]
    excess = max(max(peaks) - _PEAK_DBFS, 0.0)
    return [gain - excess for gain in gains]


def _decibels(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def encode(waveform: Waveform, gain_db: float, sample_rate: int) -> Sound:
    """A waveform (T, C) at another level; FLAC, so that no artefact heard is one of the coding."""
    data = io.BytesIO()
    soundfile.write(
        data, waveform * 10 ** (gain_db / 20), sample_rate, format="FLAC", subtype="PCM_16"
    )
    return Sound(data.getvalue(), gain_db)


def decode(sound: Sound) -> tuple[Waveform, int]:
    """The waveform (T, C) at the level it had before, and its rate."""
    waveform, rate = soundfile.read(io.BytesIO(sound.flac), dtype="float64", always_2d=True)
    return waveform * 10 ** (-sound.gain_db / 20), rate


def data_uri(data: bytes, media_type: str) -> str:
    """Bytes as a part of the page."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def spectrogram(waveform: Waveform, sample_rate: int) -> Floats:
    """Power of the mean of the channels: (T, C) -> (frequencies, times), both as many as a picture has pixels.

    Frequencies are spaced evenly on a logarithmic scale from ``MIN_HZ`` to half the rate.
    """
    window = spectrograms.window_frames(sample_rate, _WINDOW_SECS)
    hop = max(len(waveform) // _WIDTH, 1)
    power = spectrograms.power_spectrogram(waveform, window, hop)
    times = np.minimum(
        np.arange(_WIDTH) * len(waveform) / _WIDTH / hop, power.shape[1] - 1
    ).astype(int)
    frequencies = np.geomspace(MIN_HZ, sample_rate / 2, _HEIGHT)
    bins = np.minimum(frequencies / sample_rate * window, len(power) - 1)
    below = np.minimum(bins.astype(int), len(power) - 2)
    share = (bins - below)[:, None]
    found: Floats = power[below][:, times] * (1 - share) + power[below + 1][:, times] * share
    return found


def picture(power: Floats, loudest: float) -> bytes:
    """A spectrogram as PNG: ``RANGE_DB`` below ``loudest``, a power, from dark to bright."""
    levels = spectrograms.levels_db(power, loudest, RANGE_DB)
    shades = np.clip(np.round((levels / RANGE_DB + 1) * (_COLOURS - 1)), 0, _COLOURS - 1).astype(
        np.uint8
    )
    image = Image.fromarray(np.ascontiguousarray(shades[::-1]), mode="P")
    palette = mpl.colormaps["magma"](np.linspace(0, 1, _COLOURS))[:, :3]
    image.putpalette((palette * 255).round().astype(np.uint8).tobytes())
    data = io.BytesIO()
    image.save(data, format="PNG", optimize=True)
    return data.getvalue()


def frequency_ticks(sample_rate: int) -> list[tuple[str, float]]:
    """Frequencies to be named beside a picture, and how far up it they lie, as a share of its height."""
    octaves = math.log(sample_rate / 2 / MIN_HZ)
    shown = [hz for hz in _TICKS_HZ if MIN_HZ < hz < sample_rate / 2 * 0.9]
    return [
        (f"{hz / 1000:g} kHz" if hz >= 1000 else f"{hz} Hz", math.log(hz / MIN_HZ) / octaves)
        for hz in shown
    ]
