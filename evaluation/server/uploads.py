"""Receives songs: bytes are counted as they come, and what is too much is cut off."""

import errno
import re
import shutil
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request

# What must stay free on the disk; an upload that comes without its length is looked at so often.
_SPARE_BYTES = 2**28
_LOOK_BYTES = 2**24
_LONGEST_NAME = 150
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
_CLOSE = {"connection": "close"}


def plain_title(name: str) -> str:
    """Returns what a browser calls a file as one line, which is shown and is no path.

    Windows parts folders by backslashes.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    printable = "".join(character for character in last if character.isprintable())
    return printable[-_LONGEST_NAME:].strip() or "song"


def suffix_of(title: str) -> str:
    """Returns the suffix of a name where it is a plain one, else nothing."""
    suffix = Path(title).suffix
    return suffix if _SUFFIX.fullmatch(suffix) else ""


async def receive(request: Request, path: Path, most_bytes: int) -> None:
    """Writes the body of a request to a file.

    Raises:
        HTTPException: it is longer than allowed (413), or than the disk has room for (507), or
            holds nothing (400).
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit():
        _require_allowed(int(announced), most_bytes)
        _require_room(path, int(announced))
    num_bytes = 0
    looked_at = 0
    with path.open("wb") as file:
        async for chunk in request.stream():
            num_bytes += len(chunk)
            _require_allowed(num_bytes, most_bytes)
            if num_bytes - looked_at > _LOOK_BYTES:
                _require_room(path, len(chunk))
                looked_at = num_bytes
            file.write(chunk)
    if not num_bytes:
        raise HTTPException(400, "the file is empty; expected a song.")


def require_disk(path: Path, num_bytes: int) -> None:
    """Raises a ``ValueError`` where the disk of a path has no room for so many bytes."""
    free_bytes = shutil.disk_usage(path.parent).free - _SPARE_BYTES
    if num_bytes > free_bytes:
        raise ValueError(
            f"this needs {_megabytes(num_bytes)} and the disk has {_megabytes(free_bytes)} left; "
            f"remove songs, or set TMPDIR to a disk with more room."
        )


def why_not_written(error: OSError) -> str:
    """Returns why a file could not be written, in a sentence without its path."""
    advice = "choose another format"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = "make room on the disk, and try again"
    return f"the sound could not be written ({error.strerror}); {advice}."


def _require_allowed(num_bytes: int, most_bytes: int) -> None:
    if num_bytes > most_bytes:
        raise HTTPException(
            413,
            f"a song may have up to {_megabytes(most_bytes)}; for a longer one give --upload_mb, "
            f"or the file to the command itself.",
            headers=_CLOSE,
        )


def _require_room(path: Path, num_bytes: int) -> None:
    try:
        require_disk(path, num_bytes)
    except ValueError as error:
        raise HTTPException(507, str(error), headers=_CLOSE) from error


def _megabytes(num_bytes: int) -> str:
    return f"{max(num_bytes, 0) / 1e6:,.0f} MB"
