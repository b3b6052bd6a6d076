"""Holds what a report says, apart from how it looks: text, tables, figures and sounds in sections.

HTML, Markdown (evaluation.document.render) and JSON (evaluation.document.as_json) are made of one
document, so that their numbers are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from markupsafe import Markup

from evaluation.document.numbers import (
    BLANK,
    decibels,
    percent,
    percentage_points,
    signed_decibels,
)
from evaluation.document.rating_form import RatingForm
from evaluation.document.spectrograms import Spectrograms
from evaluation.scores.bootstrap import Interval

# How the value of a cell is printed: as a level, a difference of levels, the same of ratings, a
# share from 0 to 1 in percent, a difference of shares in percentage points, a whole number, a
# p-value, or as it is.
Kind = Literal[
    "db",
    "signed_db",
    "points",
    "signed_points",
    "share",
    "signed_share",
    "count",
    "p",
    "text",
]
# The cell to look at, one that it is set beside, or any other.
Role = Literal["key", "base", ""]


@dataclass(frozen=True)
class Cell:
    """Holds a number of a table with what belongs to it, or a word."""

    # None is printed as a blank.
    value: float | str | None
    kind: Kind = "db"
    # How many values are behind it.
    n: int | None = None
    # Which part of all rows it counts.
    share: float | None = None
    interval: Interval | None = None
    role: Role = ""
    decimals: int = 1

    @property
    def text(self) -> str:
        """Returns the number as it is printed."""
        if self.value is None:
            return BLANK
        if isinstance(self.value, str):
            return self.value
        if self.kind == "count":
            return f"{self.value:,.0f}"
        if self.kind != "p":
            return self._in_decimals(self.value)
        return f"{self.value:.2g}"

    @property
    def notes(self) -> list[str]:
        """Returns what is printed small beneath it: the interval, the n, the share."""
        notes = []
        if self.interval:
            low = self._in_decimals(self.interval.low)
            high = self._in_decimals(self.interval.high)
            notes.append(f"{low} to {high}")
        # The n of a blank cell is 0, which the blank says already.
        if self.n is not None and self.value is not None:
            notes.append(f"{self.n:,}")
        if self.share is not None:
            notes.append(f"{self.share:.1%}")
        return notes

    def _in_decimals(self, value: float) -> str:
        if self.kind == "share":
            return percent(value, self.decimals)
        if self.kind == "signed_share":
            return percentage_points(value, self.decimals)
        if self.kind.startswith("signed"):
            return signed_decibels(value, self.decimals)
        return decibels(value, self.decimals)


@dataclass(frozen=True)
class Column:
    """Is the head of a column, beneath that of a group of columns where it has one."""

    title: str
    group: str = ""
    is_text: bool = False


@dataclass(frozen=True)
class Line:
    """Is a row of a table; the label stands small beside the name."""

    name: str
    cells: Sequence[Cell]
    label: str = ""


@dataclass(frozen=True)
class Table:
    """Holds lines in groups, its bodies."""

    kind: ClassVar[str] = "table"
    key: str
    # The head of the first column, that of the names of the lines.
    names: str
    columns: Sequence[Column]
    bodies: Sequence[Sequence[Line]]
    # Whether the last body sums up the others.
    has_total: bool = False

    @property
    def heads(self) -> list[list[Column]]:
        """Returns the columns in lists, those side by side under one head in the same one."""
        heads: list[list[Column]] = []
        for column in self.columns:
            if column.group and heads and heads[-1][0].group == column.group:
                heads[-1].append(column)
            else:
                heads.append([column])
        return heads

    @property
    def lines(self) -> list[Line]:
        """Returns the lines of all bodies in order."""
        return [line for body in self.bodies for line in body]


@dataclass(frozen=True)
class Text:
    """Is a paragraph."""

    kind: ClassVar[str] = "text"
    text: str
    role: Literal["", "note", "lead", "banner"] = ""
    # The part of the text that stands out.
    strong: str = ""


@dataclass(frozen=True)
class Items:
    """Is a list; one with a title is a warning."""

    kind: ClassVar[str] = "items"
    items: Sequence[str]
    title: str = ""


@dataclass(frozen=True)
class Terms:
    """Holds words, each with its meaning."""

    kind: ClassVar[str] = "terms"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Code:
    """Holds text to be read by machines; with a title it is folded."""

    kind: ClassVar[str] = "code"
    text: str
    title: str = ""


@dataclass(frozen=True)
class Panel:
    """Is a figure."""

    key: str
    title: str
    # None where there is no value to draw.
    svg: Markup | None
    # The same in words, for who does not see the drawing.
    alternative: str
    # What is beneath it: counts of what the drawing leaves out, ends of curves.
    caption: str


@dataclass(frozen=True)
class Figures:
    """Holds panels that stand side by side; wide ones beneath each other."""

    kind: ClassVar[str] = "figures"
    panels: Sequence[Panel]
    are_wide: bool = False


@dataclass(frozen=True)
class Take:
    """Is one of the sounds of a clip, with its spectrogram."""

    name: str
    # This and the picture are data URIs, so that the page needs no other file.
    sound: str
    picture: str
    # The picture in words.
    alternative: str
    # How the level of the sound was changed.
    note: str
    # What its ratings are saved under: ``RecordedClip.key_of``. Empty where it takes none.
    rated_as: str = ""


@dataclass(frozen=True)
class Clip:
    """Holds takes of the same seconds."""

    key: str
    title: str
    note: str
    numbers: Sequence[tuple[str, Cell]]
    # Takes that are named at all times ...
    known: Sequence[Take]
    # ... and takes that a listener can have shuffled, to judge them blindly.
    judged: Sequence[Take]
    # Where the scored segment begins and ends, as shares of the length.
    mark: tuple[float, float] | None
    # Frequencies, each with how far up the pictures it lies as a share of their height.
    ticks: Sequence[tuple[str, float]]
    # This and the next two: of what is heard, for the table of ratings.
    track: str
    source: str
    start_secs: float
    # What training changed, where it is known.
    spectrograms: Spectrograms | None = None


@dataclass(frozen=True)
class Clips:
    """Holds clips, one below the other under a title."""

    kind: ClassVar[str] = "clips"
    title: str
    clips: Sequence[Clip]


Block = Table | Text | Items | Terms | Code | Figures | Clips | RatingForm


@dataclass(frozen=True)
class Section:
    """Is a part of the document; ``short`` names it in the list of contents."""

    key: str
    title: str
    short: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """Is a report: what stands before the list of contents, and the sections after it."""

    title: str
    subtitle: str
    head: Sequence[Block]
    sections: Sequence[Section] = ()
    # Its few figures for a table of several runs, each under a title.
    summary: Sequence[tuple[str, Cell]] = ()
