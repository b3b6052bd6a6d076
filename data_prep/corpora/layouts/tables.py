"""Reads tables in CSV, with their columns' names in the first line."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path


def iter_rows(
    path: Path, first: Sequence[str], expected: str
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yields the numbers of lines and their cells by column.

    Args:
        path: of the table.
        first: are the columns with which it must begin.
        expected: says in an error which columns there may be.

    Raises:
        ValueError: it is no table, or one with other columns.
    """
    try:
        # With the mark of byte order that spreadsheets write.
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.reader(text.splitlines(), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as a table in UTF-8: {error}.") from error
    head = [cell.strip() for cell in rows[0]] if rows else []
    if head[: len(first)] != list(first) or len(set(head)) < len(head) or "" in head:
        raise ValueError(
            f"{path} begins with the columns {', '.join(head) or 'of nothing'}; expected "
            f"{expected}."
        )
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) != len(head):
            raise ValueError(
                f"line {number} of {path} has {len(row)} cells, its head {len(head)}; expected one "
                f"for each column."
            )
        yield number, dict(zip(head, (cell.strip() for cell in row), strict=True))
