"""Keeps a folder to one job: by a lock on a disk, by a lease with a heartbeat in a bucket.

The kernel drops a lock when its process ends, however it ends. A bucket has no locks, but a lease.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from data_prep.storage import Folder, file_lock, is_bucket, open_folder
from data_prep.storage.lease import Hold, leased, refusal, this_job

__all__ = ["Hold", "held", "keeping"]

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


@contextmanager
def held(folder: str, flag: str = "--workdir", beside: bool = False) -> Iterator[Hold]:
    """Keeps a folder, which is made if need be, to this job for as long as the block runs.

    In a bucket this takes most of a minute to begin where a killed job left its lease.

    Args:
        folder: path or address.
        flag: names the folder to whom is refused.
        beside: whether the lock lies beside the folder and the folder is not made, for a job that
            makes it as a whole.

    Raises:
        ValueError: another job works there; the sentence names it.
    """
    # Without a slash at its end.
    folder = open_folder(folder).url
    place = folder
    if beside:
        place = f"{folder}.lock"
    if is_bucket(folder):
        with leased(place, folder, flag) as lease:
            yield lease
        return
    path = Path(place)
    if not beside:
        path = path / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _lock(path, folder, flag)
    if file is None:
        Path(place).mkdir(parents=True, exist_ok=True)
        with leased(place, folder, flag) as lease:
            yield lease
        return
    try:
        yield Hold()
    finally:
        _give_back(file, path)


@contextmanager
def keeping(folder: Folder, flag: str) -> Iterator[Hold]:
    """Keeps a folder to this job as ``held`` does, and removes its scratch folder in the end."""
    with held(folder.url, flag) as hold, closing(folder):
        yield hold


def _lock(path: Path, folder: str, flag: str) -> TextIO | None:
    """Makes a file, locks it until it is closed, and writes into it who did.

    Returns:
        The file; None where the file system has no locks.
    """
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            file_lock.lock(file)
        except OSError as error:
            with file:
                if isinstance(error, BlockingIOError):
                    file.seek(0)
                    raise refusal(folder, flag, file.read().strip()) from None
                if error.errno not in _NO_LOCKS:
                    raise
            path.unlink(missing_ok=True)
            return None
        if _is_at(file, path):
            break
        # Whoever held it removed it between the opening and the locking.
        file.close()
    if sys.platform != "win32":
        # A forked child shares the lock: without closing its copy it would keep the lock where it
        # outlives a killed job.
        os.register_at_fork(after_in_child=file.close)
    file.truncate(0)
    file.write(f"{this_job()}\n")
    file.flush()
    return file


def _give_back(file: TextIO, path: Path) -> None:
    """Removes the file of a lock that this job has, and gives the lock back."""
    if sys.platform == "win32":
        # An open file cannot be removed there. Whoever has opened it meanwhile keeps it.
        file.close()
        with suppress(OSError):
            path.unlink()
        return
    with file:
        # Before the file is closed, which gives the lock to another.
        path.unlink(missing_ok=True)


def _is_at(file: TextIO, path: Path) -> bool:
    """Returns whether a path still leads to a file that was opened by it."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False
