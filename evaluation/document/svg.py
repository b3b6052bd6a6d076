"""Turns matplotlib's drawings into SVG that takes colours and font from the page around it."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

# matplotlib knows no CSS variables: each colour is a stand-in, which make_svg replaces by the
# variable that the page defines, so that a figure is dark where the page is.
INK = "#010203"
GRID = "#010204"
MODEL = "#010205"
MIXTURE = "#010206"
_VARIABLES = {INK: "--ink", GRID: "--line", MODEL: "--model", MIXTURE: "--mixture"}

_FONT_SIZE = 11
_STYLE = {
    # Text stays text: it is found by search, and drawn in the font of the page.
    "svg.fonttype": "none",
    # The same rows give the same bytes: ids follow from this word, not from chance.
    "svg.hashsalt": "figure",
    "font.size": _FONT_SIZE,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}

# matplotlib measures figures in inches, and writes so many units of SVG for each.
_UNITS_PER_INCH = 72


@dataclass(frozen=True)
class Margins:
    """Holds what lies around a pair of axes, in CSS pixels."""

    left: float
    right: float
    top: float
    bottom: float


@contextmanager
def drawing(
    width: float, height: float, margins: Margins | None = None
) -> Iterator[tuple[Figure, Axes]]:
    """Yields a figure with one pair of axes; the style of the page holds until the block is done.

    Args:
        width: in CSS pixels.
        height: in CSS pixels.
        margins: around the axes; where there are none, matplotlib draws everything once more to
            find out what it needs, which takes as long as the drawing.
    """
    size = (width / _UNITS_PER_INCH, height / _UNITS_PER_INCH)
    with mpl.rc_context(_STYLE):
        if margins is None:
            figure = Figure(figsize=size, layout="constrained")
            axes = figure.add_subplot()
        else:
            figure = Figure(figsize=size)
            # matplotlib wants shares of the figure, from its lower left corner.
            inner_width = width - margins.left - margins.right
            inner_height = height - margins.bottom - margins.top
            axes = figure.add_axes(
                (
                    margins.left / width,
                    margins.bottom / height,
                    inner_width / width,
                    inner_height / height,
                )
            )
        axes.tick_params(length=0, which="both")
        axes.spines[:].set_visible(False)
        axes.set_axisbelow(True)
        axes.patch.set_visible(False)
        yield figure, axes


def text_width(text: str) -> float:
    """Returns how wide matplotlib's own font, a wide one, would draw a label, in CSS pixels."""
    font = FontProperties(size=_FONT_SIZE)
    with _without_glyphs():
        width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width)


def make_svg(figure: Figure, key: str) -> Markup:
    """Returns a figure as a bare element that fits into any page.

    Its colours are CSS variables, and its ids begin with ``key``, so that those of two panels
    differ. The page carries the figure in words, so the element itself is hidden from screen
    readers. matplotlib has escaped the names in it.
    """
    svg = _save(figure)
    # Before it stand the XML prologue, and a style that would reach the whole page.
    _, _, body = svg.partition("</defs>")
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    body = re.sub(r"font-family: [^;\"]+", "font-family: inherit", body)
    # Where an id is given, and the two ways in which one is referred to.
    body = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{key}-", body)
    view_box = re.search(r'viewBox="[^"]+"', svg)
    # matplotlib always writes one. Without width and height the element fills its place.
    assert view_box is not None
    return Markup(f'<svg {view_box[0]} aria-hidden="true" focusable="false">{body.strip()}')


def _save(figure: Figure) -> str:
    figure.patch.set_visible(False)
    text = io.StringIO()
    # Without the date, the same rows give the same bytes.
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with _without_glyphs():
        figure.savefig(text, format="svg", metadata=no_metadata)
    return text.getvalue()


@contextmanager
def _without_glyphs() -> Iterator[None]:
    """Lets matplotlib measure names that its own font has no glyphs for.

    Only the layout asks that font; the browser draws the text with one that has them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
