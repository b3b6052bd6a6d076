"""Learns from files: hears them, measures what can be said of those held out, keeps the rest.

Axes: F files, N features, K classes.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.runtime.quantities import pluralized
from data_prep.storage import is_bucket
from data_prep.storage.files import replacing
from evaluation.classes.batch import Batch
from evaluation.classes.folds import Numbers
from evaluation.classes.hearing import Ear
from evaluation.classes.held_out import LAYERS, Examples, HeldOut, figures, hold_out
from evaluation.classes.kept import Heard
from evaluation.classes.labelled import Corpus, require_enough, warnings_of_doubles
from evaluation.classes.linear import Learner
from evaluation.classes.model_folder import HeardBy, KnownFile, Model, save
from evaluation.classes.words import (
    UNGROUPED,
    classes_in_words,
    figures_in_words,
    groups_in_words,
)
from evaluation.scores.bootstrap import why_none

# It imports TensorFlow, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from trainer.inference.layer_features import TrainedLayerFeatures


@dataclass(frozen=True)
class Wanted:
    """Says how what is learnt is measured."""

    # How many folds there are at most.
    most_folds: int = 10
    # Whether files are held out without regard to their groups, too.
    ungrouped: bool = False


def train(corpus: Corpus, layers: TrainedLayerFeatures, out: Path, wanted: Wanted) -> None:
    """Learns from the files of a corpus, prints how well, and writes the model.

    Raises:
        ValueError: files were left out, of which each has a sentence, after the others were learnt
            from; or what is left is not enough.
    """
    ear = Ear(layers, out / "features", required=True)
    batch = Batch(ear, [file.path for file in corpus.files])
    heard = dict(batch.iter_heard())
    for remark in corpus.remarks:
        print(f"note: {remark}", file=sys.stderr, flush=True)
    corpus = replace(corpus, files=tuple(corpus.files[number] for number in heard))
    require_enough(corpus)
    sounds = list(heard.values())
    checksums = [sound.sha256 for sound in sounds]
    for warning in warnings_of_doubles(corpus.files, corpus.groups, checksums):
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    examples = _examples(corpus, sounds)
    learner = Learner(corpus.kind, len(corpus.classes))
    measured = _measure(corpus, learner, examples, wanted, out)
    linear = learner.fit_best(examples.layers, examples.targets, examples.groups)
    files = [
        KnownFile(file.name, file.target, file.group, checksum)
        for file, checksum in zip(corpus.files, checksums, strict=True)
    ]
    heard_by = HeardBy(
        workdir=_lasting(layers.workdir),
        name=layers.config.name,
        step=layers.step,
        weights=layers.weights,
        checksum=layers.checksum(),
        layers=layers.sizes,
    )
    features = np.stack([sound.layers for sound in sounds])
    model = Model(corpus.kind, corpus.classes, heard_by, linear, tuple(files), features, measured)
    save(out, model)
    print(f"\n{out} knows {pluralized(len(files), 'file')} (penalty {linear.penalty:g}).")
    batch.require_all()


def _lasting(workdir: str) -> str:
    """Returns the path or address of a run as it is found from any folder."""
    if is_bucket(workdir):
        return workdir
    return os.path.abspath(workdir)  # noqa: PTH100 (Path.absolute keeps "..")


def _examples(corpus: Corpus, sounds: Sequence[Heard]) -> Examples:
    numbers = {name: number for number, name in enumerate(corpus.classes)}
    if corpus.kind == "number":
        targets = np.array([file.target for file in corpus.files], np.float64)
    else:
        targets = np.array([numbers[str(file.target)] for file in corpus.files], np.int64)
    _, groups = np.unique(corpus.groups, return_inverse=True)
    return Examples(
        layers=np.stack([sound.layers for sound in sounds]).astype(np.float64),
        mfcc=np.stack([sound.mfcc for sound in sounds]).astype(np.float64),
        targets=targets,
        groups=np.asarray(groups, np.int64),
    )


def _measure(
    corpus: Corpus, learner: Learner, examples: Examples, wanted: Wanted, out: Path
) -> Mapping[str, Any]:
    """Holds files out, prints what is right, and returns it as plain values."""
    ways: dict[str, Numbers] = {}
    if corpus.has_groups:
        ways["in groups"] = examples.groups
    if wanted.ungrouped:
        ways["without regard to groups"] = np.arange(len(corpus.files))
    if not ways:
        print(UNGROUPED)
        (out / "held_out.csv").unlink(missing_ok=True)
        return {}
    measured = {}
    for title, groups in ways.items():
        held_out = hold_out(learner, examples, groups, wanted.most_folds)
        found = figures(learner, examples, held_out)
        _print(corpus, examples, held_out, found, title)
        measured[title] = {
            way: {name: asdict(figure) for name, figure in row.items()}
            for way, row in found.items()
        }
        # The first one is the stricter one.
        if len(measured) == 1:
            _write_held_out(out / "held_out.csv", corpus, held_out)
    return measured


def _print(
    corpus: Corpus,
    examples: Examples,
    held_out: HeldOut,
    found: Mapping[str, Mapping[str, Any]],
    title: str,
) -> None:
    is_class = corpus.kind == "class"
    num_groups = len(set(corpus.groups))
    unit = "group" if corpus.has_groups else "file"
    of_classes = f" of {len(corpus.classes)} classes" if is_class else ""
    of_groups = f" in {pluralized(num_groups, 'group')}" if corpus.has_groups else ""
    num_folds = len(np.unique(held_out.folds))
    print(
        f"\n{pluralized(len(corpus.files), 'file')}{of_classes}{of_groups}, held out {title} "
        f"({num_folds} folds; penalties are chosen within the others)"
    )
    if "regard" in title:
        print("too good where files of one artist or album are on both sides")
    print(f"\n{figures_in_words(found, f'{num_groups} {unit}s')}\n")
    if why_none(num_groups):
        print(f"{groups_in_words(corpus.groups, examples.targets, held_out.said, is_class)}\n")
    if held_out.num_unknown:
        count = pluralized(held_out.num_unknown, "file")
        print(f"Of the class of {count} nothing was left to learn from: they count as wrong.\n")
    if is_class:
        print(classes_in_words(corpus.classes, examples.targets, held_out.said[LAYERS]))


def _write_held_out(path: Path, corpus: Corpus, held_out: HeldOut) -> None:
    """Writes a line for each file: what is known of it, and what was said."""
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "group", "fold", corpus.kind, *held_out.said])
        for number, labelled in enumerate(corpus.files):
            said = [values[number] for values in held_out.said.values()]
            if corpus.kind == "class":
                said = [corpus.classes[value] for value in said]
            fold = held_out.folds[number]
            writer.writerow([labelled.name, labelled.group, fold, labelled.target, *said])
