"""How much memory there is to take."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

_MOUNT = Path("/sys/fs/cgroup")


def available_memory() -> int:
    """Bytes that this process may still take: what the machine has left, or less where control groups limit it.

    Where the system does not say what is left (it is no Linux), all memory of the machine.
    """
    return min([_machine_memory(), *_control_group_memory()])


def _machine_memory() -> int:
    try:
        found = re.search(
            r"^MemAvailable: +(\d+) kB$",
            Path("/proc/meminfo").read_text(encoding="ascii"),
            re.MULTILINE,
        )
    except OSError:
        found = None
    return (
        int(found[1]) * 1024 if found else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    )


def _control_group_memory() -> Iterator[int]:
    """What each control group with a limit has left; cached files make way, so they do not count as taken."""
    for folder, limit, usage in _control_groups():
        try:
            left = int((folder / limit).read_text()) - int((folder / usage).read_text())
            cached = re.search(
                r"^inactive_file (\d+)$", (folder / "memory.stat").read_text(), re.MULTILINE
            )
        except (OSError, ValueError):  # the file is not there, or says "max"
            continue
        yield max(0, left + int(cached[1] if cached else 0))


def _control_groups() -> Iterator[tuple[Path, str, str]]:
    """The groups that this process may be in, of version 2 and 1: (folder, file of the limit, file of the usage)."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        names = {
            "": ("memory.max", "memory.current"),
            "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        }
        if controllers in names:
            root = _MOUNT / controllers
            own = root / path.lstrip("/")
            yield from (
                (folder, *names[controllers])
                for folder in (own, *own.parents)
                if folder.is_relative_to(root)
            )
