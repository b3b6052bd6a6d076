"""Tells whether a sound file has its end, as far as its kind says where that is."""

from pathlib import Path
from typing import BinaryIO

# Of a RIFF file whose writer could not go back to fill in the size.
UNKNOWN_RIFF_BYTES = (0, 0xFFFFFFFF)
# Of an RF64 file, up to the size that RIFF has no room for.
_RF64_START_BYTES = 28
# Of a CAF file, and of the name and size of each of its chunks.
_CAF_START_BYTES = 8
_CAF_CHUNK_BYTES = 12
# An Ogg page is at most 65,307 bytes long.
_OGG_TAIL_BYTES = 2**17
# Where the flags of an Ogg page stand, behind its letters and its version.
_OGG_FLAGS = 5
_OGG_LAST_PAGE = 4
# Where a page says in how many pieces its content is; the length of each follows, a byte each.
_OGG_PIECES = 26
# Kinds that are frames and nothing else: FFmpeg guesses their length from the rate of the first.
_BARE_KINDS = ("aac", "ac3", "eac3", "mp3")
# What the first frame of an mp3 holds where it says how many follow.
_MP3_LENGTHS = (b"Xing", b"Info", b"VBRI")
_ID3_BYTES = 10
_MP3_FRAME_BYTES = 2048


def is_ended(path: Path) -> bool:
    """Returns whether a file has its end.

    Wav and its larger kin say how long they are, and Ogg marks its last page; of other kinds FFmpeg
    knows.
    """
    with path.open("rb") as file:
        start = file.read(_RF64_START_BYTES)
        num_bytes = file.seek(0, 2)
        if start[:4] == b"RIFF":
            # Some writers do count the first 8 bytes, so a file may seem to lack that many.
            size = int.from_bytes(start[4:8], "little")
            return size in UNKNOWN_RIFF_BYTES or num_bytes >= size
        if start[:4] == b"RF64" and start[12:16] == b"ds64":
            return num_bytes >= int.from_bytes(start[20:28], "little")
        if start[:4] == b"riff":
            # A W64 file: its size stands behind a name of 16 bytes.
            return num_bytes >= int.from_bytes(start[16:24], "little")
        if start[:4] == b"caff":
            return _has_caf_data(file, num_bytes)
        if start[:4] == b"OggS":
            return _has_last_page(file, num_bytes)
    return True


def _has_last_page(file: BinaryIO, num_bytes: int) -> bool:
    file.seek(max(num_bytes - _OGG_TAIL_BYTES, 0))
    tail = file.read()
    start = tail.rfind(b"OggS")
    page = tail[max(start, 0) :]
    if len(page) <= _OGG_PIECES:
        return False
    content = _OGG_PIECES + 1 + page[_OGG_PIECES]
    size = content + sum(page[_OGG_PIECES + 1 : content])
    return bool(page[_OGG_FLAGS] & _OGG_LAST_PAGE) and len(page) >= size


def _has_caf_data(file: BinaryIO, num_bytes: int) -> bool:
    position = _CAF_START_BYTES
    while position < num_bytes:
        file.seek(position)
        name = file.read(4)
        size = int.from_bytes(file.read(8), "big", signed=True)
        position += _CAF_CHUNK_BYTES + max(size, 0)
        if name == b"data":
            # Of a writer that could not go back the size is -1.
            return position <= num_bytes
    return False


def says_its_length(path: Path, kind: str) -> bool:
    """Returns whether a file of a kind, as FFmpeg names it, says how long it is."""
    if kind not in _BARE_KINDS:
        return True
    with path.open("rb") as file:
        start = file.read(_ID3_BYTES)
        if start[:3] == b"ID3":
            # Seven bits of each of four bytes are the size of the tag behind its first ten bytes.
            digits = [byte & 127 for byte in start[6:10]]
            size = sum(digit << shift for digit, shift in zip(digits, (21, 14, 7, 0), strict=True))
            file.seek(_ID3_BYTES + size)
        else:
            file.seek(0)
        frame = file.read(_MP3_FRAME_BYTES)
    return kind == "mp3" and any(word in frame for word in _MP3_LENGTHS)
