"""What a report says, apart from how it looks: sections of text, tables, figures and sounds.

HTML, Markdown (evaluation.document.render) and JSON (evaluation.document.as_json) are made of one document, so that their numbers are the
same ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from markupsafe import Markup

from evaluation.scores.bootstrap import Interval

BLANK = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"
_MAX_DB = 100.0  # a score beyond it is rounding

Kind = Literal["db", "gain", "count", "p", "text"]
Role = Literal["", "key", "base"]  # the figure to look at, or what it is to be set beside


def decibels(value: float | None, decimals: int = 1) -> str:
    """How a level is printed: a true minus sign, a dash for blank, nothing beyond 100 dB, which is rounding."""
    if value is None:
        return BLANK
    if abs(value) > _MAX_DB:
        return f"< {_MINUS}100" if value < 0 else "> 100"
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace(
        "-", _MINUS
    )  # adding zero turns -0.0 into 0.0


def gain(value: float | None, decimals: int = 1) -> str:
    """A difference in dB, with its sign."""
    text = decibels(value, decimals)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.") else text


def plain(value: float) -> str:
    """A number of a text, as short as it can be."""
    return f"{value:g}".replace("-", _MINUS)


def count(number: int, noun: str) -> str:
    """``1 track``, ``2 tracks``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


@dataclass(frozen=True)
class Cell:
    """A number of a table with what belongs to it, or a word."""

    value: float | str | None  # None: blank
    kind: Kind = "db"
    n: int | None = None  # values behind it
    share: float | None = None  # of all rows
    interval: Interval | None = None
    role: Role = ""
    decimals: int = 1

    @property
    def text(self) -> str:
        """The number as it is printed."""
        if self.value is None:
            return BLANK
        if isinstance(self.value, str):
            return self.value
        if self.kind in ("db", "gain"):
            return (gain if self.kind == "gain" else decibels)(self.value, self.decimals)
        return f"{self.value:,.0f}" if self.kind == "count" else f"{self.value:.2g}"

    @property
    def notes(self) -> list[str]:
        """What is printed small beneath it: the interval, the n, the share."""
        notes = []
        if self.interval:
            show = gain if self.kind == "gain" else decibels
            notes.append(
                " to ".join(
                    show(bound, self.decimals) for bound in (self.interval.low, self.interval.high)
                )
            )
        if self.n is not None and self.value is not None:
            notes.append(f"{self.n:,}")
        if self.share is not None:
            notes.append(f"{self.share:.1%}")
        return notes


@dataclass(frozen=True)
class Column:
    """The head of a column, under that of a group of columns where it has one."""

    title: str
    group: str = ""
    is_text: bool = False


@dataclass(frozen=True)
class Line:
    """A row of a table; the label stands small beside the name."""

    name: str
    cells: Sequence[Cell]
    label: str = ""


@dataclass(frozen=True)
class Table:
    """Bodies are groups of lines; where ``has_total``, the last one sums up the others."""

    kind: ClassVar[str] = "table"
    key: str
    names: str  # the head of the first column
    columns: Sequence[Column]
    bodies: Sequence[Sequence[Line]]
    has_total: bool = False

    @property
    def heads(self) -> list[list[Column]]:
        """The columns, those side by side under one head together; a column without a group is a list of its own."""
        heads: list[list[Column]] = []
        for column in self.columns:
            if column.group and heads and heads[-1][0].group == column.group:
                heads[-1].append(column)
            else:
                heads.append([column])
        return heads

    @property
    def lines(self) -> list[Line]:
        """All lines in order."""
        return [line for body in self.bodies for line in body]


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str
    role: Literal["", "note", "lead", "banner"] = ""
    strong: str = ""  # the part of the text that stands out


@dataclass(frozen=True)
class Items:
    """A list; with a title, one that warns."""

    kind: ClassVar[str] = "items"
    items: Sequence[str]
    title: str = ""


@dataclass(frozen=True)
class Terms:
    """Words and what they mean."""

    kind: ClassVar[str] = "terms"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Code:
    """Text to be read by machines; with a title it is folded."""

    kind: ClassVar[str] = "code"
    text: str
    title: str = ""


@dataclass(frozen=True)
class Panel:
    """A figure. The caption counts what the drawing leaves out."""

    key: str
    title: str
    svg: Markup | None  # None: there is no value to draw
    alternative: str  # what it shows, in words
    caption: str


@dataclass(frozen=True)
class Figures:
    """Panels side by side."""

    kind: ClassVar[str] = "figures"
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Take:
    """One of the sounds of a clip, with what it looks like."""

    name: str
    sound: str  # data URI
    picture: str  # data URI
    alternative: str  # of the picture
    note: str  # how its level was changed


@dataclass(frozen=True)
class Clip:
    """Takes of the same seconds: those that are what they are, and those that can be shuffled to be judged blindly."""

    key: str
    title: str
    note: str
    numbers: Sequence[tuple[str, Cell]]
    known: Sequence[Take]
    judged: Sequence[Take]
    mark: (
        tuple[float, float] | None
    )  # where the scored segment begins and ends, as shares of the length
    ticks: Sequence[
        tuple[str, float]
    ]  # frequencies, and how far up the pictures they lie, as a share


@dataclass(frozen=True)
class Clips:
    """Clips one below the other, under a title."""

    kind: ClassVar[str] = "clips"
    title: str
    clips: Sequence[Clip]


Block = Table | Text | Items | Terms | Code | Figures | Clips


@dataclass(frozen=True)
class Section:
    """A part of the document; ``short`` names it in the list of contents."""

    key: str
    title: str
    short: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """A report."""

    title: str
    subtitle: str
    head: Sequence[Block]
    sections: Sequence[Section] = field(default=())
