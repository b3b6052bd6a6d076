"""Violins of per-segment scores, as SVG that takes its colours and its font from the page around it."""

import io
import math
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from configs import instruments
from evaluation import aggregates, scores

MIN_VALUES = 5  # fewer, and a density would invent a shape: they are drawn as dots
TITLES = {
    "improvement": "SNR improvement over the mixture",
    "sdr": "SDR: all distortion",
    "sir": "SIR: interference from other sources",
    "sar": "SAR: artefacts",
    "si_sdr": "SI-SDR: all distortion but a gain",
}
# The improvement is a difference from the mixture; a sum of sources has no artefacts, its SAR is rounding.
_MODEL_ONLY = {"improvement", "sar"}
_MAX_DB = 100.0  # a score beyond it is rounding
_MAX_AXIS_DB = 60.0  # a lone source scores 300 dB under the mixture, which is that source, and would flatten the rest
_TAIL = 0.01  # the share of a violin that may lie beyond either end of the axis
_MIN_SPREAD_DB = 0.05  # a printed digit tells no difference below it: dots, where a density would be singular
_WIDTH, _ROW_HEIGHT, _AXIS_HEIGHT = 360, 34, 44  # in CSS pixels at the natural size, a phone's width
_LONGEST_NAME = 18

# matplotlib knows no CSS variables: each colour is a stand-in that _themed replaces by what the page defines.
_INK, _GRID, _MODEL, _MIXTURE = "#010203", "#010204", "#010205", "#010206"
_VARIABLES = {_INK: "--ink", _GRID: "--line", _MODEL: "--model", _MIXTURE: "--mixture"}
_STYLE = {
    "svg.fonttype": "none",  # text stays text: found by search, drawn in the page's font
    "svg.hashsalt": "figure",  # the same rows give the same bytes
    "font.size": 11,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}

Side = Literal["low", "both", "high"]  # up, since the axis of the rows points down, both, down
Values = dict[tuple[str, str], list[float]]  # (system, source) -> one per segment, nan where it is blank


@dataclass(frozen=True)
class Panel:
    """A figure of the page. The caption counts what the drawing leaves out."""

    key: str
    title: str
    svg: Markup | None  # None: there is no value to draw
    alternative: str  # its medians in words
    caption: str


@dataclass(frozen=True)
class _Violin:
    values: Sequence[float]  # finite, in dB
    median: float | None


def decibels(value: float | None) -> str:
    """How a number is printed: one decimal, a true minus sign, a dash for blank."""
    if value is None:
        return "\N{EN DASH}"
    if abs(value) > _MAX_DB:
        return "< \N{MINUS SIGN}100" if value < 0 else "> 100"
    return f"{round(value, 1) + 0.0:.1f}".replace("-", "\N{MINUS SIGN}")  # adding zero turns -0.0 into 0.0


def make_panels(rows: Sequence[scores.Row], median: Callable[[str, str, str], float | None]) -> list[Panel]:
    """A panel per key of ``TITLES``; ``median`` gives what the tables print for (key, system, source)."""
    sources = list(dict.fromkeys(row.source for row in rows))
    return [_panel(key, sources, _values(rows, key), median) for key in TITLES]


def _values(rows: Sequence[scores.Row], key: str) -> Values:
    """Every segment in which a source is active, under the systems that the panel shows."""
    mixtures = {(row.track, row.start_secs, row.source): row for row in rows if row.system == "mixture"}
    values: Values = defaultdict(list)
    for row in rows:
        shown = row.system == "model" or (row.system == "mixture" and key not in _MODEL_ONLY)
        if not shown or row.status in ("absent", "silent_mixture"):
            continue
        if key == "improvement":
            value = aggregates.improvement([row, mixtures[row.track, row.start_secs, row.source]])[0].median_db
        else:
            value = getattr(row, key)
        values[row.system, row.source].append(math.nan if value is None else value)
    return values


def _panel(key: str, sources: list[str], values: Values, median: Callable[[str, str, str], float | None]) -> Panel:
    violins = {
        (system, source): _Violin(finite, median(key, system, source))
        for (system, source), listed in values.items()
        if (finite := [value for value in listed if math.isfinite(value)])
    }
    title = TITLES[key]
    if not violins:
        return Panel(key, title, None, "", "No segment has a finite value.")
    drawn = [source for source in sources if ("model", source) in violins or ("mixture", source) in violins]
    medians = [
        f"{instruments.name_of(source)}: "
        + ", ".join(
            f"{system} {decibels(violins[system, source].median)} ({len(violins[system, source].values)})"
            for system in ("model", "mixture")
            if (system, source) in violins
        )
        for source in drawn
    ]
    alternative = f"Violins of {title}, in dB. Medians, with the number of segments: {'; '.join(medians)}."
    svg = Markup(_draw(key, drawn, violins))  # matplotlib escapes the names
    return Panel(key, title, svg, alternative, _caption(values, violins))


def _caption(values: Values, violins: Mapping[tuple[str, str], _Violin]) -> str:
    low, high = _limits(violins.values())
    parts = []
    for system in ("model", "mixture"):
        listed = [value for (name, _), own in values.items() if name == system for value in own]
        counts = {
            "blank": sum(map(math.isnan, listed)),
            "infinite": sum(map(math.isinf, listed)),
            "beyond the axis": sum(math.isfinite(value) and not low <= value <= high for value in listed),
        }
        if missing := ", ".join(f"{count:,} {what}" for what, count in counts.items() if count):
            parts.append(f"of the {system} {missing}")
    return f"Not drawn: {'; '.join(parts)}." if parts else "Every segment is drawn."


def _limits(violins: Collection[_Violin]) -> tuple[float, float]:
    """Ends of the axis in dB that keep the body of every violin, so that no stray value flattens all of them."""
    bodies = [[value for value in violin.values if abs(value) <= _MAX_AXIS_DB] for violin in violins]
    low = min((float(np.quantile(body, _TAIL, method="lower")) for body in bodies if body), default=-_MAX_AXIS_DB)
    high = max((float(np.quantile(body, 1 - _TAIL, method="higher")) for body in bodies if body), default=_MAX_AXIS_DB)
    margin = max(0.04 * (high - low), 1.0)
    return low - margin, high + margin


def _draw(key: str, sources: Sequence[str], violins: Mapping[tuple[str, str], _Violin]) -> str:
    """An ``<svg>`` element with a row per source: the model above the line, the mixture below it."""
    height = _AXIS_HEIGHT + _ROW_HEIGHT * len(sources)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH / 72, height / 72), layout="constrained")  # SVG has 72 units an inch
        axes = figure.add_subplot()
        axes.set_xlim(*_limits(violins.values()))
        axes.set_ylim(len(sources) - 0.5, -0.5)
        for (system, source), violin in violins.items():
            side: Side = "both" if key in _MODEL_ONLY else "low" if system == "model" else "high"
            _draw_violin(axes, sources.index(source), violin, side, _MODEL if system == "model" else _MIXTURE)
        counts = [len(violins["model", source].values) if ("model", source) in violins else 0 for source in sources]
        names = [_short(instruments.name_of(source)) for source in sources]
        labels = [f"{name} · {count:,}" for name, count in zip(names, counts, strict=True)]
        axes.set_yticks(range(len(sources)), labels, parse_math=False)  # a name with a dollar sign is no formula
        _dress(axes)
        return _themed(_svg(figure), key)


def _draw_violin(axes: Axes, position: int, violin: _Violin, side: Side, colour: str) -> None:
    """A violin, or the half of it that stands on ``side``, with its median; dots where values are few."""
    low, high = axes.get_xlim()
    values = [value for value in violin.values if low <= value <= high]
    shift = {"low": -0.2, "both": 0.0, "high": 0.2}[side]
    if len(values) < MIN_VALUES or np.ptp(values) < _MIN_SPREAD_DB:
        axes.scatter(values, [position + shift] * len(values), s=14, color=colour, zorder=3)
    else:
        parts = axes.violinplot(
            [values], [position], orientation="horizontal", widths=0.84, points=60, showextrema=False, side=side
        )
        for body in cast(list[PolyCollection], parts["bodies"]):
            body.set(facecolor=colour, edgecolor=colour, alpha=0.45, linewidth=0.8)
    if violin.median is not None and low <= violin.median <= high:
        ends = position + shift - 0.2, position + shift + 0.2
        axes.vlines(violin.median, *ends, color=colour, linewidth=2.2, zorder=4)


def _dress(axes: Axes) -> None:
    axes.set_xlabel("dB")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="x", color=_GRID, linewidth=0.8)
    low, high = axes.get_xlim()
    if low <= 0 <= high:
        axes.axvline(0, color=_INK, linewidth=0.8, zorder=1)
    axes.patch.set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _svg(figure: Figure) -> str:
    figure.patch.set_visible(False)
    text = io.StringIO()
    with warnings.catch_warnings():
        # Only the layout asks matplotlib's own font for a glyph; the browser draws the text with a font that has it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(text, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return text.getvalue()


def _themed(svg: str, key: str) -> str:
    """The bare element: colours as CSS variables, ids of its own among those of other panels, the size of its place.

    The page carries the text alternative, so the element itself is hidden from screen readers.
    """
    _, _, body = svg.partition("</defs>")  # before it: the XML prologue, and a style that would reach the whole page
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    body = re.sub(r"font-family: [^;\"]+", "font-family: inherit", body)
    body = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{key}-", body)
    view_box = re.search(r'viewBox="[^"]+"', svg)
    assert view_box is not None  # matplotlib writes one
    return f'<svg {view_box[0]} aria-hidden="true" focusable="false">{body.strip()}'
