"""Violins of per-segment scores: a strip per source, number of sources, or run."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from evaluation.document import svg
from evaluation.document.parts import Panel, decibels
from evaluation.scores.aggregates import alone
from evaluation.scores.table import Row

MIN_VALUES = 5  # fewer, and a density would invent a shape: they are drawn as dots
TITLES = {
    "snri": "SNR improvement over the mixture",
    "sdr": "SDR: all distortion",
    "sir": "SIR: interference from other sources",
    "sar": "SAR: artefacts",
    "si_sdr": "SI-SDR: all distortion but a gain",
    "snr": "SNR, which is the SDR of BSS Eval v4",
    "isr": "ISR of v4: filtering of the source",
    "sir_v4": "SIR of v4: interference",
    "sar_v4": "SAR of v4: artefacts",
}
_MAX_AXIS_DB = 60.0  # beyond it lie values that are rounding, and would flatten the rest
_TAIL = 0.01  # the share of a violin that may lie beyond either end of the axis
_MIN_SPREAD_DB = (
    0.05  # a printed digit tells no difference below it: dots, where a density would be singular
)
_WIDTH, _ROW_HEIGHT, _AXIS_HEIGHT = (
    360,
    34,
    44,
)  # in CSS pixels at the natural size, a phone's width
_LONGEST_NAME = 18

System = Literal["model", "mixture"]
Side = Literal["low", "both", "high"]  # up, since the axis of the rows points down, both, down


@dataclass(frozen=True)
class Violin:
    """The scores of a system, one per segment in which a source sounds; nan where blank."""

    system: System
    values: Sequence[float]
    median: float | None  # what the tables print

    @property
    def finite(self) -> list[float]:
        """What can be drawn."""
        return [value for value in self.values if math.isfinite(value)]


@dataclass(frozen=True)
class Strip:
    """A row of a panel: one violin, or the halves of two, of which the model's segments are counted."""

    name: str
    violins: Sequence[Violin]


def segment_values(rows: Iterable[Row], metric: str) -> list[tuple[Row, float]]:
    """A metric in every row of a source that sounds together with another one, nan where blank."""
    sounding = [
        row for row in rows if row.status not in ("absent", "silent_mixture") and not alone(row)
    ]
    return [
        (row, math.nan if (value := getattr(row, metric)) is None else value) for row in sounding
    ]


def make_strips(
    values: Sequence[tuple[Row, float]],
    name: Callable[[Row], str],
    median: Callable[[str, Row], float | None],
) -> list[Strip]:
    """A strip for every name of a row, in order of appearance; ``median`` gives it what the tables print."""
    grouped: dict[str, dict[System, list[tuple[Row, float]]]] = {}
    for row, value in values:
        system: System = "model" if row.system == "model" else "mixture"
        grouped.setdefault(name(row), {}).setdefault(system, []).append((row, value))
    return [
        Strip(
            title,
            [
                Violin(s, [v for _, v in listed], median(s, listed[0][0]))
                for s, listed in systems.items()
            ],
        )
        for title, systems in grouped.items()
    ]


def make_panel(key: str, title: str, strips: Sequence[Strip]) -> Panel:
    """A figure with a row per strip."""
    drawn = [strip for strip in strips if any(violin.finite for violin in strip.violins)]
    if not drawn:
        return Panel(key, title, None, "", "No segment has a finite value.")
    medians = [
        f"{strip.name}: {', '.join(_words(violin) for violin in strip.violins if violin.finite)}"
        for strip in drawn
    ]
    alternative = (
        f"Violins of {title}, in dB. Medians, with the number of segments: {'; '.join(medians)}."
    )
    limits = _limits([violin for strip in drawn for violin in strip.violins])
    return Panel(key, title, _draw(key, drawn, limits), alternative, _caption(strips, limits))


def _words(violin: Violin) -> str:
    return f"{violin.system} {decibels(violin.median)} ({len(violin.finite):,})"


def _caption(strips: Sequence[Strip], limits: tuple[float, float]) -> str:
    counts: dict[str, Counter[str]] = {"model": Counter(), "mixture": Counter()}
    for violin in (violin for strip in strips for violin in strip.violins):
        counts[violin.system].update(_why_not(value, limits) for value in violin.values)
    parts = [
        f"of the {system} " + ", ".join(f"{found[why]:,} {why}" for why in _NOT_DRAWN if found[why])
        for system, found in counts.items()
        if any(found[why] for why in _NOT_DRAWN)
    ]
    return f"Not drawn: {'; '.join(parts)}." if parts else "Every segment is drawn."


_NOT_DRAWN = ("blank", "infinite", "beyond the axis")


def _why_not(value: float, limits: tuple[float, float]) -> str:
    if math.isnan(value):
        return "blank"
    if math.isinf(value):
        return "infinite"
    return "drawn" if limits[0] <= value <= limits[1] else "beyond the axis"


def _limits(violins: Collection[Violin]) -> tuple[float, float]:
    """Ends of the axis in dB that keep the body of every violin, so that no stray value flattens all of them."""
    bodies = [
        [value for value in violin.finite if abs(value) <= _MAX_AXIS_DB] for violin in violins
    ]
    low = min(
        (float(np.quantile(body, _TAIL, method="lower")) for body in bodies if body),
        default=-_MAX_AXIS_DB,
    )
    high = max(
        (float(np.quantile(body, 1 - _TAIL, method="higher")) for body in bodies if body),
        default=_MAX_AXIS_DB,
    )
    margin = max(0.04 * (high - low), 1.0)
    return low - margin, high + margin


def _draw(key: str, strips: Sequence[Strip], limits: tuple[float, float]) -> Markup:
    """An ``<svg>`` element; of two violins of a strip, the model's is above the line, the mixture's below it."""
    with svg.drawing(_WIDTH, _AXIS_HEIGHT + _ROW_HEIGHT * len(strips)) as (figure, axes):
        axes.set_xlim(*limits)
        axes.set_ylim(len(strips) - 0.5, -0.5)
        for position, strip in enumerate(strips):
            for violin in strip.violins:
                side: Side = (
                    "both"
                    if len(strip.violins) == 1
                    else "low"
                    if violin.system == "model"
                    else "high"
                )
                _draw_violin(axes, position, violin, side)
        counts = [
            len(max(strip.violins, key=lambda each: each.system == "model").finite)
            for strip in strips
        ]
        labels = [f"{_short(strip.name)} · {n:,}" for strip, n in zip(strips, counts, strict=True)]
        axes.set_yticks(
            range(len(strips)), labels, parse_math=False
        )  # a name with a dollar sign is no formula
        axes.set_xlabel("dB")
        axes.grid(axis="x", color=svg.GRID, linewidth=0.8)
        if limits[0] <= 0 <= limits[1]:
            axes.axvline(0, color=svg.INK, linewidth=0.8, zorder=1)
        return svg.make_svg(figure, key)


def _draw_violin(axes: Axes, position: int, violin: Violin, side: Side) -> None:
    """A violin, or the half of it that stands on ``side``, with its median; dots where values are few."""
    low, high = axes.get_xlim()
    colour = svg.MODEL if violin.system == "model" else svg.MIXTURE
    values = [value for value in violin.finite if low <= value <= high]
    shift = {"low": -0.2, "both": 0.0, "high": 0.2}[side]
    if len(values) < MIN_VALUES or np.ptp(values) < _MIN_SPREAD_DB:
        axes.scatter(values, [position + shift] * len(values), s=14, color=colour, zorder=3)
    else:
        parts = axes.violinplot(
            [values],
            [position],
            orientation="horizontal",
            widths=0.84,
            points=60,
            showextrema=False,
            side=side,
        )
        for body in cast(list[PolyCollection], parts["bodies"]):
            body.set(facecolor=colour, edgecolor=colour, alpha=0.45, linewidth=0.8)
    if violin.median is not None and low <= violin.median <= high:
        ends = position + shift - 0.2, position + shift + 0.2
        axes.vlines(violin.median, *ends, color=colour, linewidth=2.2, zorder=4)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
