"""matplotlib's drawings as SVG that takes its colours and its font from the page around it."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# matplotlib knows no CSS variables: each colour is a stand-in that make_svg replaces by what the page defines.
INK, GRID, MODEL, MIXTURE = "#010203", "#010204", "#010205", "#010206"
_VARIABLES = {INK: "--ink", GRID: "--line", MODEL: "--model", MIXTURE: "--mixture"}
_STYLE = {
    "svg.fonttype": "none",  # text stays text: found by search, drawn in the page's font
    "svg.hashsalt": "figure",  # the same rows give the same bytes
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
_UNITS = 72  # of SVG in an inch


@contextmanager
def drawing(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """A figure of so many CSS pixels with one pair of axes, in the style of the page until the block is done."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width / _UNITS, height / _UNITS), layout="constrained")
        axes = figure.add_subplot()
        axes.tick_params(length=0, which="both")
        axes.spines[:].set_visible(False)
        axes.set_axisbelow(True)
        axes.patch.set_visible(False)
        yield figure, axes


def make_svg(figure: Figure, key: str) -> Markup:
    """The bare element: colours as CSS variables, ids of its own among those of other panels, the size of its place.

    The page carries the text alternative, so the element itself is hidden from screen readers. matplotlib escapes
    the names in it.
    """
    svg = _save(figure)
    _, _, body = svg.partition(
        "</defs>"
    )  # before it: the XML prologue, and a style that would reach the whole page
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    body = re.sub(r"font-family: [^;\"]+", "font-family: inherit", body)
    body = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{key}-", body)
    view_box = re.search(r'viewBox="[^"]+"', svg)
    assert view_box is not None  # matplotlib writes one
    return Markup(f'<svg {view_box[0]} aria-hidden="true" focusable="false">{body.strip()}')


def _save(figure: Figure) -> str:
    figure.patch.set_visible(False)
    text = io.StringIO()
    with warnings.catch_warnings():
        # Only the layout asks matplotlib's own font for a glyph; the browser draws the text with a font that has it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(
            text, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
        )
    return text.getvalue()
