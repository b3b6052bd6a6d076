"""Writes what was heard in a file as text: probabilities, a summary, a label track.

Axes: K instruments, J columns.
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from configs.instruments import name_of
from evaluation.taggrams.heard import HeardFile
from trainer.tasks.tagging.tagger import Tagger

_VERSION = 1
# Of a CSV that are written at a time.
_ROWS = 2**16


def write_csv(heard: HeardFile, path: Path) -> None:
    """Writes a row for every column: its time in seconds, a probability for every instrument."""
    num_columns = heard.activity.shape[1]
    # Lines end as in all other files, not as csv would end them.
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow(["seconds", *heard.sources])
        for first in range(0, num_columns, _ROWS):
            part = heard.activity[:, first : first + _ROWS]
            times = (first + np.arange(part.shape[1])) * heard.column_secs
            # (1 + K, J) -> (J, 1 + K)
            rows = np.vstack([times, part]).T
            np.savetxt(file, rows, fmt="%.6f", delimiter=",")


def write_json(heard: HeardFile, tagger: Tagger, path: Path) -> None:
    """Writes the instruments of a piece, what they follow from, and when each of them is heard."""
    path.write_text(json.dumps(as_values(heard, tagger), indent=1) + "\n", encoding="utf-8")


def as_values(heard: HeardFile, tagger: Tagger) -> dict[str, Any]:
    """Returns what the JSON file of a piece holds."""
    listener = tagger.listener
    spans: dict[str, list[list[float]]] = {source: [] for source in heard.sources}
    for span in heard.spans:
        spans[span.source].append([round(span.start_secs, 6), round(span.stop_secs, 6)])
    return {
        "version": _VERSION,
        "file": heard.name,
        "seconds": heard.secs,
        "sample_rate": heard.audio_format.sample_rate,
        "channels": heard.audio_format.channels,
        "run": {
            "workdir": listener.workdir,
            "experiment": listener.config.name,
            "step": listener.step,
            "weights": listener.weights,
        },
        "thresholds": heard.thresholds,
        # Column n is centred on n times so many seconds.
        "column_seconds": heard.column_secs,
        "num_columns": heard.activity.shape[1],
        "median_columns": listener.median_columns,
        # An instrument is in the piece from this share of the columns on.
        "least_share": heard.share,
        "labels": heard.labels,
        "probabilities": heard.probabilities,
        "shares": heard.shares,
        "spans": {source: found for source, found in spans.items() if found},
    }


def write_labels(heard: HeardFile, path: Path) -> None:
    """Writes a label track for Audacity: start, end and name of every span, with tabs between."""
    lines = [
        f"{span.start_secs:.6f}\t{span.stop_secs:.6f}\t{name_of(span.source)}\n"
        for span in heard.spans
    ]
    path.write_text("".join(lines), encoding="utf-8")
