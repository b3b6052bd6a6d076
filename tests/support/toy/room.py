"""What the toy task scores, and what its report says."""

import csv
import io

import numpy as np

from data_prep.records.full_tracks import iter_full_tracks
from evaluation.document.parts import Cell, Column, Line, Section, Table, Text
from evaluation.tasks.room import Tables
from trainer.inference.separator import TrainedSeparator


def score(request, opened):
    separator = TrainedSeparator(opened.workdir, request.checkpoint, request.weights)
    errors = {}
    for track in iter_full_tracks(opened.manifest, opened.folder, request.split):
        estimates = separator.estimate(track.mixture, track.labels)
        errors[track.name] = float(np.mean(np.square(estimates - track.references)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["track", "error"])
    writer.writerows(errors.items())
    return Tables(
        title=opened.config.name,
        subtitle=f"step {opened.step}",
        files={"scores.csv": text.getvalue()},
        described={"task": "toy"},
        content=errors,
    )


def head(_tables):
    return [Text("A toy.", "lead")]


def sections(tables):
    lines = [Line(track, [Cell(error, "")]) for track, error in tables.content.items()]
    table = Table("errors", "Track", [Column("Error")], [lines])
    return [Section("errors", "How far the filters are off", "Errors", [table])]
