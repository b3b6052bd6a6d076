"""Locks an open file for one process; the kernel drops the lock when the process ends, however."""

import errno
import os
import sys
from typing import TextIO

# Where Windows locks one byte: it lets nobody read what is locked, and what is written in the file
# must be read by those who are refused.
_FAR_BYTES = 2**30


def lock(file: TextIO) -> None:
    """Locks an open file until it is closed.

    Raises:
        BlockingIOError: somebody else has it locked.
        OSError: it cannot be locked; with the number ENOLCK where the system has no locks.
    """
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file.fileno(), _FAR_BYTES, os.SEEK_SET)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(errno.EAGAIN, "locked by another process") from error
        finally:
            os.lseek(file.fileno(), 0, os.SEEK_SET)
        return
    try:
        import fcntl
    except ImportError as error:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK)) from error
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
