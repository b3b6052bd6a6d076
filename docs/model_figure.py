"""Draws docs/model.svg: the network of one experiment, every size as the code gives it.

python docs/model_figure.py
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.path import Path as Line

import configs
from configs import Config

NAME = "urmp_labels"
SVG = Path(__file__).with_name("model.svg")
SETTINGS: dict[str, Any] = {
    "svg.hashsalt": "model",  # the same bytes every time
    "svg.fonttype": "none",  # text stays text: it can be searched, and tests/project/test_docs.py reads it
    "font.family": "sans-serif",
    "font.sans-serif": [
        "DejaVu Sans",
        "Verdana",
        "Arial",
    ],  # the widest first: no other fills more of its box
    "font.size": 10.0,
}

# Inches, y growing downwards: 8 inches shown 800 pixels wide make 10 points 14 pixels.
WIDTH, MARGIN, ROW_HEIGHT, BOX_WIDTH, BOX_HEIGHT, STAGGER = 8.0, 0.2, 0.5, 2.15, 0.28, 0.07
BOTTLENECK_WIDTH, LINE_HEIGHT = 2.7, 0.225
LEFT, RIGHT = (
    MARGIN + BOX_WIDTH / 2,
    WIDTH - MARGIN - BOX_WIDTH / 2,
)  # the middles of the outermost boxes
ESTIMATES_ROW, HEADS_ROW, MIXTURE_ROW = (
    0,
    1,
    2,
)  # level i is row MIXTURE_ROW + i, the bottleneck the one below

DOWN, UP, PLAIN = (
    ("#d6e6f5", "#2a6496"),
    ("#fce3c8", "#a85d12"),
    ("#ececec", "#555555"),
)  # face and edge
GREY, PURPLE = "#555555", "#8a1f8a"


class Drawing:
    """A figure with boxes on rows and arrows between them."""

    def __init__(self, num_rows: int) -> None:
        height = num_rows * ROW_HEIGHT + 2 * MARGIN
        self.figure = Figure(figsize=(WIDTH, height), facecolor="white")
        self.axes = self.figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
        self.axes.set_axis_off()

    def text(self, x: float, y: float, text: str, **style: Any) -> None:
        """Text that begins at ``x``, or as its style says, with its middle at ``y``."""
        self.axes.text(x, y, text, va="center_baseline", zorder=4, **style)

    def box(
        self, x: float, row: float, text: str, colours: tuple[str, str], width: float = BOX_WIDTH
    ) -> None:
        """A box around ``x`` on a row."""
        face, edge = colours
        corner = (x - width / 2, middle(row) - BOX_HEIGHT / 2)
        self.axes.add_patch(
            Rectangle(corner, width, BOX_HEIGHT, facecolor=face, edgecolor=edge, zorder=2)
        )
        self.text(x, middle(row), text, ha="center")

    def arrow(self, points: Sequence[tuple[float, float]]) -> None:
        """A line through all points, with a head at the last."""
        style = "-|>,head_length=4,head_width=2.2"
        self.axes.add_patch(
            FancyArrowPatch(path=Line(points), arrowstyle=style, color=GREY, zorder=1)
        )

    def downwards(self, x: float, row: float) -> tuple[float, float]:
        """An arrow from the box of a row to that of the next; returns a place on it."""
        start, end = middle(row) + BOX_HEIGHT / 2, middle(row + 1) - BOX_HEIGHT / 2
        self.arrow([(x, start), (x, end)])
        return x, start + 0.36 * (end - start)

    def upwards(self, x: float, row: float) -> tuple[float, float]:
        """An arrow from the box of a row to that of the row before; returns a place on it."""
        start, end = middle(row) - BOX_HEIGHT / 2, middle(row - 1) + BOX_HEIGHT / 2
        self.arrow([(x, start), (x, end)])
        return x, start + 0.36 * (end - start)

    def crop(self, inwards: float, row: float, text: str) -> None:
        """An arrow from the left box of a row to its right one."""
        start, end, y = LEFT + inwards + BOX_WIDTH / 2, RIGHT - inwards - BOX_WIDTH / 2, middle(row)
        self.arrow([(start, y), (end, y)])
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 2}
        self.text((start + end) / 2, y, text, ha="center", bbox=behind)

    def labels(self, place: tuple[float, float], chosen: bool, text: str = "") -> None:
        """A diamond where labels may enter, filled where they do."""
        face = PURPLE if chosen else "white"
        self.axes.plot(
            *place, "D", markersize=5.5, markerfacecolor=face, markeredgecolor=PURPLE, zorder=3
        )
        self.text(place[0] + 0.13, place[1], text, color=PURPLE)


def middle(row: float) -> float:
    """The height of the middle of a row."""
    return MARGIN + (row + 0.5) * ROW_HEIGHT


def size(frames: int, features: int) -> str:
    """A tensor as the figure writes it."""
    return f"{frames} × {features}"  # noqa: RUF001


def draw(config: Config) -> Figure:
    """The figure of a network with valid padding and direct heads."""
    with matplotlib.rc_context(SETTINGS):
        drawing = Drawing(MIXTURE_ROW + config.model.num_levels + 2)
        _legend(drawing, config)
        _ends(drawing, config)
        for level in range(1, config.model.num_levels + 1):
            _level(drawing, config, level)
        _bottleneck(drawing, config)
    return drawing.figure


def _legend(drawing: Drawing, config: Config) -> None:
    """What the figure shows, on the rows that the left column leaves free."""
    model = config.model
    y = MARGIN + LINE_HEIGHT / 2
    drawing.text(
        MARGIN, y, "Frames × features that enter (left) or leave (right) a level", weight="bold"
    )  # noqa: RUF001
    down = f"down: convolve ({model.down_kernel} taps), crop the skip, send every second frame on"
    up = f"up: upsample by 2, append the skip, convolve ({model.up_kernel} taps)"
    drawing.text(MARGIN, y + LINE_HEIGHT, down)
    drawing.text(MARGIN, y + 2 * LINE_HEIGHT, up)
    drawing.labels((MARGIN + 0.06, y + 3 * LINE_HEIGHT), True, "labels enter here")
    drawing.labels((MARGIN + 1.8, y + 3 * LINE_HEIGHT), False, "they may enter here instead")


def _ends(drawing: Drawing, config: Config) -> None:
    """The mixture on the left; on the right what follows the last level."""
    model, num_channels, num_slots = config.model, config.audio.channels, len(config.data.sources)
    mixture_frames, frames = model.geometry().mixture_frames, model.estimate_frames
    drawing.box(LEFT, MIXTURE_ROW, f"mixture: {size(mixture_frames, num_channels)}", PLAIN)
    drawing.labels(drawing.downwards(LEFT, MIXTURE_ROW), model.conditioned_at == "input", "input")
    drawing.crop(0, MIXTURE_ROW, f"crop to {size(frames, num_channels)}")
    drawing.box(
        RIGHT, MIXTURE_ROW, f"+ mixture: {size(frames, num_channels + model.num_filters)}", PLAIN
    )
    drawing.labels(drawing.upwards(RIGHT, MIXTURE_ROW), model.conditioned_at == "heads", "heads")
    drawing.box(
        RIGHT,
        HEADS_ROW,
        f"heads ({model.head_activation}): {size(frames, num_slots * num_channels)}",
        UP,
    )
    drawing.labels(drawing.upwards(RIGHT, HEADS_ROW), model.gate_heads, "gate")
    drawing.box(RIGHT, ESTIMATES_ROW, f"{num_slots} estimates: {size(frames, num_channels)}", PLAIN)


def _level(drawing: Drawing, config: Config, level: int) -> None:
    """A row of the U and its arrows to the rows above and, but for the bottleneck, below."""
    model, geometry = config.model, config.model.window()
    row, inwards, features = MIXTURE_ROW + level, STAGGER * (level - 1), model.num_filters * level
    entering = features - model.num_filters if level > 1 else config.audio.channels
    skip_frames = geometry.skip_frames(level)
    drawing.box(
        LEFT + inwards, row, f"down_{level}: {size(geometry.encoder_frames(level), entering)}", DOWN
    )
    drawing.crop(inwards, row, f"crop to {size(skip_frames, features)}")
    drawing.box(
        RIGHT - inwards, row, f"up_{level}: {size(skip_frames - model.up_kernel + 1, features)}", UP
    )
    if level < model.num_levels:
        drawing.downwards(LEFT + inwards + STAGGER / 2, row)
    place = drawing.upwards(RIGHT - max(0.0, inwards - STAGGER / 2), row)
    drawing.labels(place, model.conditioned_at == "decoder", "decoder" if level == 1 else "")


def _bottleneck(drawing: Drawing, config: Config) -> None:
    """The bottom of the U."""
    model, geometry = config.model, config.model.window()
    row, inwards = MIXTURE_ROW + model.num_levels + 1, STAGGER * (model.num_levels - 1)
    entering = size(
        geometry.encoder_frames(model.num_levels + 1), model.num_filters * model.num_levels
    )
    leaving = size(geometry.bottleneck_frames, model.num_filters * (model.num_levels + 1))
    y, below = middle(row), middle(row - 1) + BOX_HEIGHT / 2
    drawing.arrow(
        [(LEFT + inwards, below), (LEFT + inwards, y), (WIDTH / 2 - BOTTLENECK_WIDTH / 2, y)]
    )
    drawing.box(WIDTH / 2, row, f"bottleneck: {entering} → {leaving}", PLAIN, BOTTLENECK_WIDTH)
    drawing.arrow(
        [(WIDTH / 2 + BOTTLENECK_WIDTH / 2, y), (RIGHT - inwards, y), (RIGHT - inwards, below)]
    )
    drawing.labels((RIGHT - inwards, y), model.conditioned_at == "bottleneck", "bottleneck")


def main() -> None:
    """Write the figure beside this file."""
    with matplotlib.rc_context(SETTINGS):
        figure = draw(configs.load(NAME))
        figure.savefig(
            SVG, metadata={"Date": None, "Creator": None, "Title": f"The network of {NAME}"}
        )


if __name__ == "__main__":
    main()
