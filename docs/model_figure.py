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
    # The same bytes every time.
    "svg.hashsalt": "model",
    # Text stays text: it can be searched, and tests/project/test_docs.py reads it.
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    # The widest first: no other fills more of its box.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "font.size": 10.0,
}

# Inches, y growing downwards: 8 inches shown 800 pixels wide make 10 points 14 pixels.
WIDTH = 8.0
MARGIN = 0.2
ROW_HEIGHT = 0.5
BOX_WIDTH = 2.15
BOX_HEIGHT = 0.28
# From one level to the next, inwards.
STAGGER = 0.07
BOTTLENECK_WIDTH = 2.7
LINE_HEIGHT = 0.225
# The middles of the outermost boxes.
LEFT = MARGIN + BOX_WIDTH / 2
RIGHT = WIDTH - MARGIN - BOX_WIDTH / 2
# Level i is row MIXTURE_ROW + i, the bottleneck the one below.
ESTIMATES_ROW = 0
HEADS_ROW = 1
MIXTURE_ROW = 2

# Face and edge of a box.
DOWN = ("#d6e6f5", "#2a6496")
UP = ("#fce3c8", "#a85d12")
PLAIN = ("#ececec", "#555555")
GREY = "#555555"
PURPLE = "#8a1f8a"

Point = tuple[float, float]


class Drawing:
    """Is a figure with boxes on rows and arrows between them."""

    def __init__(self, num_rows: int) -> None:
        height = num_rows * ROW_HEIGHT + 2 * MARGIN
        self.figure = Figure(figsize=(WIDTH, height), facecolor="white")
        self.axes = self.figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
        self.axes.set_axis_off()

    def text(self, x: float, y: float, text: str, **style: Any) -> None:
        """Writes text that begins at ``x``, or as its style says, with its middle at ``y``."""
        self.axes.text(x, y, text, va="center_baseline", zorder=4, **style)

    def box(
        self, x: float, row: float, text: str, colours: tuple[str, str], width: float = BOX_WIDTH
    ) -> None:
        """Draws a box around ``x`` on a row."""
        face, edge = colours
        corner = (x - width / 2, middle(row) - BOX_HEIGHT / 2)
        box = Rectangle(corner, width, BOX_HEIGHT, facecolor=face, edgecolor=edge, zorder=2)
        self.axes.add_patch(box)
        self.text(x, middle(row), text, ha="center")

    def arrow(self, points: Sequence[Point]) -> None:
        """Draws a line through all points, with a head at the last."""
        style = "-|>,head_length=4,head_width=2.2"
        line = FancyArrowPatch(path=Line(points), arrowstyle=style, color=GREY, zorder=1)
        self.axes.add_patch(line)

    def downwards(self, x: float, row: float) -> Point:
        """Draws an arrow from the box of a row to that of the next; returns a point on it."""
        start = middle(row) + BOX_HEIGHT / 2
        end = middle(row + 1) - BOX_HEIGHT / 2
        return self._vertical(x, start, end)

    def upwards(self, x: float, row: float) -> Point:
        """Draws an arrow from the box of a row to that of the row before; returns a point on it."""
        start = middle(row) - BOX_HEIGHT / 2
        end = middle(row - 1) + BOX_HEIGHT / 2
        return self._vertical(x, start, end)

    def _vertical(self, x: float, start: float, end: float) -> Point:
        self.arrow([(x, start), (x, end)])
        # Nearer to the tail, so that a diamond there does not hide the head.
        return x, start + 0.36 * (end - start)

    def crop(self, inwards: float, row: float, text: str) -> None:
        """Draws an arrow from the left box of a row to its right one."""
        start = LEFT + inwards + BOX_WIDTH / 2
        end = RIGHT - inwards - BOX_WIDTH / 2
        y = middle(row)
        self.arrow([(start, y), (end, y)])
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 2}
        self.text((start + end) / 2, y, text, ha="center", bbox=behind)

    def labels(self, point: Point, chosen: bool, text: str = "") -> None:
        """Draws a diamond where labels may enter, filled where they do."""
        x, y = point
        face = PURPLE if chosen else "white"
        self.axes.plot(
            x, y, "D", markersize=5.5, markerfacecolor=face, markeredgecolor=PURPLE, zorder=3
        )
        self.text(x + 0.13, y, text, color=PURPLE)


def middle(row: float) -> float:
    """Returns the height of the middle of a row."""
    return MARGIN + (row + 0.5) * ROW_HEIGHT


def size(frames: int, features: int) -> str:
    """Returns a tensor's size as the figure writes it."""
    return f"{frames} × {features}"  # noqa: RUF001


def draw(config: Config) -> Figure:
    """Returns the figure of a network with valid padding and direct heads."""
    with matplotlib.rc_context(SETTINGS):
        drawing = Drawing(MIXTURE_ROW + config.model.num_levels + 2)
        _legend(drawing, config)
        _ends(drawing, config)
        for level in range(1, config.model.num_levels + 1):
            _level(drawing, config, level)
        _bottleneck(drawing, config)
    return drawing.figure


def _legend(drawing: Drawing, config: Config) -> None:
    """Says what the figure shows, on the rows that the left column leaves free."""
    model = config.model
    y = MARGIN + LINE_HEIGHT / 2
    title = "Frames × features that enter (left) or leave (right) a level"  # noqa: RUF001
    drawing.text(MARGIN, y, title, weight="bold")
    down = f"down: convolve ({model.down_kernel} taps), crop the skip, send every second frame on"
    up = f"up: upsample by 2, append the skip, convolve ({model.up_kernel} taps)"
    drawing.text(MARGIN, y + LINE_HEIGHT, down)
    drawing.text(MARGIN, y + 2 * LINE_HEIGHT, up)
    drawing.labels((MARGIN + 0.06, y + 3 * LINE_HEIGHT), True, "labels enter here")
    drawing.labels((MARGIN + 1.8, y + 3 * LINE_HEIGHT), False, "they may enter here instead")


def _ends(drawing: Drawing, config: Config) -> None:
    """Draws the mixture on the left, and on the right what follows the last level."""
    model = config.model
    num_channels = config.audio.channels
    num_slots = len(config.data.sources)
    mixture_frames = model.window().mixture_frames
    frames = model.estimate_frames
    drawing.box(LEFT, MIXTURE_ROW, f"mixture: {size(mixture_frames, num_channels)}", PLAIN)
    drawing.labels(drawing.downwards(LEFT, MIXTURE_ROW), model.conditioned_at == "input", "input")
    drawing.crop(0, MIXTURE_ROW, f"crop to {size(frames, num_channels)}")
    with_mixture = size(frames, num_channels + model.num_filters)
    drawing.box(RIGHT, MIXTURE_ROW, f"+ mixture: {with_mixture}", PLAIN)
    drawing.labels(drawing.upwards(RIGHT, MIXTURE_ROW), model.conditioned_at == "heads", "heads")
    heads = size(frames, num_slots * num_channels)
    drawing.box(RIGHT, HEADS_ROW, f"heads ({model.head_activation}): {heads}", UP)
    drawing.labels(drawing.upwards(RIGHT, HEADS_ROW), model.gate_heads, "gate")
    drawing.box(RIGHT, ESTIMATES_ROW, f"{num_slots} estimates: {size(frames, num_channels)}", PLAIN)


def _level(drawing: Drawing, config: Config, level: int) -> None:
    """Draws a row of the U and its arrows to the rows above and, save for the last, below."""
    model = config.model
    window = model.window()
    row = MIXTURE_ROW + level
    inwards = STAGGER * (level - 1)
    features = model.num_filters * level
    entering = features - model.num_filters if level > 1 else config.audio.channels
    skip_frames = window.skip_frames(level)
    down = size(window.encoder_frames(level), entering)
    up = size(window.decoder_frames(level), features)
    drawing.box(LEFT + inwards, row, f"down_{level}: {down}", DOWN)
    drawing.crop(inwards, row, f"crop to {size(skip_frames, features)}")
    drawing.box(RIGHT - inwards, row, f"up_{level}: {up}", UP)
    if level < model.num_levels:
        drawing.downwards(LEFT + inwards + STAGGER / 2, row)
    point = drawing.upwards(RIGHT - max(0.0, inwards - STAGGER / 2), row)
    drawing.labels(point, model.conditioned_at == "decoder", "decoder" if level == 1 else "")


def _bottleneck(drawing: Drawing, config: Config) -> None:
    """Draws the bottom of the U."""
    model = config.model
    window = model.window()
    num_levels = model.num_levels
    row = MIXTURE_ROW + num_levels + 1
    inwards = STAGGER * (num_levels - 1)
    entering = size(window.encoder_frames(num_levels + 1), model.num_filters * num_levels)
    leaving = size(window.bottleneck_frames, model.num_filters * (num_levels + 1))
    y = middle(row)
    below = middle(row - 1) + BOX_HEIGHT / 2
    left = WIDTH / 2 - BOTTLENECK_WIDTH / 2
    right = WIDTH / 2 + BOTTLENECK_WIDTH / 2
    drawing.arrow([(LEFT + inwards, below), (LEFT + inwards, y), (left, y)])
    drawing.box(WIDTH / 2, row, f"bottleneck: {entering} → {leaving}", PLAIN, BOTTLENECK_WIDTH)
    drawing.arrow([(right, y), (RIGHT - inwards, y), (RIGHT - inwards, below)])
    drawing.labels((RIGHT - inwards, y), model.conditioned_at == "bottleneck", "bottleneck")


def main() -> None:
    """Writes the figure beside this file."""
    metadata = {"Date": None, "Creator": None, "Title": f"The network of {NAME}"}
    with matplotlib.rc_context(SETTINGS):
        figure = draw(configs.load(NAME))
        figure.savefig(SVG, metadata=metadata)


if __name__ == "__main__":
    main()
