"""Scores a trained network on the tracks of its records and reports, whatever its task."""

from collections.abc import Collection, Mapping
from typing import Any

from data_prep.storage.lock import keeping
from evaluation.estimates.named_checkpoint import NamedCheckpoint
from evaluation.estimates.opened_run import open_run
from evaluation.recognition.recognition_flag import AUTO
from evaluation.tasks.finishing import finish
from evaluation.tasks.registry import room_of

# Scores at the rate of the original files lie beside those at the rate of the records.
_ORIGINAL_SUFFIX = "-original"
# So do those of filtered estimates, and of recognised labels.
_WIENER_SUFFIX = "-wiener-"
_RECOGNISED_SUFFIX = "-recognised"


def evaluate(named: NamedCheckpoint, processes: int = 1, **options: Any) -> str:
    """Estimates, scores and reports a split; returns the folder of the results.

    A track is kept as soon as it is scored: an interrupted call is continued by the same one, and
    of a finished one only the report is made again.

    Args:
        named: what is to be evaluated.
        processes: that score at most, 0 for as many as there are cores.
        **options: whatever else the run's task knows, such as ``root``; None and empty text are as
            if left out.

    Raises:
        ValueError: the run, the checkpoint or the records are missing or do not fit together, or
            the task does not know an option.
    """
    asked = {name: value for name, value in options.items() if value not in (None, "")}
    suffix = _ORIGINAL_SUFFIX if asked.get("root") else ""
    if asked.get("wiener"):
        suffix += f"{_WIENER_SUFFIX}{asked['wiener']}"
    if asked.get("labels") == AUTO:
        suffix += _RECOGNISED_SUFFIX
    opened = open_run(named, suffix)
    room = room_of(opened.config.task.kind)
    _require_known(asked, room.OPTIONS, opened.config.task.kind)
    if opened.averaged_with and not room.SCORES_MEANS:
        raise ValueError(
            f"runs of the task {opened.config.task.kind} have no mean to be scored; name one "
            f"--workdir."
        )
    with keeping(opened.out, "--out") as hold:
        tables = room.score(opened, asked, processes)
        hold.require()
        finish(tables, room.page, opened.out, opened.config.task.kind)
    return opened.out.url


def _require_known(asked: Mapping[str, Any], known: Collection[str], kind: str) -> None:
    unknown = sorted(set(asked) - set(known))
    if unknown:
        legal = ", ".join(f"--{name}" for name in sorted(known)) or "none"
        raise ValueError(
            f"--{unknown[0]} means nothing for the task {kind}; its own flags are {legal}."
        )
