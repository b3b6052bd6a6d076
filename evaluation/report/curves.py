"""How a run learnt: its loss and what it was worth in validation, from the lines of metrics.jsonl."""

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes

from evaluation.document import svg
from evaluation.document.parts import Panel, decibels

_WIDTH, _HEIGHT = 360, 200  # CSS pixels
_FIGURES = {"loss": "Loss", "improvement": "SNR improvement over the mixture in validation, dB"}
_MAX_POINTS = 1000  # of a line; more would be bytes that no eye tells apart

Points = list[tuple[int, float]]  # step, value


def make_panels(lines: Sequence[Mapping[str, Any]], step: int) -> list[Panel]:
    """A figure of the loss and one of the improvement in validation, as far as there are any.

    Args:
        lines: of ``metrics.jsonl``, see trainer.loop.progress.
        step: the one whose checkpoint was evaluated, marked in the figures.
    """
    panels = []
    for figure, title in _FIGURES.items():
        found = {kind: _points(lines, kind, figure) for kind in ("train", "valid")}
        if any(found.values()):
            panels.append(_panel(figure, title, found, step))
    return panels


def read(folder: Path) -> list[dict[str, Any]]:
    """The lines of the run of a folder of scores, WORKDIR/evaluation/STEP-SPLIT; none where it lies elsewhere."""
    path = folder.parent.parent / "metrics.jsonl"
    if folder.parent.name != "evaluation" or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def make_common_panel(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Panel | None:
    """The improvement in validation of several runs, each line named at its end; None where there is none."""
    found = {
        name: points
        for name, lines in runs.items()
        if (points := _points(lines, "valid", "improvement"))
    }
    if not found:
        return None
    with svg.drawing(_WIDTH, _HEIGHT) as (drawing, axes):
        for dashes, (name, points) in zip(
            itertools.cycle(("-", "--", ":", "-.")), found.items(), strict=False
        ):
            axes.plot(
                *zip(*points, strict=True),
                dashes,
                color=svg.MODEL,
                marker="o",
                markersize=3,
                linewidth=1.4,
            )
            axes.annotate(
                name, points[-1], (6, 0), textcoords="offset points", va="center", parse_math=False
            )
        axes.margins(x=0.15)
        _dress(axes)
        drawn = svg.make_svg(drawing, "curves")
    ends = [
        f"{name} {decibels(points[-1][1])} dB at step {points[-1][0]:,}"
        for name, points in found.items()
    ]
    caption = f"At the end: {'; '.join(ends)}."
    return Panel(
        "curves",
        _FIGURES["improvement"],
        drawn,
        f"Curves of {_FIGURES['improvement']}. {caption}",
        caption,
    )


def _points(lines: Sequence[Mapping[str, Any]], kind: str, figure: str) -> Points:
    return [
        (line["step"], line[figure])
        for line in lines
        if line.get("kind") == kind and line.get(figure) is not None
    ]


def _panel(figure: str, title: str, found: Mapping[str, Points], step: int) -> Panel:
    ends = [
        f"{_NAMES[kind]} from {_show(figure, points[0][1])} at step {points[0][0]:,} "
        f"to {_show(figure, points[-1][1])} at step {points[-1][0]:,}"
        for kind, points in found.items()
        if points
    ]
    caption = f"{'. '.join(ends)}. The upright line is the step that was evaluated, {step:,}."
    return Panel(
        f"curve-{figure}",
        title,
        _draw(figure, found, step),
        f"Curve of {title}: {caption}",
        caption,
    )


_NAMES = {"train": "In training", "valid": "In validation"}


def _show(figure: str, value: float) -> str:
    return f"{value:.2e}" if figure == "loss" else f"{decibels(value)} dB"


def _draw(figure: str, found: Mapping[str, Points], step: int) -> Markup:
    with svg.drawing(_WIDTH, _HEIGHT) as (drawing, axes):
        for kind, colour in (("train", svg.MIXTURE), ("valid", svg.MODEL)):
            points = found[kind][:: max(len(found[kind]) // _MAX_POINTS, 1)]
            if points:
                marker = "o" if kind == "valid" else ""
                axes.plot(
                    *zip(*points, strict=True),
                    color=colour,
                    linewidth=1.4,
                    marker=marker,
                    markersize=4,
                )
        axes.axvline(step, color=svg.INK, linewidth=0.8, zorder=1)
        values = [value for points in found.values() for _, value in points]
        if figure == "loss" and min(values) > 0:
            axes.set_yscale("log")
        _dress(axes)
        return svg.make_svg(drawing, f"curve-{figure}")


def _dress(axes: Axes) -> None:
    axes.set_xlabel("step")
    axes.grid(color=svg.GRID, linewidth=0.8)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
