"""Draws how a run learnt: its loss, and what it was worth in validation."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes

from evaluation.document import svg
from evaluation.document.numbers import decibels
from evaluation.document.parts import Block, Figures, Panel, Text
from trainer.loop.metrics import read_metrics

# In CSS pixels.
_WIDTH = 360
_HEIGHT = 200
# Room for a power of ten or a number of decibels at the left, and half a step at the right.
_MARGINS = svg.Margins(left=48, right=24, top=6, bottom=40)
_FIGURES = {"loss": "Loss", "improvement": "SNR improvement over the mixture in validation, dB"}
_KINDS = {"train": "In training", "valid": "In validation"}
# Of a curve; more would be bytes that no eye tells apart.
_MAX_POINTS = 1000
# Runs have one colour, as the page has one for networks; their curves differ by dashes.
_DASHES = ("-", "--", ":", "-.")

# Pairs of a step and a value.
Points = list[tuple[int, float]]


def training_blocks(lines: Sequence[Mapping[str, Any]], step: int) -> list[Block]:
    """Draws the loss of a run, and its improvement in validation, as far as there are any.

    Args:
        lines: of ``metrics.jsonl``, as trainer.loop.progress writes them.
        step: the one whose checkpoint was evaluated, marked in the figures.
    """
    panels = []
    for figure in _FIGURES:
        by_kind = {kind: _points(lines, kind, figure) for kind in _KINDS}
        if any(by_kind.values()):
            panels.append(_panel(figure, by_kind, step))
    if not panels:
        return []
    note = (
        "Grey: in training, averaged over the steps of a call to the device. Coloured, with dots: "
        "in validation."
    )
    return [Text(note, "note"), Figures(panels)]


def read(folder: Path) -> list[dict[str, Any]]:
    """Reads the lines of the run that a folder of scores, WORKDIR/evaluation/STEP-SPLIT, is of.

    There are none where the folder lies elsewhere.
    """
    if folder.parent.name != "evaluation":
        return []
    return read_metrics(str(folder.parent.parent))


def make_common_panel(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Panel | None:
    """Draws the improvement in validation of several runs, each curve named at its end.

    Args:
        runs: name -> lines of ``metrics.jsonl``.

    Returns:
        None where no run has an improvement.
    """
    curves = {name: _points(lines, "valid", "improvement") for name, lines in runs.items()}
    curves = {name: points for name, points in curves.items() if points}
    if not curves:
        return None
    ends = []
    for name, points in curves.items():
        last_step, last_value = points[-1]
        ends.append(f"{name} {decibels(last_value)} dB at step {last_step:,}")
    title = _FIGURES["improvement"]
    caption = f"At the end: {'; '.join(ends)}."
    return Panel("curves", title, _draw_common(curves), f"Curves of {title}. {caption}", caption)


def _draw_common(curves: Mapping[str, Points]) -> Markup:
    with svg.drawing(_WIDTH, _HEIGHT) as (drawing, axes):
        dashes = itertools.cycle(_DASHES)
        for name, points in curves.items():
            axes.plot(
                [step for step, _ in points],
                [value for _, value in points],
                next(dashes),
                color=svg.MODEL,
                marker="o",
                markersize=3,
                linewidth=1.4,
            )
            # A name with a dollar sign is no formula, hence parse_math.
            axes.annotate(
                name,
                points[-1],
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                parse_math=False,
            )
        # Room for the names at the right.
        axes.margins(x=0.15)
        _dress(axes)
        return svg.make_svg(drawing, "curves")


def _points(lines: Sequence[Mapping[str, Any]], kind: str, figure: str) -> Points:
    own = [line for line in lines if line.get("kind") == kind]
    return [(line["step"], line[figure]) for line in own if line.get(figure) is not None]


def _panel(figure: str, by_kind: Mapping[str, Points], step: int) -> Panel:
    title = _FIGURES[figure]
    ends = []
    for kind, points in by_kind.items():
        if points:
            first_step, first_value = points[0]
            last_step, last_value = points[-1]
            ends.append(
                f"{_KINDS[kind]} from {_show(figure, first_value)} at step {first_step:,} "
                f"to {_show(figure, last_value)} at step {last_step:,}"
            )
    caption = f"{'. '.join(ends)}. The upright line is the step that was evaluated, {step:,}."
    drawn = _draw(figure, by_kind, step)
    return Panel(f"curve-{figure}", title, drawn, f"Curve of {title}: {caption}", caption)


def _show(figure: str, value: float) -> str:
    if figure == "loss":
        return f"{value:.2e}"
    return f"{decibels(value)} dB"


def _draw(figure: str, by_kind: Mapping[str, Points], step: int) -> Markup:
    with svg.drawing(_WIDTH, _HEIGHT, _MARGINS) as (drawing, axes):
        # Training is grey. Validation comes rarely, so that its points are marked.
        _draw_curve(axes, by_kind["train"], svg.MIXTURE, marker="")
        _draw_curve(axes, by_kind["valid"], svg.MODEL, marker="o")
        # Behind the curves.
        axes.axvline(step, color=svg.INK, linewidth=0.8, zorder=1)
        values = [value for points in by_kind.values() for _, value in points]
        # A logarithm needs numbers above zero, which a loss in dB need not be.
        if figure == "loss" and min(values) > 0:
            axes.set_yscale("log")
        _dress(axes)
        return svg.make_svg(drawing, f"curve-{figure}")


def _draw_curve(axes: Axes, points: Points, colour: str, marker: str) -> None:
    shown = points[:: max(len(points) // _MAX_POINTS, 1)]
    if shown:
        axes.plot(
            [step for step, _ in shown],
            [value for _, value in shown],
            color=colour,
            linewidth=1.4,
            marker=marker,
            markersize=4,
        )


def _dress(axes: Axes) -> None:
    axes.set_xlabel("step")
    axes.grid(color=svg.GRID, linewidth=0.8)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
