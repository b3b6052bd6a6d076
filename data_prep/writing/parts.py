"""Names the parts of a job that many machines do together, as schedulers number them.

Google Cloud Batch, Kubernetes (an indexed Job) and Slurm (an array) start one command many times,
each with another number in its environment.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from data_prep.storage import Folder, open_folder
from data_prep.storage.lock import held
from data_prep.writing.scratch import shared_url

ARRAY = "array"
# The number of a task, that of the first, how many there are; "" where a scheduler does not say.
_SCHEDULERS = (
    ("BATCH_TASK_INDEX", "", "BATCH_TASK_COUNT"),
    ("JOB_COMPLETION_INDEX", "", ""),
    ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT"),
)

_LOCK = re.compile(r"(part-\d+-of-\d+)\.lock")

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Part:
    """Is one of several equal parts of a job."""

    index: int
    count: int

    def of(self, items: Sequence[_Item]) -> Sequence[_Item]:
        """Returns the items of this part, of all that the job has, in an order all parts know."""
        return items[self.index :: self.count]


def parse_part(text: str, environment: Mapping[str, str]) -> Part:
    """Returns the part that ``--part`` names.

    Args:
        text: ``I/N``, with I from 0 to N - 1; ``array/N``, where a scheduler says I; or ``array``,
            where it says both.
        environment: the variables of this process.

    Raises:
        ValueError: it names none.
    """
    name, _, count_text = text.partition("/")
    index_text = name
    if name == ARRAY:
        index_text, count = _array_task(environment)
        count_text = count_text or count
        if not count_text:
            raise ValueError(
                f"--part={text}: this scheduler does not say how many tasks there are; give "
                f"--part=array/N."
            )
    if not re.fullmatch(r"\d{1,9}", index_text) or not re.fullmatch(r"\d{1,9}", count_text):
        raise ValueError(f"--part={text}: expected I/N, array/N or array, such as --part=0/20.")
    part = Part(int(index_text), int(count_text))
    if part.index >= part.count:
        raise ValueError(
            f"--part={text} is part {part.index} of {part.count}; they are numbered from 0 to "
            f"N - 1."
        )
    return part


@contextmanager
def held_part(folder: Folder, part: Part) -> Iterator[None]:
    """Keeps a part to this job.

    Raises:
        ValueError: another job works at it.
    """
    place = f"{shared_url(folder)}/part-{part.index}-of-{part.count}"
    with held(place, "--part", beside=True):
        yield


def require_no_part(folder: Folder) -> None:
    """Refuses to go on while a part of the job is at work; what a killed one left is no matter.

    Raises:
        ValueError: one is.
    """
    for name in open_folder(shared_url(folder)).list_names():
        found = _LOCK.fullmatch(name)
        if found:
            with held(f"{shared_url(folder)}/{found[1]}", "--out", beside=True):
                pass


def _array_task(environment: Mapping[str, str]) -> tuple[str, str]:
    """Returns the number of this task from 0 on, and how many there are if that is known."""
    for index_name, first_name, count_name in _SCHEDULERS:
        index = environment.get(index_name, "")
        if index.isdecimal():
            first = environment.get(first_name, "0")
            return str(int(index) - int(first)), environment.get(count_name, "")
    names = ", ".join(name for name, _, _ in _SCHEDULERS)
    raise ValueError(
        f"--part=array: none of {names} is set to a number; start it by one of these schedulers, "
        f"or give --part=I/N."
    )
