"""Writes what was scored, whatever the task; needs no TensorFlow, as scoring needs none."""

from collections.abc import Callable
from pathlib import Path

from data_prep.storage import Folder
from evaluation.document.parts import Document
from evaluation.document.render import write
from evaluation.scores.results import publish
from evaluation.tasks.room import Tables


def finish(tables: Tables, page: Callable[[Tables], Document], out: Folder, kind: str) -> None:
    """Writes tables and report into the folder of the results, the scores last.

    Args:
        tables: what was scored.
        page: makes the page of it.
        out: the folder.
        kind: the task, which scores.json names.
    """

    def write_more(made: Path) -> None:
        tables.write_more(made)
        write(made / "report.html", page(tables))

    publish(out, tables.files, {"task": kind, **tables.described}, write_more)
    tables.done()
