"""A figure that shows a track at a glance: waveforms, which slots sound when, and the spectrogram of the mixture."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from configs.instruments import name_of
from data_prep.audio.activity import INAUDIBLE_DBFS, rms_db, segment_bounds
from data_prep.records.full_tracks import FullTrack

_SEGMENT_SECS = 0.1  # of the activity
_WINDOW_SECS = 0.093  # of the spectrogram: 2048 frames at 22050 Hz
_TOP_DB = 80  # from the loudest to the softest that is drawn
_MAX_POINTS = 2000  # drawn of a waveform


def draw_overview(
    track: FullTrack, sample_rate: int, vocabulary: tuple[str, ...], owned: slice | None = None
) -> Figure:
    """The figure of a track, or of a record.

    Args:
        track: with a reference for every slot.
        sample_rate: frames per second.
        vocabulary: the names of the slots.
        owned: the frames that a record owns; what lies around them is shaded.
    """
    labelled = [
        (name, track.references[i]) for i, name in enumerate(vocabulary) if name in track.labels
    ]
    rows = [("mixture", track.mixture), *labelled]
    figure = Figure((10, 4 + 0.6 * len(rows) + 0.2 * len(vocabulary)), layout="constrained")
    heights = [0.6] * len(rows) + [0.2 * len(vocabulary) + 0.4, 3.0]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    peak = max(float(np.abs(waveform).max()) for _, waveform in rows) or 1.0
    for axis, (name, waveform) in zip(axes, rows, strict=False):
        _draw_waveform(axis, waveform, sample_rate, name, peak)
    _draw_activity(axes[-2], track.references, sample_rate, vocabulary)
    _draw_spectrogram(axes[-1], track.mixture.mean(axis=1), sample_rate)
    end = len(track.mixture) / sample_rate
    around = [(0, owned.start / sample_rate), (owned.stop / sample_rate, end)] if owned else []
    for axis in axes:
        for low, high in around:
            axis.axvspan(low, high, color="0.5", alpha=0.3, linewidth=0)
    axes[-1].set(xlabel="seconds", xlim=(0, end))
    figure.suptitle(track.name)
    return figure


def _draw_waveform(
    axis: Axes, waveform: NDArray[np.float32], sample_rate: int, name: str, peak: float
) -> None:
    """Lowest and highest sample of every stretch: a waveform of minutes has more frames than the figure points."""
    step = max(1, len(waveform) // _MAX_POINTS)
    edges = np.arange(0, len(waveform), step)
    low, high = (
        reduce.reduceat(waveform.mean(axis=1), edges) for reduce in (np.minimum, np.maximum)
    )
    axis.fill_between(edges / sample_rate, low, high, linewidth=0.3, edgecolor="C0")
    axis.set(ylim=(-peak, peak), yticks=[])
    axis.set_ylabel(name_of(name), rotation=0, ha="right", va="center")


def _draw_activity(
    axis: Axes, references: NDArray[np.float32], sample_rate: int, vocabulary: tuple[str, ...]
) -> None:
    """The level of every slot over time, from inaudible (white) to its loudest."""
    segment_frames = max(1, round(_SEGMENT_SECS * sample_rate))
    bounds = segment_bounds(references.shape[1], segment_frames, segment_frames)
    levels = np.stack([rms_db(references[:, start:stop]) for start, stop in bounds], axis=1)
    edges = np.array([start for start, _ in bounds] + [bounds[-1][1]]) / sample_rate
    rows = np.arange(len(vocabulary) + 1)
    axis.pcolormesh(
        edges, rows, np.maximum(levels, INAUDIBLE_DBFS), cmap="Blues", vmin=INAUDIBLE_DBFS, vmax=0
    )
    axis.set_yticks(rows[:-1] + 0.5, vocabulary)
    axis.invert_yaxis()
    axis.set_ylabel("activity")


def _draw_spectrogram(axis: Axes, mixture: NDArray[np.float32], sample_rate: int) -> None:
    window = min(len(mixture), max(16, round(_WINDOW_SECS * sample_rate)))
    padded = np.pad(mixture, window // 2)  # so that the first column stands at second 0
    hop = max(1, window // 4, len(mixture) // _MAX_POINTS)
    columns = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    power = np.abs(np.fft.rfft(columns * np.hanning(window), axis=1)) ** 2
    levels = 10 * np.log10(np.maximum(power, 1e-12)).T
    seconds, hertz = (
        np.arange(levels.shape[1]) * hop / sample_rate,
        np.fft.rfftfreq(window, 1 / sample_rate),
    )
    axis.pcolormesh(
        seconds, hertz, levels, cmap="magma", vmin=levels.max() - _TOP_DB, shading="nearest"
    )
    axis.set_yscale("symlog", linthresh=500)
    axis.set(ylim=(0, sample_rate / 2), ylabel="hertz")
