"""Keeps what is known of the exports in a folder: a table, and a file of JSON."""

import dataclasses
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configs.reading import parse_object
from data_prep.runtime.parallel import num_cores
from data_prep.runtime.quantities import pluralized
from data_prep.storage import Folder, open_folder
from trainer.exports.formats import FORMATS, SAVED_MODEL

FILE_NAME = "exports.json"


@dataclass(frozen=True)
class Row:
    """Holds what is known of an export; the fields are those of ``exports.json``."""

    format: str
    file: str
    # That the weights have seen.
    step: int
    num_bytes: int
    # As in ``Agreement``.
    max_error: float
    snr_db: float | None
    speed: float
    # Of the file; of a SavedModel, of its graph.
    crc32c: str = ""


def read_rows(folder: Folder) -> list[Row]:
    """Returns the rows of a folder whose files are still those that were written.

    Raises:
        ValueError: ``exports.json`` is not what this module wrote.
    """
    text = folder.read_text(FILE_NAME)
    if text is None:
        return []
    path = f"{folder.url}/{FILE_NAME}"
    try:
        rows = [Row(**values) for values in parse_object(text, path)["exports"]]
        return [row for row in rows if row.crc32c == checksum_of(folder, row.format)]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not what trainer.export wrote; delete it, or choose another --out."
        ) from error


def checksum_of(folder: Folder, name: str) -> str | None:
    """Returns the checksum of the export of a format in a folder, None where there is none."""
    file = FORMATS[name].file
    if name == SAVED_MODEL:
        folder = open_folder(f"{folder.url}/{file}")
        file = "saved_model.pb"
    digest = folder.stat(file)
    return None if digest is None else digest.crc32c


def merge(before: Sequence[Row], now: Sequence[Row]) -> list[Row]:
    """Returns all rows in the order of the formats; of one format the new one."""
    rows = {row.format: row for row in (*before, *now)}
    return [rows[name] for name in FORMATS if name in rows]


def to_json(rows: Sequence[Row], about: Mapping[str, Any]) -> str:
    """Returns the text of ``exports.json``: the rows, and what the files say of themselves."""
    values = {"exports": [dataclasses.asdict(row) for row in rows], "about": about}
    return json.dumps(values, indent=1) + "\n"


def to_table(rows: Sequence[Row]) -> str:
    """Returns the rows as a table in Markdown, which is as wide as it must be in a terminal."""
    head = ["format", "file", "step", "MB", "largest error", "SNR, dB", "speed"]
    cells = [_cells(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    rule = ["-" * width for width in widths]
    lines = [_line(line, widths) for line in (head, rule, *cells)]
    machine = f"{platform.machine()}, {pluralized(num_cores(), 'core')}"
    return (
        "\n".join(lines) + "\n\n"
        "Errors are those on real music, beside the network of the run: the largest one at any\n"
        "frame, in parts of full scale, and how far the estimates are above their error. Speed is\n"
        "in seconds of audio per second, on the machine that exported alone "
        f"({machine}).\n"
    )


def _cells(row: Row) -> list[str]:
    ratio = "no error" if row.snr_db is None else f"{row.snr_db:.1f}"
    return [
        FORMATS[row.format].title,
        row.file,
        f"{row.step:,}",
        f"{row.num_bytes / 1e6:.2f}",
        f"{row.max_error:.1e}",
        ratio,
        f"{row.speed:.1f}",
    ]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return f"| {' | '.join(padded)} |"
