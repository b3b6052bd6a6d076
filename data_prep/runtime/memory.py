"""Says how much memory there is to take, and keeps or gives back what a process has taken."""

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data_prep.runtime.system import machine_memory

# Of glibc's mallopt: what is larger is taken from the kernel by itself, of which 32 MiB is the most
# that it allows; and what may lie free at the end before it goes back.
_M_MMAP_THRESHOLD = -3
_M_TRIM_THRESHOLD = -1
# Where Linux shows the control groups.
_MOUNT = Path("/sys/fs/cgroup")


class _ControlGroup(NamedTuple):
    """Is a group of processes whose memory the kernel may limit together."""

    folder: Path
    # The names of files in it, which differ between the versions of control groups.
    limit: str
    usage: str


def available_memory() -> int:
    """Returns the bytes that this process may still take.

    They are what the machine has left, or less where control groups limit it. Where the system does
    not say what is left, as macOS, they are all the memory of the machine.
    """
    return min([_machine_memory(), *_control_group_memory()])


def ran_out(error: BaseException) -> bool:
    """Says whether an error tells that there was too little memory."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, ImportError):
        # Of a library that the linker has no room for.
        return "failed to map segment" in str(error)
    # TensorFlow says the same of a disk that is full.
    is_exhausted = type(error).__name__ == "ResourceExhaustedError"
    if not is_exhausted or "No space left" in str(error):
        return False
    return re.search("OOM|allocat|memory", str(error)) is not None


def keep_freed_memory() -> None:
    """Lets this process keep memory that it frees, for arrays of megabytes that come and go.

    Else each of them would come from the kernel anew, which clears it page by page: a fifth of the
    time that scoring takes. What is larger than 32 MiB goes back as before. Where the system has
    another allocator than glibc, nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(_M_MMAP_THRESHOLD, 2**25)
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def give_back_freed_memory() -> None:
    """Gives back what this process has freed, also between what it still holds.

    The allocator would give back what lies at the end alone: where arrays of megabytes outlive
    larger ones, it keeps many times what is held. Where it is another than that of glibc, nothing
    changes.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    # Windows has no library without a name.
    except (OSError, AttributeError, TypeError):
        return
    trim(0)


def _machine_memory() -> int:
    """Returns the bytes that the machine has left, or all where the system does not say."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        text = ""
    # What can be had without swapping, which is more than what is free.
    available = re.search(r"^MemAvailable: +(\d+) kB$", text, re.MULTILINE)
    if available:
        return int(available[1]) * 1024
    return machine_memory()


def _control_group_memory() -> Iterator[int]:
    """Yields what each control group with a limit has left, in bytes."""
    for group in _control_groups():
        try:
            limit = int((group.folder / group.limit).read_text())
            usage = int((group.folder / group.usage).read_text())
            statistics = (group.folder / "memory.stat").read_text()
        except (OSError, ValueError):
            # The file is not there, or says "max".
            continue
        # Cached files make way, so they do not count as taken.
        cached = re.search(r"^inactive_file (\d+)$", statistics, re.MULTILINE)
        num_cached = int(cached[1]) if cached else 0
        yield max(0, limit - usage + num_cached)


def _control_groups() -> Iterator[_ControlGroup]:
    """Yields the groups that this process may be in: its own and those that hold that one."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    # By the controllers that a line names: none in version 2, memory in version 1.
    names = {
        "": ("memory.max", "memory.current"),
        "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    }
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in names:
            limit, usage = names[controllers]
            root = _MOUNT / controllers
            own = root / path.lstrip("/")
            for folder in (own, *own.parents):
                if folder.is_relative_to(root):
                    yield _ControlGroup(folder, limit, usage)
