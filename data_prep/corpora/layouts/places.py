"""Finds folders and files by patterns with named parts, such as ``{split}/{track}``."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    """Is a folder or a file of a corpus, and what its path, or a table, says of it."""

    path: Path
    # named part -> what stands there
    fields: Mapping[str, str]


def iter_places(root: Path, pattern: str) -> Iterator[Place]:
    """Yields what a pattern matches below a folder, in the order of the paths.

    Args:
        root: the folder.
        pattern: a path from there; ``{name}`` stands for one or more letters within one name of
            it, as few as fit, and ``*`` for any.
    """
    as_glob = re.sub(r"{\w+}", "*", pattern)
    escaped = re.escape(pattern).replace(r"\*", "[^/]*")
    as_regex = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+?)", escaped))
    for path in sorted(root.glob(as_glob)):
        relative = path.relative_to(root)
        # Hidden ones are of the system: macOS leaves ._NAME beside NAME on foreign disks.
        if any(part.startswith(".") for part in relative.parts):
            continue
        match = as_regex.fullmatch(relative.as_posix())
        if match:
            yield Place(path, match.groupdict())
