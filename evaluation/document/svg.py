"""Turns matplotlib's drawings into SVG that takes colours and font from the page around it."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# matplotlib knows no CSS variables: each colour is a stand-in, which make_svg replaces by the
# variable that the page defines, so that a figure is dark where the page is.
INK = "#010203"
GRID = "#010204"
MODEL = "#010205"
MIXTURE = "#010206"
_VARIABLES = {INK: "--ink", GRID: "--line", MODEL: "--model", MIXTURE: "--mixture"}

_STYLE = {
    # Text stays text: it is found by search, and drawn in the font of the page.
    "svg.fonttype": "none",
    # The same rows give the same bytes: ids follow from this word, not from chance.
    "svg.hashsalt": "figure",
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}

# matplotlib measures figures in inches, and writes so many units of SVG for each.
_UNITS_PER_INCH = 72


@contextmanager
def drawing(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Yields a figure with one pair of axes; the style of the page holds until the block is done.

    Args:
        width: in CSS pixels.
        height: in CSS pixels.
    """
    size = (width / _UNITS_PER_INCH, height / _UNITS_PER_INCH)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        axes.tick_params(length=0, which="both")
        axes.spines[:].set_visible(False)
        axes.set_axisbelow(True)
        axes.patch.set_visible(False)
        yield figure, axes


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
    with warnings.catch_warnings():
        # Only the layout asks matplotlib's own font for a glyph; the browser draws the text with
        # a font that has it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(text, format="svg", metadata=no_metadata)
    return text.getvalue()
