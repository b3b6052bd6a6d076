"""Reads the rows of CSV files that anybody may have changed."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from configs.checks import shown


def iter_lines(text: str, path: object, is_strict: bool = False) -> Iterator[tuple[str, list[str]]]:
    """Yields the cells of each line, the header included, after what an error calls the line.

    Args:
        text: of the file.
        path: names it in errors.
        is_strict: whether quotes that nothing closes are refused, too.

    Raises:
        ValueError: it is not a CSV file.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=is_strict)
    try:
        for cells in reader:
            yield f"{path}, line {reader.line_num}", cells
    except csv.Error as error:
        raise ValueError(f"{path} is not a CSV file: {error} in line {reader.line_num}.") from error


def parse_row(
    where: str,
    cells: Sequence[str],
    legal: Mapping[str, str],
    parse_cell: Callable[[str, str], Any],
) -> dict[str, Any]:
    """Returns the values of a row by their columns.

    Args:
        where: what an error calls the row.
        cells: of the row.
        legal: column -> what a cell of it holds, in words; in the order of the columns.
        parse_cell: returns the value of a column's cell; ``ValueError`` where it is none.

    Raises:
        ValueError: there are more or fewer cells than columns, or a value is none of its column.
    """
    if len(cells) != len(legal):
        raise ValueError(f"{where} has {len(cells)} values; expected {len(legal)}.")
    values = {}
    for (column, expected), cell in zip(legal.items(), cells, strict=True):
        try:
            values[column] = parse_cell(column, cell)
        except ValueError:
            raise ValueError(f"{where}: {column} is {shown(cell)}; expected {expected}.") from None
    return values
