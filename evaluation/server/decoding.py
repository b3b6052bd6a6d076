"""Reads a song that a process of its own decodes: whatever a file does to it, the server goes on.

Axes: C channels.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np

from configs.reading import parse_json
from data_prep.audio.encoding import Cover, Tags
from data_prep.audio.tracks import AudioFormat, Waveform
from evaluation.server import decoder
from evaluation.server.decoder import ABOUT, BLOCK, COVER, END, HEAD, REFUSED

# Where this package lies.
_HOME = Path(__file__).parents[2]
# For each thread that they could begin these take address space, of which a decoder has little.
_SETTINGS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
# Between two messages.
_PATIENCE_SECS = 60.0
# Longer than any that the decoder sends.
_LONGEST_MESSAGE = 2**28


class DecodedApart:
    """Is a song that another process decodes.

    Attributes:
        audio_format: its rate and channels.
        num_announced: frames that it says it has; None where it does not.
        tags: what it says of itself.
    """

    def __init__(self, path: Path, title: str) -> None:
        """Begins to decode a file.

        Args:
            path: of the file.
            title: what whoever sent it calls it, for sentences.

        Raises:
            ValueError: it is no song.
        """
        self._path = path
        self._title = title
        self._faults: list[str] = []
        places = [str(_HOME), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        places = [place for place in places if place]
        # -P: nothing that lies in the current folder is a module of ours.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", decoder.__name__, str(path.absolute())],
            env={**os.environ, **_SETTINGS, "PYTHONPATH": os.pathsep.join(places)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            about = parse_json(self._read(ABOUT)[1].decode(), title)
            self.audio_format = AudioFormat(about["sample_rate"], about["channels"])
            self.num_announced: int | None = about["num_announced"]
            cover = None
            if about["cover"]:
                cover = Cover(**about["cover"], data=self._read(COVER)[1])
            self.tags = Tags(about["texts"], cover)
        except BaseException:
            self.close()
            raise

    def iter_blocks(self) -> Iterator[Waveform]:
        """Yields consecutive blocks (frames, C), full scale 1; once.

        Raises:
            ValueError: what follows cannot be decoded, or the decoder broke.
        """
        letter, payload = self._read(BLOCK, END)
        while letter == BLOCK:
            block = np.frombuffer(payload, np.float32)
            yield block.reshape(-1, self.audio_format.channels)
            letter, payload = self._read(BLOCK, END)
        self._faults = parse_json(payload.decode(), self._title)
        self.close()

    def warnings(self) -> list[str]:
        """Returns what is missing of the song that was read, a sentence each."""
        return [f"{self._title}{fault}" for fault in self._faults]

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self, *expected: bytes) -> tuple[bytes, bytes]:
        """Returns the letter and the bytes of the next message, which is one of those expected."""
        head = self._read_bytes(HEAD.size)
        letter, num_bytes = HEAD.unpack(head)
        if letter not in (*expected, REFUSED) or num_bytes > _LONGEST_MESSAGE:
            raise self._broken()
        payload = self._read_bytes(num_bytes)
        if letter == REFUSED:
            sentence = payload.decode(errors="replace")
            raise ValueError(sentence.replace(str(self._path), self._title))
        return letter, payload

    def _read_bytes(self, num_bytes: int) -> bytes:
        """Returns so many bytes of the process, which is ended where it does not send them."""
        out: Any = self._process.stdout
        patience = Timer(_PATIENCE_SECS, self._give_up)
        patience.start()
        try:
            payload: bytes = out.read(num_bytes)
        finally:
            patience.cancel()
        if len(payload) < num_bytes:
            raise self._broken()
        return payload

    def _give_up(self) -> None:
        with suppress(OSError):
            self._process.kill()

    def _broken(self) -> ValueError:
        return ValueError(
            f"{self._title} could not be decoded: the decoder ended before the song did, or took "
            f"too much memory or time; convert the song to wav or flac, and send that."
        )
