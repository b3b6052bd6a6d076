"""What the toy task scores, and what its report says."""

import csv
import io

import numpy as np

from data_prep.records.full_tracks import iter_full_tracks
from evaluation.document.parts import Cell, Column, Document, Line, Section, Table, Text
from evaluation.tasks.room import Tables
from trainer.inference.separator import TrainedSeparator

OPTIONS: tuple[str, ...] = ()
SCORES_MEANS = False


def score(opened, options, processes):  # noqa: ARG001
    separator = TrainedSeparator(opened.workdir, str(opened.step), opened.weights)
    errors = {}
    for track in iter_full_tracks(opened.manifest, opened.folder, opened.split):
        estimates = separator.estimate(track.mixture, track.labels)
        errors[track.name] = float(np.mean(np.square(estimates - track.references)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["track", "error"])
    writer.writerows(errors.items())
    return Tables(
        files={"scores.csv": text.getvalue()},
        described={},
        content=(opened, errors),
    )


def page(tables):
    opened, errors = tables.content
    lines = [Line(track, [Cell(error, "")]) for track, error in errors.items()]
    table = Table("errors", "Track", [Column("Error")], [lines])
    sections = [Section("errors", "How far the filters are off", "Errors", [table])]
    head = [Text("A toy.", "lead")]
    return Document(opened.config.name, f"step {opened.step}", head, sections)
