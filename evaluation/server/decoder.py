"""Decodes a song in a process of its own, which may take so much memory and time and no more.

It is begun by ``decoding``, which says how it is told of what it decodes: messages on the standard
output, each a letter, a length and so many bytes.
"""

import json
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from data_prep.runtime.system import limit_process

HEAD = struct.Struct("<cQ")
"""What a message begins with: its letter, and how many bytes follow."""
ABOUT = b"A"
"""What the song is, as JSON: sample_rate, channels, num_announced, texts, and of a cover its form.
"""
COVER = b"C"
"""The bytes of the cover."""
BLOCK = b"B"
"""A block of the waveform: float32, frame by frame."""
END = b"E"
"""What is missing of the song, as a JSON list of sentences without its path."""
REFUSED = b"R"
"""Why it cannot be decoded: a sentence."""

_MOST_BYTES = 2**31
_MOST_CPU_SECS = 1800


def main() -> None:
    """Decodes the file that the arguments name."""
    path = Path(sys.argv[1])
    out = sys.stdout.buffer
    limit_process(_MOST_BYTES, _MOST_CPU_SECS)
    # Only now, within the limits.
    from data_prep.audio.decoding import DecodedFile
    from data_prep.audio.encoding import read_tags

    try:
        song = DecodedFile(path)
        _send_about(out, song, read_tags(path))
        for block in song.iter_blocks():
            _send(out, BLOCK, np.ascontiguousarray(block, np.float32).tobytes())
        _send(out, END, json.dumps(song.faults()).encode())
    except ValueError as error:
        _send(out, REFUSED, str(error).encode(errors="replace"))
    except MemoryError:
        _send(out, REFUSED, b"the song takes too much memory to be decoded.")


def _send_about(out: BinaryIO, song: Any, tags: Any) -> None:
    cover = tags.cover
    about = {
        "sample_rate": song.audio_format.sample_rate,
        "channels": song.audio_format.channels,
        "num_announced": song.num_announced,
        "texts": dict(tags.texts),
        "cover": None,
    }
    if cover is not None:
        about["cover"] = {"codec": cover.codec, "width": cover.width, "height": cover.height}
    _send(out, ABOUT, json.dumps(about).encode())
    if cover is not None:
        _send(out, COVER, cover.data)


def _send(out: BinaryIO, letter: bytes, payload: bytes) -> None:
    out.write(HEAD.pack(letter, len(payload)))
    out.write(payload)
    out.flush()


if __name__ == "__main__":
    main()
