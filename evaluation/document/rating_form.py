"""Holds what a page needs to take ratings of its sounds; the script of the page does the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class RatingForm:
    """Is where a listener saves the ratings of all clips of the page."""

    kind: ClassVar[str] = "ratings"
    # Identifies the sounds of the page.
    page: str
    # Of the table that is saved.
    columns: Sequence[str]
    # Of the parts of the scale, from the lowest on.
    words: Sequence[str]
    # Says what a rating is.
    text: str
