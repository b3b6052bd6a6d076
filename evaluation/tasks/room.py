"""Says what the evaluation of a task is to the commands and the page; they know no task by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from evaluation.document.parts import Document

if TYPE_CHECKING:
    # It imports TensorFlow, which the scoring of files does without.
    from evaluation.estimates.opened_run import OpenedRun


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True)
class Tables:
    """Holds what was scored."""

    # CSV text by the name of its file; ``scores.csv`` is among them and is written last.
    files: Mapping[str, str]
    # How it was scored, as plain values: scores.json.
    described: Mapping[str, Any]
    # The tables as the page of the task takes them.
    content: Any
    # Writes more files, such as sounds, to a local folder, from which they join the results.
    write_more: Callable[[Path], None] = _nothing
    # Is called once all is written: what was kept of single tracks may go.
    done: Callable[[], None] = _nothing


class Room(Protocol):
    """Is a module: what a task scores, and what its report says."""

    # The options of ``evaluation.evaluate`` that it knows beside those that name a run.
    OPTIONS: tuple[str, ...]
    # Whether it scores the mean of several runs, which ``opened.averaged_with`` names.
    SCORES_MEANS: bool

    def score(self, opened: "OpenedRun", options: Mapping[str, Any], processes: int) -> Tables:
        """Scores the tracks of a split, each kept as soon as it is scored.

        Args:
            opened: the run and its tracks.
            options: values of ``OPTIONS``; one that is missing was not asked for.
            processes: that score at most, 0 for as many as there are cores.

        Raises:
            ValueError: something cannot be scored.
        """

    def page(self, tables: Tables) -> Document:
        """Makes the page of what was scored."""
