"""Finds where sounds begin in a waveform, and which of them stand alone.

Onsets are peaks of the spectral flux (Dixon, "Onset detection revisited", DAFx 2006): of how much
the magnitudes of a spectrum grow from one frame to the next, or their logarithms here, so that soft
sounds count as well.
"""

from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, median_filter

from data_prep.shots.prepared import ShotSettings
from data_prep.shots.shaping import MonoWaveform

_WINDOW_SECS = 0.02
_HOP_SECS = 0.0025
# log(1 + this times a magnitude), the greatest magnitude being 1: about 40 dB of range
_COMPRESSION = 100.0
# A peak is the greatest within so many seconds to each side ...
_APART_SECS = 0.03
# ... and above so much times the median of the flux around it, plus a share of the greatest flux.
_MEDIAN_SECS = 0.1
_TIMES_MEDIAN = 1.5
_LEAST_SHARE = 0.1
# An onset is where the energy of so much rises most.
_RISE_SECS = 0.0025
# The energy that comes with an onset is that of so much behind it, less that before it.
_LEVEL_SECS = 0.02
# A sound is loudest so soon after its onset.
_PEAK_SECS = 0.1
# What starts within another sound and is so much softer does not spoil it.
_SOFTER_DB = 20.0
# so much before an onset belongs to it
_LEAD_SECS = 0.005


class Cut(NamedTuple):
    """Is a stretch of a waveform with one sound in it."""

    # frame at which the sound begins
    onset: int
    start: int
    # the first frame behind it
    stop: int


def find_onsets(waveform: MonoWaveform, sample_rate: int) -> NDArray[np.intp]:
    """Returns the frames of a waveform (T,) at which sounds begin, ascending."""
    flux = spectral_flux(waveform, sample_rate)
    if not flux.any():
        return np.zeros(0, np.intp)
    hop = round(_HOP_SECS * sample_rate)
    around = 2 * round(_MEDIAN_SECS / _HOP_SECS) + 1
    threshold = _TIMES_MEDIAN * median_filter(flux, around, mode="constant")
    threshold += _LEAST_SHARE * flux.max()
    apart = 2 * round(_APART_SECS / _HOP_SECS) + 1
    is_peak = (flux == maximum_filter1d(flux, apart)) & (flux > threshold)
    centres = np.flatnonzero(is_peak) * hop
    return np.unique([_refined(waveform, centre, sample_rate) for centre in centres.tolist()])


def spectral_flux(waveform: MonoWaveform, sample_rate: int) -> NDArray[np.float32]:
    """Returns how much the spectrum grows, every 2.5 ms: (T,) -> (hops,).

    Hop n compares the window that is centred on frame n times the hop with the one before.
    """
    window = 2 * round(_WINDOW_SECS * sample_rate / 2)
    hop = round(_HOP_SECS * sample_rate)
    # One hop more of zeros in front, with which hop 0 is compared.
    padded = np.pad(waveform, (window // 2 + hop, window // 2))
    # (T,) -> (hops + 1, frames of a window), a view
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    taper = np.hanning(window).astype(np.float32)
    # (hops + 1, bins)
    magnitudes = np.abs(scipy.fft.rfft(windows * taper, axis=1))
    greatest = magnitudes.max()
    if greatest == 0:
        return np.zeros(len(windows) - 1, np.float32)
    levels = np.log1p(_COMPRESSION / greatest * magnitudes)
    return np.maximum(np.diff(levels, axis=0), 0).sum(axis=1).astype(np.float32)


def find_alone(waveform: MonoWaveform, settings: ShotSettings) -> list[Cut]:
    """Returns the sounds of a waveform (T,) within which nothing else begins that is as loud.

    What begins before the end of a one-shot, which lasts ``num_frames`` with its attack, must be
    20 dB softer.
    """
    rate = settings.sample_rate
    onsets = find_onsets(waveform, rate).tolist()
    energies = [_new_energy(waveform, onset, rate) for onset in onsets]
    cuts = []
    for number, onset in enumerate(onsets):
        loudness = np.abs(waveform[onset : onset + round(_PEAK_SECS * rate)])
        peak = onset + int(loudness.argmax())
        stop = peak - settings.attack_frame + settings.num_frames
        within = [
            energy
            for other, energy in zip(onsets[number + 1 :], energies[number + 1 :], strict=True)
            if other < stop
        ]
        if max(within, default=0.0) <= energies[number] * 10 ** (-_SOFTER_DB / 10):
            start = max(0, onset - round(_LEAD_SECS * rate))
            cuts.append(Cut(onset, start, min(stop, len(waveform))))
    return cuts


def _refined(waveform: MonoWaveform, centre: int, sample_rate: int) -> int:
    """Returns the frame near the centre of a window at which the energy rises most.

    The flux is greatest where a window begins to reach over an onset, half a window before it.
    """
    reach = round(_WINDOW_SECS * sample_rate)
    width = round(_RISE_SECS * sample_rate)
    first = max(0, centre - reach // 2)
    stop = min(len(waveform), centre + reach)
    before = np.zeros(width)
    num_before = min(width, first)
    before[width - num_before :] = waveform[first - num_before : first]
    stretch = np.concatenate([before, waveform[first : stop + width], np.zeros(width)])
    # energy of all frames before a frame
    sums = np.append(0.0, np.cumsum(np.square(stretch, dtype=np.float64)))
    num_places = stop - first
    # place p is frame p + width of the stretch: the energy behind it less the energy before it
    behind = sums[2 * width : 2 * width + num_places] - sums[width : width + num_places]
    ahead = sums[width : width + num_places] - sums[:num_places]
    return first + int(np.argmax(behind - ahead))


def _new_energy(waveform: MonoWaveform, onset: int, sample_rate: int) -> float:
    """Returns the energy that begins at an onset: what is behind it, less what went on before."""
    width = round(_LEVEL_SECS * sample_rate)
    behind = waveform[onset : onset + width]
    before = waveform[max(0, onset - width) : onset]
    return max(0.0, float(np.vdot(behind, behind)) - float(np.vdot(before, before)))
