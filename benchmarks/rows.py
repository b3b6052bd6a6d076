"""Keeps what a long benchmark has measured, a row of JSON a line, so that it continues."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from configs.reading import parse_object
from data_prep.storage.files import replacing

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# Of plain values.
_Row = TypeVar("_Row", bound="DataclassInstance")


@dataclass(frozen=True)
class Rows(Generic[_Row]):
    """Is the rows of one kind that a file holds."""

    path: Path
    kind: type[_Row]

    def load(self) -> list[_Row]:
        """Returns all of them."""
        return [self.kind(**row) for row in load_rows(self.path)]

    def know(self, **values: Any) -> bool:
        """Says whether there is one with these values."""
        wanted = values.items()
        return any(all(getattr(row, key) == each for key, each in wanted) for row in self.load())

    def keep(self, rows: Iterable[_Row]) -> None:
        """Appends rows at once."""
        append_rows(self.path, map(asdict, rows))


def load_rows(path: Path) -> list[dict[str, Any]]:
    """Reads the rows that are there, and takes a line that a kill cut out of the file.

    Raises:
        ValueError: another line is no row.
    """
    if not path.exists():
        return []
    *lines, cut = path.read_text(encoding="utf-8").split("\n")
    if cut:
        with replacing(path) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return [parse_object(line, path) for line in lines]


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Adds a row to the file, which is made where there is none."""
    append_rows(path, [row])


def append_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Adds rows to the file at once."""
    lines = [f"{json.dumps(row)}\n" for row in rows]
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(lines))
