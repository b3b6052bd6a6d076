"""Tells whether a sound file has its end, as far as its kind says where that is."""

from pathlib import Path
from typing import BinaryIO

# Of a RIFF file whose writer could not go back to fill in the size.
UNKNOWN_RIFF_BYTES = (0, 0xFFFFFFFF)
# Of an RF64 file, up to the size that RIFF has no room for.
_RF64_START_BYTES = 28
# An Ogg page is at most 65,307 bytes long.
_OGG_TAIL_BYTES = 2**17
# Where the flags of an Ogg page stand, behind its letters and its version.
_OGG_FLAGS = 5
_OGG_LAST_PAGE = 4


def is_ended(path: Path) -> bool:
    """Returns whether a file has its end: wav says how long it is, Ogg marks its last page."""
    with path.open("rb") as file:
        start = file.read(_RF64_START_BYTES)
        num_bytes = file.seek(0, 2)
        if start[:4] == b"RIFF":
            # Some writers do count the first 8 bytes, so a file may seem to lack that many.
            size = int.from_bytes(start[4:8], "little")
            return size in UNKNOWN_RIFF_BYTES or num_bytes >= size
        if start[:4] == b"RF64" and start[12:16] == b"ds64":
            return num_bytes >= int.from_bytes(start[20:28], "little")
        if start[:4] == b"OggS":
            return _has_last_page(file, num_bytes)
    return True


def _has_last_page(file: BinaryIO, num_bytes: int) -> bool:
    file.seek(max(num_bytes - _OGG_TAIL_BYTES, 0))
    tail = file.read()
    start = tail.rfind(b"OggS")
    flags = tail[start + _OGG_FLAGS : start + _OGG_FLAGS + 1]
    return bool(flags) and bool(flags[0] & _OGG_LAST_PAGE)
