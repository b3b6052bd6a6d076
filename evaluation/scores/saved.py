"""Reads what can be compared: runs of ours, and the JSON files of museval."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from configs.checks import shown
from configs.reading import parse_object, read_object
from data_prep.storage import Folder, is_bucket, open_folder
from evaluation.scores.table import METRICS, MODEL, Row, from_csv, read_csv

# Museval's metrics are those of BSS Eval v4, and never share a column with v3. Its SDR is the plain
# ratio of signal to noise of the segment.
_MUSEVAL = {"SDR": "snr", "ISR": "isr", "SIR": "sir_v4", "SAR": "sar_v4"}
# What is read of scores.json.
_ABOUT = {
    "task": str,
    "sample_rate": int,
    "channels": int,
    "evaluation": dict,
    "config_json": str,
    "averaged": list,
}
# Scored in a pass of its own, against the vocals.
_SUM = "accompaniment"


@dataclass(frozen=True)
class ScoredRun:
    """Holds the rows of a run, and what its scores.json says of them, where there is one."""

    name: str
    rows: Sequence[Row]
    settings: Mapping[str, Any] = field(default_factory=dict)
    # The whole of scores.json.
    about: Mapping[str, Any] = field(default_factory=dict)
    # Where the rest of what was written with the scores lies.
    folder: Path | None = None


def load(name: str) -> ScoredRun:
    """Reads a run.

    Raises:
        ValueError: there is nothing to read, or it is not what it should be.
    """
    run = _load(name)
    return replace(run, rows=[_with_composed_names(row) for row in run.rows])


def _with_composed_names(row: Row) -> Row:
    """Returns a row whose names have accents with their letters: a Mac writes them apart."""
    if row.track.isascii() and row.source.isascii():
        return row
    track = unicodedata.normalize("NFC", row.track)
    source = unicodedata.normalize("NFC", row.source)
    return replace(row, track=track, source=source)


def _load(name: str) -> ScoredRun:
    if is_bucket(name):
        return _load_from_bucket(name)
    path = Path(name)
    table = path / "scores.csv" if path.is_dir() else path
    if table.exists():
        about = _read_about(open_folder(str(table.parent)))
        return ScoredRun(name, read_csv(table), _settings(about), about, table.parent)
    if not path.exists():
        raise ValueError(
            f"there is no {name}; expected what evaluation.evaluate wrote, "
            f"WORKDIR/evaluation/STEP-SPLIT."
        )
    if (path / "config.json").exists():
        tables = sorted(path.glob("evaluation/*/scores.csv"))
        advice = "score it first, by evaluation.evaluate"
        if tables:
            advice = f"name its scores, such as {tables[0].parent}"
        raise ValueError(f"{name} is the folder of a training run; {advice}.")
    files = sorted(path.rglob("*.json"))
    if not files:
        raise ValueError(f"{name} holds neither scores.csv nor JSON files of museval.")
    return ScoredRun(name, [row for file in files for row in read_museval(file)])


def task_of(name: str) -> str:
    """Returns the task of a run by what its scores.json says; runs that say none are separation."""
    folder = name.removesuffix("/scores.csv")
    if not is_bucket(name) and not Path(name).is_dir():
        folder = str(Path(name).parent)
    return str(_read_about(open_folder(folder)).get("task", "separation"))


def _load_from_bucket(name: str) -> ScoredRun:
    """Reads the scores of a run alone: sounds are compared only on a disk."""
    folder = open_folder(name.removesuffix("/scores.csv"))
    table = folder.read_text("scores.csv")
    if table is None:
        raise ValueError(f"{folder.url} holds no scores.csv.")
    about = _read_about(folder)
    return ScoredRun(name, from_csv(table, f"{folder.url}/scores.csv"), _settings(about), about)


def _read_about(folder: Folder) -> dict[str, Any]:
    """Returns what scores.json says; nothing where there is no such file."""
    path = f"{folder.url}/scores.json"
    text = folder.read_text("scores.json")
    if text is None:
        return {}
    about = parse_object(text, path)
    for name, kind in _ABOUT.items():
        if name in about and not isinstance(about[name], kind):
            raise ValueError(
                f"{path} is not what evaluation.evaluate writes: {name} is {shown(about[name])}; "
                f"put the original back, or delete it."
            )
    return about


def _settings(about: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {
        key: about[key] for key in ("sample_rate", "channels") if key in about
    }
    return settings | dict(about.get("evaluation", {}))


def read_museval(path: Path) -> list[Row]:
    """Reads the rows of a track as museval writes it: targets, frames, four metrics of each.

    Museval gives no number (NaN) where any source or estimate is silent, and does not say which:
    such a frame is ``not_scored`` here, of a polyphony that nobody knows. In any other all sources
    sound.

    Raises:
        ValueError: it is no such file.
    """
    found = read_object(path, with_nan=True)
    try:
        targets = {str(target["name"]): target["frames"] for target in found["targets"]}
        # Museval scores nothing alone.
        polyphony = max(len(targets.keys() - {_SUM}), 2)
        return [
            _museval_row(path.stem, source, frame, polyphony)
            for source in targets
            for frame in targets[source]
        ]
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise ValueError(
            f"{path} is no file of museval: expected targets, frames and metrics ({problem})."
        ) from error


def _museval_row(track: str, source: str, frame: Mapping[str, Any], polyphony: int) -> Row:
    given = {column: float(frame["metrics"][name]) for name, column in _MUSEVAL.items()}
    values = {
        column: value for column, value in given.items() if column in METRICS and np.isfinite(value)
    }
    return Row(
        system=MODEL,
        track=track,
        start_secs=float(frame["time"]),
        source=source,
        status="scored" if values else "not_scored",
        polyphony=polyphony if values else 0,
        **values,
    )
