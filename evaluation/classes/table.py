"""Reads tables that say what is known of files of sound.

    file,class,group           file,number,group           file,group
    a/one.wav,metal,muldjord   one.wav,0.25,Ann            metal/one.wav,muldjord

The column group may be left out of the first two.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from configs.reading import read_text
from evaluation.classes.labelled import Corpus, Kind, Labelled
from evaluation.scores.csv_rows import iter_lines, parse_row

_LEGAL = {
    "file": "the path of a file",
    "class": "a word",
    "number": "a finite number",
    "group": "a word: where the file is from",
}
_KINDS: dict[str, Kind] = {"class": "class", "number": "number"}


def read_table(path: Path, root: Path | None = None) -> Corpus:
    """Returns the files of a table, in its order.

    Args:
        path: of the table.
        root: what paths of files begin from; None: the folder of the table.

    Raises:
        ValueError: it is no such table, names a file twice, or names one that is not there.
    """
    folder = path.parent if root is None else root
    columns, rows = _open(path, lambda head: len(set(head) & set(_KINDS)) == 1)
    kind = next(_KINDS[column] for column in columns if column in _KINDS)
    files = []
    for where, values in rows:
        sound = folder / values["file"]
        if not sound.is_file():
            raise ValueError(f"{where}: there is no file {sound}.")
        files.append(Labelled(sound, values["file"], values[kind], values.get("group")))
    if not files:
        raise ValueError(f"{path} names no file.")
    return Corpus(kind, tuple(files))


def read_groups(path: Path) -> dict[str, str]:
    """Returns the group of each file that a table names; ``ValueError`` as above."""
    columns, rows = _open(path, lambda head: set(head) == {"file", "group"})
    del columns
    return {values["file"]: values["group"] for _, values in rows}


def _open(
    path: Path, is_legal: Callable[[list[str]], bool]
) -> tuple[list[str], Iterator[tuple[str, dict[str, Any]]]]:
    """Returns the columns of a table, and its rows by column, each after what errors call it."""
    if not path.is_file():
        raise ValueError(f"there is no file {path}; expected a table.")
    lines = iter_lines(read_text(path), path, is_strict=True)
    _, cells = next(lines, ("", []))
    columns = [cell.strip() for cell in cells]
    known = set(columns) <= set(_LEGAL) and len(set(columns)) == len(columns)
    if not known or "file" not in columns or not is_legal(columns):
        raise ValueError(
            f"{path} begins with the columns {', '.join(columns) or 'of nothing'}; expected file "
            f"and class, or file and number, and group where it is known; a table of groups has "
            f"file and group."
        )
    return columns, _iter_rows(columns, lines)


def _iter_rows(
    columns: list[str], lines: Iterator[tuple[str, list[str]]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    legal = {column: _LEGAL[column] for column in columns}
    found: set[str] = set()
    for where, cells in lines:
        if not any(cells):
            continue
        values = parse_row(where, cells, legal, _parse_cell)
        if values["file"] in found:
            raise ValueError(f"{where} names {values['file']}, as a line before does; leave one.")
        found.add(values["file"])
        yield where, values


def _parse_cell(column: str, cell: str) -> str | float:
    """Returns the value of a cell; ``ValueError`` where it is none of its column."""
    text = cell.strip()
    if not text:
        raise ValueError(cell)
    if column != "number":
        return text
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(cell)
    return number
