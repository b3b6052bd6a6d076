"""Shows how many examples per second were measured, as lines of a table and as a figure.

matplotlib is imported where it draws: what preflight imports has none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

# Of the lines, by what was computed in.
COLOURS = {"float32": "#4269d0", "bfloat16": "#ff725c"}
# Of the ceilings, one for each kind of chip.
_STYLES = ("-", "--", "-.", ":")
_GREY = "#555555"


@dataclass(frozen=True)
class Measurement:
    """Holds what was measured of one batch size."""

    dtype: str
    batch_size: int
    # One per round; none where the batch does not fit the memory.
    examples_per_sec: list[float]


def table_head() -> str:
    """Returns the line above those of ``row_line``."""
    return f"{'dtype':9} {'batch':>6} {'examples/s':>12} {'min-max':>22} {'step':>12}"


def row_line(row: Measurement) -> str:
    """Returns a line of the table."""
    rates = row.examples_per_sec
    if not rates:
        return f"{row.dtype:9} {row.batch_size:6}  does not fit the memory"
    span = f"{min(rates):,.2f}-{max(rates):,.2f}"
    step_ms = 1e3 * row.batch_size / median(rates)
    return f"{row.dtype:9} {row.batch_size:6} {median(rates):12,.2f} {span:>22} {step_ms:9,.1f} ms"


def draw(
    rows: Sequence[Measurement], ceilings: Mapping[str, float], title: str, path: Path
) -> None:
    """Draws examples per second against batch size, both logarithmic, and saves the figure.

    Args:
        rows: what was measured; the range of the rounds is shaded.
        ceilings: examples per second at most by the name of a line.
        title: of the figure.
        path: where to save it, as PNG.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot(
        xscale="log", yscale="log", title=title, xlabel="batch size", ylabel="examples / s"
    )
    for dtype in dict.fromkeys(row.dtype for row in rows):
        measured = [row for row in rows if row.dtype == dtype and row.examples_per_sec]
        _draw_measured(axes, dtype, measured)
    highest_first = sorted(ceilings.items(), key=lambda item: -item[1])
    for (name, rate), style in zip(highest_first, _STYLES, strict=False):
        label = f"{name}:\n{rate:,.0f} at most"
        axes.axhline(rate, linestyle=style, color=_GREY, linewidth=1, label=label)
    _set_ticks(axes, sorted({row.batch_size for row in rows}))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    figure.savefig(path, dpi=150)


def _draw_measured(axes: Any, dtype: str, rows: Sequence[Measurement]) -> None:
    """Draws the medians of a dtype as a line, and the range of the rounds around it."""
    sizes = [row.batch_size for row in rows]
    medians = [median(row.examples_per_sec) for row in rows]
    lowest = [min(row.examples_per_sec) for row in rows]
    highest = [max(row.examples_per_sec) for row in rows]
    colour = COLOURS[dtype]
    axes.plot(sizes, medians, "o-", color=colour, label=f"{dtype}, measured")
    axes.fill_between(sizes, lowest, highest, color=colour, alpha=0.2, linewidth=0)


def _set_ticks(axes: Any, sizes: Sequence[int]) -> None:
    """Labels the batch sizes that were measured, and plain numbers of examples per second."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="minor", length=0)
