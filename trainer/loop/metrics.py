"""Reads ``WORKDIR/metrics.jsonl``, a log: what of it cannot be read is told and stops nothing.

``trainer.loop.progress`` says what it holds.
"""

import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from configs.reading import parse_object
from data_prep.runtime.quantities import pluralized
from data_prep.storage import open_folder
from trainer.loop.workdir import write_text

_NAME = "metrics.jsonl"
# Beyond it a whole number is none of ours, and may be no float.
_LARGEST = 2**63


class _Log(NamedTuple):
    """Is what the file holds."""

    lines: list[dict[str, Any]]
    # What cannot be read of it, in words; empty where all can.
    damage: str


def read_metrics(workdir: str) -> list[dict[str, Any]]:
    """Reads the lines, none where there is no file; warns of those that cannot be read."""
    log = _read(workdir)
    if log.damage:
        kept = pluralized(len(log.lines), "line")
        print(f"warning: {log.damage}; {kept} can be shown.", file=sys.stderr, flush=True)
    return log.lines


def take_up_metrics(workdir: str) -> list[dict[str, Any]]:
    """Reads the lines for the job that goes on writing them.

    Where some cannot be read, the file is renamed, so that nothing is lost, and the others make a
    new one.
    """
    import tensorflow as tf

    log = _read(workdir)
    if log.damage:
        aside = _free_name(workdir)
        tf.io.gfile.rename(f"{workdir}/{_NAME}", aside)
        write_metrics(workdir, log.lines)
        kept = pluralized(len(log.lines), "line")
        print(
            f"warning: {log.damage}; the file is called {aside} now, and {kept} of it stay.",
            flush=True,
        )
    return log.lines


def write_metrics(workdir: str, lines: Sequence[Mapping[str, Any]]) -> None:
    """Writes the file whole."""
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    write_text(f"{workdir}/{_NAME}", text)


def _read(workdir: str) -> _Log:
    """Reads what can be read."""
    folder = open_folder(workdir)
    path = f"{folder.url}/{_NAME}"
    try:
        # Bytes that are no text become characters that no line of ours has.
        file = folder.read_version(_NAME)
    except OSError as error:
        return _Log([], f"{path} cannot be read: {error.strerror}")
    if file is None:
        return _Log([], "")
    lines = []
    damaged = []
    for number, text in enumerate(file.text.splitlines(), start=1):
        line = _parse(text)
        if line is None:
            damaged.append(number)
        else:
            lines.append(line)
    if not damaged:
        return _Log(lines, "")
    count = pluralized(len(damaged), "line")
    return _Log(lines, f"{path} is damaged: {count} cannot be read, the first being {damaged[0]}")


def _parse(text: str) -> dict[str, Any] | None:
    """Returns the figures in a line; None where there is anything that we never write."""
    try:
        line = parse_object(text, _NAME, with_nan=True)
    except ValueError:
        return None
    figures = {name: value for name, value in line.items() if name != "kind"}
    is_ours = (
        text.isascii()
        and type(line.get("step")) is int
        and isinstance(line.get("kind"), str)
        and all(_is_number(value) for value in figures.values())
    )
    return line if is_ours else None


def _is_number(value: object) -> bool:
    return isinstance(value, float) or (type(value) is int and abs(value) < _LARGEST)


def _free_name(workdir: str) -> str:
    """Returns a path for what is damaged, which nothing has yet."""
    import tensorflow as tf

    names = (f"{workdir}/metrics.damaged-{number}.jsonl" for number in itertools.count(1))
    return next(name for name in names if not tf.io.gfile.exists(name))
