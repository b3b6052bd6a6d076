"""Draws violins of per-segment scores: a strip per source, number of sources, or run."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Literal, cast

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from evaluation.document import svg
from evaluation.document.numbers import decibels
from evaluation.document.parts import Panel
from evaluation.report.strips import Strip, System, Violin

# With fewer, a density would invent a shape: they are drawn as dots.
MIN_VALUES = 5
# Values further from zero are rounding, and would flatten the rest.
_MAX_AXIS_DB = 60.0
# The share of a violin that may lie beyond either end of the axis.
_TAIL = 0.01
# A printed digit tells no difference below it. A density would be singular: dots again.
_MIN_SPREAD_DB = 0.05
# In CSS pixels at the natural size, the width being that of a phone.
_WIDTH = 360
_ROW_HEIGHT = 34
_AXIS_HEIGHT = 44
# Between the figure's edge, a strip's label and the axes.
_LABEL_GAP = 6
# At the right and above: half a number of the axis may stand out at its end.
_EDGE = 14
_TOP = 4
# Of a strip, in characters.
_LONGEST_NAME = 18
# Why a value is not drawn, in the order in which a caption says so.
_NOT_DRAWN = ("blank", "infinite", "beyond the axis")

# On which side of its line a violin stands. Strips go down the axis, so that low is up.
Side = Literal["low", "both", "high"]
# From the line of a strip, at its number, to the centre of the violin; strips are 1 apart.
_SHIFTS = {"low": -0.2, "both": 0.0, "high": 0.2}
# How far the stroke of a median reaches to either side of that centre.
_HALF_STROKE = 0.2
_HALVES: dict[System, Side] = {"model": "low", "mixture": "high"}
_COLOURS: dict[System, str] = {"model": svg.MODEL, "mixture": svg.MIXTURE}


def make_panel(key: str, title: str, strips: Sequence[Strip]) -> Panel:
    """Makes a figure with a row per strip."""
    drawn = [strip for strip in strips if any(violin.finite for violin in strip.violins)]
    if not drawn:
        return Panel(key, title, None, "", "No segment has a finite value.")
    medians = [f"{strip.name}: {_medians_in_words(strip)}" for strip in drawn]
    alternative = (
        f"Violins of {title}, in dB. Medians, with the number of segments: {'; '.join(medians)}."
    )
    limits = _limits(list(_violins_of(drawn)))
    return Panel(key, title, _draw(key, drawn, limits), alternative, _caption(strips, limits))


def _violins_of(strips: Iterable[Strip]) -> Iterator[Violin]:
    for strip in strips:
        yield from strip.violins


def _medians_in_words(strip: Strip) -> str:
    shown = [violin for violin in strip.violins if violin.finite]
    return ", ".join(
        f"{violin.system} {decibels(violin.median)} ({len(violin.finite):,})" for violin in shown
    )


def _caption(strips: Iterable[Strip], limits: tuple[float, float]) -> str:
    """Counts in words the values of each system that are not drawn."""
    counts: dict[str, Counter[str]] = {"model": Counter(), "mixture": Counter()}
    for violin in _violins_of(strips):
        counts[violin.system].update(_what_becomes_of(value, limits) for value in violin.values)
    parts = []
    for system, by_reason in counts.items():
        reasons = [reason for reason in _NOT_DRAWN if by_reason[reason]]
        if reasons:
            words = ", ".join(f"{by_reason[reason]:,} {reason}" for reason in reasons)
            parts.append(f"of the {system} {words}")
    if not parts:
        return "Every segment is drawn."
    return f"Not drawn: {'; '.join(parts)}."


def _what_becomes_of(value: float, limits: tuple[float, float]) -> str:
    if math.isnan(value):
        return "blank"
    if math.isinf(value):
        return "infinite"
    low, high = limits
    if value < low or value > high:
        return "beyond the axis"
    return "drawn"


def _limits(violins: Collection[Violin]) -> tuple[float, float]:
    """Returns the ends of the axis in dB, so that no stray value flattens the violins."""
    lows = []
    highs = []
    for violin in violins:
        body = [value for value in violin.finite if abs(value) <= _MAX_AXIS_DB]
        if body:
            # Values of segments, not between them: an end of the axis is a score that was reached.
            lows.append(float(np.quantile(body, _TAIL, method="lower")))
            highs.append(float(np.quantile(body, 1 - _TAIL, method="higher")))
    low = min(lows, default=-_MAX_AXIS_DB)
    high = max(highs, default=_MAX_AXIS_DB)
    # So that what stands at an end is not cut in half.
    margin = max(0.04 * (high - low), 1.0)
    return low - margin, high + margin


def _draw(key: str, strips: Sequence[Strip], limits: tuple[float, float]) -> Markup:
    low, high = limits
    labels = [f"{_short(strip.name)} · {strip.num_segments:,}" for strip in strips]
    longest = max(svg.text_width(label) for label in labels)
    margins = svg.Margins(
        left=longest + 2 * _LABEL_GAP, right=_EDGE, top=_TOP, bottom=_AXIS_HEIGHT - _TOP
    )
    height = _AXIS_HEIGHT + _ROW_HEIGHT * len(strips)
    with svg.drawing(_WIDTH, height, margins) as (figure, axes):
        axes.set_xlim(low, high)
        # From the bottom to the top: the first strip, at 0, is the uppermost.
        axes.set_ylim(len(strips) - 0.5, -0.5)
        for position, strip in enumerate(strips):
            for violin in strip.violins:
                _draw_violin(axes, position, violin, _side(violin, strip))
        # A name with a dollar sign is no formula, hence parse_math.
        axes.set_yticks(range(len(strips)), labels, parse_math=False)
        axes.set_xlabel("dB")
        axes.grid(axis="x", color=svg.GRID, linewidth=0.8)
        if low <= 0 <= high:
            # Behind all else: 0 dB, above which an estimate is better than nothing.
            axes.axvline(0, color=svg.INK, linewidth=0.8, zorder=1)
        return svg.make_svg(figure, key)


def _side(violin: Violin, strip: Strip) -> Side:
    """Returns where a violin stands: of two, the model's is above the line, the other below it."""
    if len(strip.violins) == 1:
        return "both"
    return _HALVES[violin.system]


def _draw_violin(axes: Axes, position: int, violin: Violin, side: Side) -> None:
    """Draws a violin, or the half of it on ``side``, with its median; dots where values are few."""
    low, high = axes.get_xlim()
    colour = _COLOURS[violin.system]
    values = [value for value in violin.finite if low <= value <= high]
    centre = position + _SHIFTS[side]
    if len(values) < MIN_VALUES or np.ptp(values) < _MIN_SPREAD_DB:
        axes.scatter(values, [centre] * len(values), s=14, color=colour, zorder=3)
    else:
        parts = axes.violinplot(
            [values],
            [position],
            orientation="horizontal",
            # Of a strip, whose height is 1: a little is left between one and the next.
            widths=0.84,
            points=60,
            showextrema=False,
            side=side,
        )
        for body in cast(list[PolyCollection], parts["bodies"]):
            body.set(facecolor=colour, edgecolor=colour, alpha=0.45, linewidth=0.8)
    if violin.median is not None and low <= violin.median <= high:
        bottom = centre - _HALF_STROKE
        top = centre + _HALF_STROKE
        # Over the dots, which are over the violins.
        axes.vlines(violin.median, bottom, top, color=colour, linewidth=2.2, zorder=4)


def _short(name: str) -> str:
    if len(name) <= _LONGEST_NAME:
        return name
    return name[: _LONGEST_NAME - 1] + "…"
