"""Reads labels.csv, in which a user says of the tracks of a folder what plays in them.

    track,voice,guitar,tags
    song 1,1,0,"calm;live"
    song 2,1,0.7,

1 plays, 0 does not, nothing: nobody knows. What lies between says how much, as of ten people seven
heard it; from 0.5 on it plays. Instruments without a column are unknown, too. Tags are words with
semicolons between them.
"""

from pathlib import Path

import numpy as np

from data_prep.audio.annotations import PLAYS_FROM, Annotations
from data_prep.corpora.layouts.tables import iter_rows

FILE_NAME = "labels.csv"
_TRACK = "track"
_TAGS = "tags"


def read_labels(root: Path) -> dict[str, Annotations]:
    """Returns what the file in the folder of a corpus says of each track; none where there is none.

    Raises:
        ValueError: it is no such file.
    """
    path = root / FILE_NAME
    if not path.exists():
        return {}
    found: dict[str, Annotations] = {}
    expected = f"{_TRACK}, then instruments, each once, and {_TAGS} if there are any"
    for number, cells in iter_rows(path, (_TRACK,), expected):
        track = cells.pop(_TRACK)
        if track in found:
            raise ValueError(f"line {number} of {path} is of {track}, as is one before; leave one.")
        try:
            found[track] = _annotations(cells)
        except ValueError as error:
            raise ValueError(
                f"line {number} of {path} says {error.args[0]!r}; expected 1 (plays), 0 (does "
                f"not), a number between them, or nothing (nobody knows)."
            ) from error
    return found


def _annotations(cells: dict[str, str]) -> Annotations:
    """Returns what the cells of a track say; ``ValueError`` with what is no label."""
    tags = cells.pop(_TAGS, "")
    grades = {name: _grade(cell) for name, cell in cells.items() if cell}
    return Annotations(
        playing=tuple(name for name, grade in grades.items() if grade >= PLAYS_FROM),
        absent=tuple(name for name, grade in grades.items() if grade < PLAYS_FROM),
        grades={name: grade for name, grade in grades.items() if 0 < grade < 1},
        tags=tuple(tag.strip() for tag in tags.split(";") if tag.strip()),
    )


def _grade(cell: str) -> float:
    try:
        # As records hold it: what is rounded to a half plays.
        grade = float(np.float32(cell))
    except ValueError:
        grade = -1.0
    if not 0 <= grade <= 1:
        raise ValueError(cell)
    return grade
