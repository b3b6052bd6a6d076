"""Defines the table of segments: its columns, and how it is written and read.

Its rows are computed in evaluation.scoring.one_segment, its aggregates in aggregates.py.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from configs.reading import read_text
from data_prep.audio import activity
from data_prep.storage.files import replacing
from evaluation.scores.csv_rows import iter_lines, parse_row

# Of the columns and their meaning.
SCHEMA_VERSION = 6
STATUSES = ("scored", "solo", "silent_estimate", "absent", "not_scored", "silent_mixture")
# Those of sources that sound, and whose metrics count.
COUNTED_STATUSES = ("scored", "solo", "silent_estimate")
# In dB.
METRICS = (
    "sdr",
    "sir",
    "sar",
    "isr",
    "sir_v4",
    "sar_v4",
    "si_sdr",
    "si_sar",
    "snr",
    "leakage",
    "sdri",
    "si_sdri",
    "snri",
)
# From 0 to 1, of the bins of the mixture. Tables of before version 5 end before them.
SHARES = ("bins", "bins_majority")
# What an estimate is called among the systems, whoever made it.
MODEL = "model"
# As ``estimates.constant_gain`` defines it. Scores of files do not have it, nor do older ones.
CONSTANT_GAIN = "constant gain"
# What stands beside every system, in the order in which reports have it.
BASELINES = ("mixture", "silence", CONSTANT_GAIN)
# What the better of two constant answers for all bins reaches, where it stands beside systems.
MAJORITY = "majority"

# Leakage is the energy of an estimate relative to the mixture; less than this counts as this much.
LEAKAGE_FLOOR_DB = -100.0

# How far a metric lies above that of the mixture.
IMPROVEMENTS = {"sdri": "sdr", "si_sdri": "si_sdr", "snri": "snr"}


@dataclass(frozen=True)
class Row:
    """Holds the scores of one segment of one source under one system, in dB but for shares.

    A metric that its status does not define is None (blank).
    """

    # MODEL, one of BASELINES, or an oracle.
    system: str
    track: str
    start_secs: float
    source: str
    status: str
    # Active sources in the segment.
    polyphony: int
    # This and the next two are those of BSS Eval v3.
    sdr: float | None = None
    sir: float | None = None
    sar: float | None = None
    # This and the next two are those of BSS Eval v4, the SDR of which is the snr.
    isr: float | None = None
    sir_v4: float | None = None
    sar_v4: float | None = None
    si_sdr: float | None = None
    si_sar: float | None = None
    snr: float | None = None
    leakage: float | None = None
    # This and the next two: row_improvements of SDR, SI-SDR and SNR.
    sdri: float | None = None
    si_sdri: float | None = None
    snri: float | None = None
    # This and the next: ``scoring.segment_bins``. The second is that of the references and the
    # mixture alone, and so the same for all systems.
    bins: float | None = None
    bins_majority: float | None = None


# Of a finite metric: the ratio of the largest and the smallest number that there is has fewer.
_MOST_DB = 10_000.0
# Thirty years: of a start.
_MOST_SECS = 1e9
_NAME = "a name without the character NUL"
COLUMNS = tuple(field.name for field in fields(Row))
# Of version 5, and of before.
_VERSION_5_COLUMNS = tuple(column for column in COLUMNS if column != "si_sar")
_FORMER_COLUMNS = tuple(column for column in _VERSION_5_COLUMNS if column not in SHARES)
_LEGAL = {
    **dict.fromkeys(COLUMNS, "a number of dB or nothing"),
    **dict.fromkeys(SHARES, "a share from 0 to 1 or nothing"),
    "system": _NAME,
    "track": _NAME,
    "start_secs": "a number of seconds",
    "source": _NAME,
    "status": f"one of {', '.join(STATUSES)}",
    "polyphony": "a count",
}


def row_improvements(
    rows: Sequence[Row], mixtures: Sequence[Row], metric: str
) -> list[float | None]:
    """Computes how far rows lie above those of the mixture, in dB.

    The definition is that of ``data_prep.audio.activity.improvement_over_mixture``: none where
    either has no such metric, and where the mixture is the source itself.

    Args:
        rows: of any system.
        mixtures: the row of the mixture for the segment and source of each.
        metric: that is compared.
    """
    # A blank becomes NaN.
    values = np.array([getattr(row, metric) for row in rows], np.float64)
    baselines = np.array([getattr(row, metric) for row in mixtures], np.float64)
    polyphony = np.array([row.polyphony for row in rows], np.int64)
    improvements = activity.improvement_over_mixture(values, baselines, polyphony)
    return [None if np.isnan(value) else value for value in improvements.tolist()]


def to_csv(rows: Iterable[Row]) -> str:
    """Returns the table as text."""
    text = io.StringIO(newline="")
    # A float is written with the digits that bring it back.
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(row, column) for column in COLUMNS] for row in rows)
    return text.getvalue()


def from_csv(text: str, path: object) -> list[Row]:
    """Returns the rows of what :func:`to_csv` made, of now or before; ``path`` names it in errors.

    What a table of before does not have is blank.

    Raises:
        ValueError: the columns are not those of the schema, or a value is none of its column.
    """
    lines = iter_lines(text, path)
    _, header = next(lines, ("", []))
    if tuple(header) not in (COLUMNS, _VERSION_5_COLUMNS, _FORMER_COLUMNS):
        found = ", ".join(header)[:500] or "none"
        raise ValueError(
            f"{path} has other columns than expected: {found}, not {', '.join(COLUMNS)}."
        )
    legal = {column: _LEGAL[column] for column in header}
    return [Row(**parse_row(where, cells, legal, _parse_cell)) for where, cells in lines]


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Writes the table; whoever reads ``path`` meanwhile finds the old one or the new one whole."""
    with replacing(path) as temporary:
        temporary.write_text(to_csv(rows), encoding="utf-8", newline="")


def read_csv(path: Path) -> list[Row]:
    """Reads what :func:`write_csv` wrote; ``ValueError`` as from :func:`from_csv`."""
    return from_csv(read_text(path), path)


def _parse_cell(column: str, cell: str) -> str | int | float | None:
    """Returns the value of a cell; ``ValueError`` where it is none of its column."""
    value: str | int | float | None = cell
    is_legal = "\0" not in cell
    if column == "polyphony":
        value = int(cell)
        # NumPy holds no larger one.
        is_legal = 0 <= value < 2**63
    elif column == "start_secs":
        value = float(cell)
        is_legal = 0 <= value <= _MOST_SECS
    elif column in METRICS:
        value = float(cell) if cell else None
        is_legal = value is None or abs(value) <= _MOST_DB or np.isinf(value)
    elif column in SHARES:
        value = float(cell) if cell else None
        is_legal = value is None or 0 <= value <= 1
    elif column == "status":
        is_legal = cell in STATUSES
    if not is_legal:
        raise ValueError(cell)
    return value


def sentences_on_silence(rows: Sequence[Row]) -> list[str]:
    """Returns a sentence for every source that never sounds, and every estimate that never does."""
    statuses: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if row.system == MODEL:
            statuses.setdefault((row.track, row.source), set()).add(row.status)
    lines = []
    for (track, source), found in statuses.items():
        if found == {"silent_mixture"}:
            lines.append(f"track {track}: the mixture is silent, {source} is not scored.")
        elif found <= {"not_scored", "silent_mixture"}:
            lines.append(
                f"track {track}: {source} is nowhere scored, as by museval's rules a segment "
                "counts only where every source and every estimate sounds."
            )
        elif found - {"silent_mixture"} == {"silent_estimate"}:
            lines.append(
                f"track {track}: the estimate of {source} is silent wherever {source} sounds, "
                f"scored as 0 dB."
            )
        elif found <= {"absent", "silent_mixture"}:
            lines.append(
                f"track {track}: {source} never sounds, its estimate is scored by what it leaks."
            )
    return lines
