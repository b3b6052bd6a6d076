"""Says what a model makes of files: their classes or numbers, and the nearest files it knows.

Axes: F known files, N features, K classes.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from data_prep.storage.files import replacing
from evaluation.classes.batch import Batch
from evaluation.classes.hearing import Ear
from evaluation.classes.kept import Heard
from evaluation.classes.model_folder import Model

# It imports TensorFlow, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from trainer.inference.layer_features import LayerFeatures

Row = dict[str, Any]


def require_same_ears(model: Model, layers: LayerFeatures, workdir: str) -> None:
    """Raises a ``ValueError`` unless the weights are those that heard what a model learnt from."""
    if layers.checksum() != model.heard_by.checksum:
        raise ValueError(
            f"the weights in {workdir} are not those that this model learnt with (step "
            f"{model.heard_by.step:,} of {model.heard_by.workdir}); what one network makes of a "
            f"sound means nothing to another: name that run with --workdir, or train again."
        )


def answer(
    model: Model,
    layers: LayerFeatures,
    paths: Sequence[Path],
    kept_in: Path,
    written: Written,
    num_neighbours: int = 0,
) -> None:
    """Writes what a model makes of files, one after the other.

    Args:
        model: what was learnt.
        layers: hear the files.
        paths: of the files.
        kept_in: folder of features.
        written: where rows go.
        num_neighbours: how many of the nearest known files are wanted of each; 0: what it is.

    Raises:
        ValueError: files were left out, of which each has a sentence, after all others.
    """
    batch = Batch(Ear(layers, kept_in), paths)
    with written:
        for number, heard in batch.iter_heard():
            if num_neighbours:
                for row in nearest(model, heard, num_neighbours):
                    written.add({"file": str(paths[number]), **row})
            else:
                written.add({"file": str(paths[number]), **said_of(model, heard)})
    batch.require_all()


def said_of(model: Model, heard: Heard) -> Row:
    """Returns the class of a file and the probability of each, or its number, by name."""
    features = heard.layers[None]
    if model.kind == "number":
        return {"number": float(model.linear.numbers(features)[0])}
    (probabilities,) = model.linear.probabilities(features).tolist()
    most = int(np.argmax(probabilities))
    named = {f"p({name})": value for name, value in zip(model.classes, probabilities, strict=True)}
    return {"class": model.classes[most], **named}


def nearest(model: Model, heard: Heard, count: int) -> Iterator[Row]:
    """Yields the known files nearest to one, by the angle between standardised features.

    Cosine distance, 1 - cos, is from 0 to 2. A known file of the same content is left out.
    """
    known = model.linear.standardised(model.features)
    wanted = model.linear.standardised(heard.layers[None])[0]
    lengths = np.linalg.norm(known, axis=1) * np.linalg.norm(wanted)
    # A file that is the mean of all has no direction: it is as far from each as can be said, 1.
    distances = 1 - known @ wanted / np.maximum(lengths, 1e-12)
    others = [i for i in np.argsort(distances, kind="stable") if not _is_same(model, i, heard)]
    for rank, i in enumerate(others[:count], start=1):
        file = model.files[i]
        yield {
            "rank": rank,
            "distance": float(distances[i]),
            "neighbour": file.file,
            model.kind: file.target,
            "group": file.group,
        }


def _is_same(model: Model, number: int, heard: Heard) -> bool:
    return model.files[number].sha256 == heard.sha256


class Written:
    """Is where rows go: a table in CSV, line by line, or one JSON list in the end.

    To a file all of it is written, or nothing.
    """

    def __init__(self, out: str, as_json: bool) -> None:
        """Says where.

        Args:
            out: path of the file; empty for the standard output.
            as_json: whether it is JSON.
        """
        self._out = out
        self._as_json = as_json
        self._rows: list[Row] = []
        self._file: TextIO = sys.stdout
        self._stack = ExitStack()

    def __enter__(self) -> Written:
        if self._out:
            path = self._stack.enter_context(replacing(Path(self._out)))
            opened = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
            self._file = self._stack.enter_context(opened)
        return self

    def add(self, row: Row) -> None:
        """Writes a row, the names of its columns before the first one."""
        self._rows.append(row)
        if self._as_json:
            return
        writer = csv.writer(self._file, lineterminator="\n")
        if len(self._rows) == 1:
            writer.writerow(row)
        writer.writerow(_shortened(value) for value in row.values())
        self._file.flush()

    def __exit__(self, *raised: Any) -> None:
        if self._as_json and raised[0] is None:
            self._file.write(json.dumps(self._rows, indent=1) + "\n")
        self._stack.__exit__(*raised)


def _shortened(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
