"""Files that are whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path to write to, which takes the place of ``path`` once the block is done and on the disk.

    Whoever reads ``path`` meanwhile finds the old file or the new one, never half of one.
    """
    temporary = path.with_name(f"{path.name}.partial")
    yield temporary
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
