"""Draws a taggram: instruments by time, below the waveform over the same time.

Matplotlib is imported with this module, which takes a second. Every pixel column is the same time
in all that is drawn: both images are made here, pixel by pixel.

Axes: K instruments, P pixels, H rows of pixels.
"""

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from configs.instruments import name_of
from data_prep.audio.activity import amplitude_db
from evaluation.taggrams.heard import HeardFile
from evaluation.taggrams.pixels import minutes, pixel_means, time_ticks

Pixels = NDArray[np.uint8]
"""Red, green and blue of a picture, (H, P, 3), the top row first."""

# In pixels.
WIDTH = 1200
_WAVEFORM_HEIGHT = 120
_ROW_HEIGHT = 22
# Of a row: probabilities, below them where the threshold is reached, then nothing.
_HEARD_HEIGHT = 4
_GAP = 3
_LEFT = 150
_RIGHT = 90
_TOP = 56
_BETWEEN = 14
_BOTTOM = 44
_SCALE_WIDTH = 160
_SCALE_HEIGHT = 10
_DPI = 100
# A time needs about so many.
_TICK_WIDTH = 90
# Of a title, in letters: beyond it stands what the colours are.
_MOST_LETTERS = 72

_PAPER = (255, 255, 255)
_WAVE = (70, 90, 120)
_HEARD = (200, 70, 20)
_INK = "#1a1a1a"
_FAINT = "#8a8a8a"
_COLOURS = "YlGnBu"
_FONT_SIZE = 9


class _Place(NamedTuple):
    """Is where something stands in a figure, in pixels from its lower left corner."""

    left: int
    bottom: int
    width: int
    height: int


def write_picture(heard: HeardFile, origin: str, path: Path) -> None:
    """Writes the taggram of a file as PNG.

    Args:
        heard: what was heard in it.
        origin: of the weights, in words.
        path: of the picture.
    """
    with warnings.catch_warnings():
        # A name may have characters that the font lacks: they become boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = draw(heard, origin)
        # Without the version of Matplotlib, the same file gives the same bytes for longer.
        figure.savefig(path, format="png", metadata={"Software": None})


def draw(heard: HeardFile, origin: str) -> Figure:
    """Draws the taggram of a file."""
    rows_height = _ROW_HEIGHT * len(heard.sources)
    height = _TOP + _WAVEFORM_HEIGHT + _BETWEEN + rows_height + _BOTTOM
    total_width = _LEFT + WIDTH + _RIGHT
    figure = Figure((total_width / _DPI, height / _DPI), _DPI)
    FigureCanvasAgg(figure)
    rows = _Place(_LEFT, _BOTTOM, WIDTH, rows_height)
    waveform = _Place(_LEFT, _BOTTOM + rows_height + _BETWEEN, WIDTH, _WAVEFORM_HEIGHT)
    low, high = heard.envelope.outline(WIDTH)
    peak = max(-float(low.min()), float(high.max()))
    # figimage copies pixels as they are, where imshow would sample them anew.
    figure.figimage(waveform_pixels(low, high, peak), waveform.left, waveform.bottom)
    figure.figimage(tag_pixels(heard), rows.left, rows.bottom)
    _dress_waveform(_axes(figure, waveform), heard, peak)
    _dress_rows(_axes(figure, rows), heard)
    _write(figure, (_LEFT, height - 20), _shortened(heard.name), size=12, weight="bold")
    _write(figure, (_LEFT, height - 38), _shortened(origin), color=_FAINT)
    _draw_scale(figure, height)
    return figure


def waveform_pixels(low: NDArray[np.float32], high: NDArray[np.float32], peak: float) -> Pixels:
    """Returns a waveform whose peak fills the height, (H, P, 3).

    Args:
        low: (P,), the lowest value of each pixel.
        high: (P,), the highest one.
        peak: the value that touches the edge; 0: all is silent.
    """
    half = _WAVEFORM_HEIGHT / 2
    scale = (half - 1) / peak if peak else 0.0
    # The middle of each row of pixels, from the top, as a height above zero.
    heights = half - 0.5 - np.arange(_WAVEFORM_HEIGHT)[:, None]
    # At least the two rows beside zero, so that silence is a line.
    inside = (heights >= np.minimum(low * scale, -0.5)) & (heights <= np.maximum(high * scale, 0.5))
    return np.where(inside[..., None], _WAVE, _PAPER).astype(np.uint8)


def tag_pixels(heard: HeardFile) -> Pixels:
    """Returns the rows of all instruments, (H, P, 3).

    A row is the mean probability of what falls on each pixel, above a line as strong as the share
    of it in which the instrument is at or above its threshold.
    """
    activity = heard.activity
    columns = heard.columns
    if not activity.shape[1]:
        # Of less than a frame of the network nothing was heard.
        activity = np.zeros((len(activity), 1), np.float32)
        columns = activity > 0
    span = (heard.column_secs, heard.secs, WIDTH)
    means = pixel_means(activity, *span)
    shares = pixel_means(columns, *span)[..., None]
    # (K, P) -> (K, P, 3)
    of_means = mpl.colormaps[_COLOURS](means, bytes=True)[..., :3]
    of_shares = np.round(shares * _HEARD + (1 - shares) * np.array(_PAPER)).astype(np.uint8)
    paper = np.full_like(of_means, 255)
    num_rows = _ROW_HEIGHT - _HEARD_HEIGHT - _GAP
    # (K, rows of pixels, P, 3)
    rows = np.stack([of_means] * num_rows + [of_shares] * _HEARD_HEIGHT + [paper] * _GAP, axis=1)
    return rows.reshape(-1, WIDTH, 3)


def _axes(figure: Figure, place: _Place) -> Axes:
    """Makes axes without paper exactly around an image that was copied into a figure."""
    width = figure.bbox.width
    height = figure.bbox.height
    axes = figure.add_axes(
        (place.left / width, place.bottom / height, place.width / width, place.height / height)
    )
    axes.patch.set_visible(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(labelsize=_FONT_SIZE, color=_FAINT, labelcolor=_INK)
    return axes


def _dress_waveform(axes: Axes, heard: HeardFile, peak: float) -> None:
    axes.set_xlim(0, heard.secs)
    axes.set_xticks([])
    axes.set_ylim(0, _WAVEFORM_HEIGHT)
    level = f"peak {amplitude_db(peak):.1f} dBFS" if peak else "silence"
    axes.set_yticks([_WAVEFORM_HEIGHT / 2], [level])
    axes.tick_params(axis="y", length=0, labelcolor=_FAINT)


def _dress_rows(axes: Axes, heard: HeardFile) -> None:
    """Names the rows, says how long each instrument is heard, and writes the times below."""
    axes.set_xlim(0, heard.secs)
    # From the top row down.
    axes.set_ylim(_ROW_HEIGHT * len(heard.sources), 0)
    middle = (_ROW_HEIGHT - _GAP) / 2
    places = [_ROW_HEIGHT * row + middle for row in range(len(heard.sources))]
    labels = axes.set_yticks(places, [name_of(source) for source in heard.sources])
    axes.tick_params(axis="y", length=0)
    for source, place, tick in zip(heard.sources, places, labels, strict=True):
        is_heard = source in heard.labels
        tick.label1.set_parse_math(False)
        tick.label1.set_color(_INK if is_heard else _FAINT)
        tick.label1.set_fontweight("bold" if is_heard else "normal")
        axes.annotate(
            f"{heard.shares[source]:.0%}",
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=_FONT_SIZE,
            color=_INK if is_heard else _FAINT,
            annotation_clip=False,
        )
    ticks = time_ticks(heard.secs, WIDTH // _TICK_WIDTH)
    step = ticks[1] if len(ticks) > 1 else 1.0
    axes.set_xticks(ticks, [minutes(secs, step) for secs in ticks])


def _draw_scale(figure: Figure, height: int) -> None:
    """Says what the colours are, at the top right."""
    left = _LEFT + WIDTH - _SCALE_WIDTH
    bottom = height - 28
    values = np.linspace(0, 1, _SCALE_WIDTH)
    colours = mpl.colormaps[_COLOURS](values, bytes=True)[None, :, :3]
    figure.figimage(np.repeat(colours, _SCALE_HEIGHT, axis=0), left, bottom)
    line = np.full((_HEARD_HEIGHT, _SCALE_WIDTH, 3), _HEARD, np.uint8)
    figure.figimage(line, left, bottom - 16)
    _write(figure, (left - 8, bottom), "probability 0", ha="right")
    _write(figure, (left + _SCALE_WIDTH + 8, bottom), "1")
    _write(figure, (left - 8, bottom - 19), "at or above its threshold", ha="right")
    _write(figure, (left + _SCALE_WIDTH + 8, bottom - 19), "share")


def _shortened(text: str) -> str:
    """Returns a text without its middle where that would be too long."""
    if len(text) <= _MOST_LETTERS:
        return text
    half = _MOST_LETTERS // 2
    return f"{text[:half]} ... {text[-half + 5 :]}"


def _write(figure: Figure, place: tuple[int, int], text: str, size: int = 9, **style: Any) -> None:
    """Writes a text whose lower left corner, unless told otherwise, is at a pixel."""
    left = place[0] / figure.bbox.width
    bottom = place[1] / figure.bbox.height
    # A name with a dollar sign is no formula.
    figure.text(left, bottom, text, fontsize=size, parse_math=False, **style)
