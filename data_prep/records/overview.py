"""Draws a track at a glance: waveforms, which slots sound when, the spectrogram of the mixture."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from configs.instruments import name_of
from data_prep.audio import spectrograms
from data_prep.audio.activity import INAUDIBLE_DBFS, rms_db, segment_bounds
from data_prep.records.full_tracks import FullTrack

# The activity is drawn in segments of this length.
_SEGMENT_SECS = 0.1
# Of the spectrogram: from the loudest to the softest that is drawn.
_RANGE_DB = 80
# A figure has no more points across: of a waveform and of a spectrogram no more are drawn.
_MAX_POINTS = 2000


def draw_overview(
    track: FullTrack, sample_rate: int, vocabulary: tuple[str, ...], owned: slice | None = None
) -> Figure:
    """Returns the figure of a track, or of a record.

    Args:
        track: has a reference for every slot.
        sample_rate: is in frames per second.
        vocabulary: names the slots.
        owned: is where the frames lie that a record owns; what lies around them is shaded.
    """
    waveforms = [("mixture", track.mixture)]
    for slot, name in enumerate(vocabulary):
        if name in track.labels:
            waveforms.append((name, track.references[slot]))
    figure = Figure((10, 4 + 0.6 * len(waveforms) + 0.2 * len(vocabulary)), layout="constrained")
    # A panel for each waveform, then one for the activity of all slots, then the spectrogram.
    heights = [0.6] * len(waveforms) + [0.2 * len(vocabulary) + 0.4, 3.0]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    # All waveforms have one scale, so that their levels compare; silence must not make it 0.
    peak = max(float(np.abs(waveform).max()) for _, waveform in waveforms) or 1.0
    for axis, (name, waveform) in zip(axes, waveforms, strict=False):
        _draw_waveform(axis, waveform, sample_rate, name, peak)
    _draw_activity(axes[-2], track.references, sample_rate, vocabulary)
    _draw_spectrogram(axes[-1], track.mixture, sample_rate)
    end_secs = len(track.mixture) / sample_rate
    if owned:
        for axis in axes:
            _shade(axis, 0, owned.start / sample_rate)
            _shade(axis, owned.stop / sample_rate, end_secs)
    axes[-1].set(xlabel="seconds", xlim=(0, end_secs))
    figure.suptitle(track.name)
    return figure


def _shade(axis: Axes, start_secs: float, stop_secs: float) -> None:
    axis.axvspan(start_secs, stop_secs, color="0.5", alpha=0.3, linewidth=0)


def _draw_waveform(
    axis: Axes, waveform: NDArray[np.float32], sample_rate: int, name: str, peak: float
) -> None:
    """Draws the lowest and the highest of every few frames of a waveform (T, C).

    A waveform of minutes has more frames than a figure has points.
    """
    step = max(1, len(waveform) // _MAX_POINTS)
    edges = np.arange(0, len(waveform), step)
    # (T, C) -> (T,)
    mean = waveform.mean(axis=1)
    low = np.minimum.reduceat(mean, edges)
    high = np.maximum.reduceat(mean, edges)
    axis.fill_between(edges / sample_rate, low, high, linewidth=0.3, edgecolor="C0")
    axis.set(ylim=(-peak, peak), yticks=[])
    axis.set_ylabel(name_of(name), rotation=0, ha="right", va="center")


def _draw_activity(
    axis: Axes, references: NDArray[np.float32], sample_rate: int, vocabulary: tuple[str, ...]
) -> None:
    """Draws the level over time of references (K, T, C), from inaudible (white) to the loudest."""
    segment_frames = max(1, round(_SEGMENT_SECS * sample_rate))
    bounds = segment_bounds(references.shape[1], segment_frames, segment_frames)
    # (K,) for each segment -> (K, segments)
    levels = np.stack([rms_db(references[:, start:stop]) for start, stop in bounds], axis=1)
    starts = [start for start, _ in bounds]
    end = bounds[-1][1]
    edges = np.array([*starts, end]) / sample_rate
    rows = np.arange(len(vocabulary) + 1)
    axis.pcolormesh(
        edges, rows, np.maximum(levels, INAUDIBLE_DBFS), cmap="Blues", vmin=INAUDIBLE_DBFS, vmax=0
    )
    axis.set_yticks(rows[:-1] + 0.5, vocabulary)
    # The first slot of the vocabulary stands at the top.
    axis.invert_yaxis()
    axis.set_ylabel("activity")


def _draw_spectrogram(axis: Axes, mixture: NDArray[np.float32], sample_rate: int) -> None:
    """Draws the spectrogram of a mixture (T, C), in dB relative to its loudest spot."""
    window = spectrograms.window_frames(sample_rate)
    hop = max(window // 4, len(mixture) // _MAX_POINTS)
    power = spectrograms.power_spectrogram(mixture, window, hop)
    levels = spectrograms.levels_db(power, float(power.max()), _RANGE_DB)
    seconds = np.arange(levels.shape[1]) * hop / sample_rate
    hertz = np.fft.rfftfreq(window, 1 / sample_rate)
    axis.pcolormesh(
        seconds, hertz, levels, cmap="magma", vmin=-_RANGE_DB, vmax=0, shading="nearest"
    )
    # The lowest notes lie below 500 Hz, where a logarithmic scale would leave no room for the rest.
    axis.set_yscale("symlog", linthresh=500)
    axis.set(ylim=(0, sample_rate / 2), ylabel="hertz")
