"""Defines the table of ratings that a page saves (document/report.js writes it), and reads it.

The scale is that of ITU-R BS.1534 (MUSHRA), 0 to 100 in five parts of equal size, which listening
tests of source separation use: Vincent, Araki, Theis et al., "The signal separation evaluation
campaign (2007-2010)", Signal Processing 92 (8), 2012; Emiya, Vincent, Harlander, Hohmann,
"Subjective and objective quality assessment of audio source separation", IEEE Transactions on
Audio, Speech and Language Processing 19 (7), 2011. So does webMUSHRA (Schoeffler et al., Journal of
Open Research Software 6 (1), 2018).
"""

import re
from dataclasses import dataclass, fields
from pathlib import Path

from configs.checks import shown
from configs.reading import read_text
from evaluation.scores.csv_rows import iter_lines, parse_row

LARGEST = 100
# Of the five parts of the scale, from the lowest on.
WORDS = ("bad", "poor", "fair", "good", "excellent")


@dataclass(frozen=True)
class Rating:
    """Holds what one listener said of one sound of a page."""

    # The page, by the sounds that it has to be judged, and the sound: ``clips.sound_key``.
    page: str
    sound: str
    # This and the next two say what was heard to who reads the table; ``sound`` identifies it.
    track: str
    source: str
    start_secs: float
    # The name that the page gave the sound, which the listener did not see.
    system: str
    # 0 to 100.
    rating: float
    # As the listener typed it, or empty.
    listener: str
    # Drawn by lot once for each listener of a page.
    session: str
    # 1 for the sound that was played first of those of its clip.
    order_heard: int


COLUMNS = tuple(field.name for field in fields(Rating))
_LEGAL = dict.fromkeys(COLUMNS, "a text without the character NUL") | {
    "page": "16 digits from 0 to f",
    "sound": "16 digits from 0 to f",
    "start_secs": "a number of seconds",
    "rating": f"a number from 0 to {LARGEST}",
    "session": "16 digits from 0 to f",
    "order_heard": "a count from 1 on",
}
# As in scores.csv.
_MOST_SECS = 1e9
_MOST_SOUNDS = 1000
_KEY = re.compile("[0-9a-f]{16}")


def read_ratings(path: Path) -> list[Rating]:
    """Reads the ratings that a page saved.

    Raises:
        ValueError: it is another file, was changed, or holds no rating.
    """
    lines = iter_lines(read_text(path), path, is_strict=True)
    _, header = next(lines, ("", []))
    if header != list(COLUMNS):
        raise ValueError(
            f"{path} is no file of ratings that the page of a report saved: its first line is "
            f"{shown(','.join(header))}, not {','.join(COLUMNS)}."
        )
    ratings = [Rating(**parse_row(where, cells, _LEGAL, _parse_cell)) for where, cells in lines]
    if not ratings:
        raise ValueError(f"{path} holds no rating; rate sounds on the page, and save it again.")
    return ratings


def _parse_cell(column: str, cell: str) -> str | int | float:
    """Returns the value of a cell; ``ValueError`` where it is none of its column."""
    value: str | int | float = cell
    is_legal = "\0" not in cell
    if column == "order_heard":
        value = int(cell)
        is_legal = 1 <= value <= _MOST_SOUNDS
    elif column == "start_secs":
        value = float(cell)
        is_legal = 0 <= value <= _MOST_SECS
    elif column == "rating":
        value = float(cell)
        is_legal = 0 <= value <= LARGEST
    elif column in ("page", "sound", "session"):
        is_legal = _KEY.fullmatch(cell) is not None
    if not is_legal:
        raise ValueError(cell)
    return value
