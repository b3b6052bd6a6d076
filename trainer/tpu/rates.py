"""Holds how many examples per second were measured: as a file, as a table, and as a figure.

matplotlib is imported where it draws: what preflight imports has none.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from configs.reading import parse_object, read_object
from data_prep.storage.files import replacing

# Of the lines, by what was computed in.
COLOURS = {"float32": "#4269d0", "bfloat16": "#ff725c"}
# Of the lines, by the backend: a dash, and the mark of a size.
BACKENDS = {"tensorflow": ("-", "o"), "jax": ("--", "s")}
# Of the ceilings, one for each kind of chip.
_STYLES = ("-", "--", "-.", ":")
_GREY = "#555555"
_VERSION = 1
_DRAWN = {
    # The same bytes every time.
    "svg.hashsalt": "throughput",
    # Text stays text: it can be searched.
    "svg.fonttype": "none",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
}


@dataclass(frozen=True)
class Measurement:
    """Holds what was measured of one batch size."""

    dtype: str
    batch_size: int
    # One per round; none where the batch does not fit the memory.
    examples_per_sec: list[float]
    # Of the documented peak of the chips in bfloat16; None where it is not known.
    share_of_peak: float | None = None

    @property
    def step_ms(self) -> float:
        """Returns how long a step takes, by the median of the rounds."""
        return 1e3 * self.batch_size / median(self.examples_per_sec)


@dataclass(frozen=True)
class Series:
    """Holds what one process measured: on one backend and its devices."""

    backend: str
    device: str
    # Package -> version.
    packages: Mapping[str, str]
    rows: Sequence[Measurement]

    def lines(self) -> Mapping[str, list[Measurement]]:
        """Returns what was measured of each dtype, of the batches that fit the memory."""
        lines: dict[str, list[Measurement]] = {row.dtype: [] for row in self.rows}
        for row in self.rows:
            if row.examples_per_sec:
                lines[row.dtype].append(row)
        return lines


def save(
    path: Path, config: Mapping[str, Any], series: Sequence[Series], ceilings: Mapping[str, float]
) -> None:
    """Writes a file that ``load`` reads: all of it, or nothing."""
    result = {
        "version": _VERSION,
        "config": config,
        "series": [
            {**asdict(each), "rows": [_to_json(row) for row in each.rows]} for each in series
        ],
        "ceilings": ceilings,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def load(path: Path, config: Mapping[str, Any]) -> list[Series]:
    """Reads what was measured before, of the same experiment.

    Raises:
        ValueError: the file is not what ``save`` writes, or its experiment is another.
    """
    result = read_object(path)
    if result.get("version") != _VERSION:
        raise ValueError(f"{path} is not what trainer.benchmark writes, of version {_VERSION}.")
    # A tuple is a list in the file.
    if result.get("config") != parse_object(json.dumps(config), path):
        raise ValueError(
            f"{path} holds what was measured of another config; give the same --config and --set."
        )
    try:
        return [
            Series(
                backend=each["backend"],
                device=each["device"],
                packages=each["packages"],
                rows=[_from_json(row) for row in each["rows"]],
            )
            for each in result["series"]
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not what trainer.benchmark writes ({error}).") from error


def _to_json(row: Measurement) -> dict[str, Any]:
    fields = asdict(row)
    rates = row.examples_per_sec
    if rates:
        fields["summary"] = {
            "min": min(rates),
            "median": median(rates),
            "max": max(rates),
            "step_ms": row.step_ms,
        }
    return fields


def _from_json(fields: Mapping[str, Any]) -> Measurement:
    return Measurement(
        dtype=fields["dtype"],
        batch_size=fields["batch_size"],
        examples_per_sec=fields["examples_per_sec"],
        share_of_peak=fields["share_of_peak"],
    )


def table_head() -> str:
    """Returns the line above those of ``row_line``."""
    return (
        f"{'dtype':9} {'batch':>6} {'examples/s':>12} {'min-max':>22} {'step':>12} {'of peak':>8}"
    )


def row_line(row: Measurement) -> str:
    """Returns a line of the table."""
    rates = row.examples_per_sec
    if not rates:
        return f"{row.dtype:9} {row.batch_size:6}  does not fit the memory"
    span = f"{min(rates):,.2f}-{max(rates):,.2f}"
    share = "unknown" if row.share_of_peak is None else f"{row.share_of_peak:.1%}"
    return (
        f"{row.dtype:9} {row.batch_size:6} {median(rates):12,.2f} {span:>22} "
        f"{row.step_ms:9,.1f} ms {share:>8}"
    )


def ratio_lines(series: Sequence[Series]) -> list[str]:
    """Returns, where there are both backends, how long a step of JAX takes beside TensorFlow's."""
    step_ms = {
        (each.backend, row.dtype, row.batch_size): row.step_ms
        for each in series
        for row in each.rows
        if row.examples_per_sec
    }
    lines = []
    for (backend, dtype, batch_size), of_jax in step_ms.items():
        of_tensorflow = step_ms.get(("tensorflow", dtype, batch_size))
        if backend == "jax" and of_tensorflow:
            lines.append(
                f"{dtype:9} {batch_size:6}  a step of jax takes {of_jax / of_tensorflow:.2f} times "
                f"that of tensorflow ({of_jax:,.1f} and {of_tensorflow:,.1f} ms)"
            )
    return lines


def draw(
    series: Sequence[Series], ceilings: Mapping[str, float], experiment: str, path: Path
) -> None:
    """Draws examples per second against batch size, both logarithmic, and saves the figure.

    Args:
        series: what was measured; the range of the rounds is shaded.
        ceilings: examples per second at most by the name of a line.
        experiment: names it in the title.
        path: where to save it, as SVG.
    """
    import matplotlib
    from matplotlib.figure import Figure

    devices = list(dict.fromkeys(each.device for each in series))
    sizes = sorted({row.batch_size for each in series for row in each.rows})
    with matplotlib.rc_context(_DRAWN):
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.add_subplot(xscale="log", yscale="log")
        axes.set(xlabel="batch size", ylabel="examples / s")
        axes.set_title(f"{experiment} on {' and '.join(devices)}")
        for each in series:
            device = f", {each.device}" if len(devices) > 1 else ""
            for dtype, measured in each.lines().items():
                _draw_measured(axes, f"{each.backend}, {dtype}{device}", each.backend, measured)
        highest_first = sorted(ceilings.items(), key=lambda item: -item[1])
        for (name, rate), style in zip(highest_first, _STYLES, strict=False):
            label = f"{name}:\n{rate:,.0f} at most"
            axes.axhline(rate, linestyle=style, color=_GREY, linewidth=1, label=label)
        _set_ticks(axes, sizes)
        axes.grid(alpha=0.3)
        figure.legend(loc="outside right upper", frameon=False, fontsize=9)
        with replacing(path) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None})


def _draw_measured(axes: Any, label: str, backend: str, rows: Sequence[Measurement]) -> None:
    """Draws the medians of a dtype as a line, and the range of the rounds around it."""
    if not rows:
        return
    sizes = [row.batch_size for row in rows]
    medians = [median(row.examples_per_sec) for row in rows]
    lowest = [min(row.examples_per_sec) for row in rows]
    highest = [max(row.examples_per_sec) for row in rows]
    colour = COLOURS[rows[0].dtype]
    dash, mark = BACKENDS[backend]
    axes.plot(sizes, medians, linestyle=dash, marker=mark, color=colour, label=label)
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
