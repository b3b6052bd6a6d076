"""Knows what became of one song that was sent: how far it is, its files, why it failed."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, Literal

from data_prep.audio.encoding import Tags
from data_prep.audio.tracks import AudioFormat
from evaluation.server.decoding import DecodedApart
from evaluation.server.hearing import Picture
from evaluation.server.uploads import suffix_of
from evaluation.songs.choice import Stems
from evaluation.songs.stems import Made, Wanted

State = Literal["receiving", "waiting", "separating", "ready", "failed"]
# Names the song itself among its stems: no source can be called so, as no file could be.
ORIGINAL = "*"
# After it was last heard.
_KEPT_SECS = 3600.0


class RemovedError(Exception):
    """Tells that a song is not wanted any more."""


class Song:
    """Is a song that was sent, and what became of it.

    Attributes:
        title: what the sender calls it; no path.
        folder: holds its files, all of them.
        state: how far it is.
        sentence: why it failed.
        made: what its separation said.
        picture: what there is to see of it.
        lock: is held by who makes files of its stems.
    """

    def __init__(self, place: Path, title: str, labels: Sequence[str] | None, stems: Stems) -> None:
        """Makes the folder of a song that is about to come."""
        self.key = str(uuid.uuid4())
        self.title = title
        self.folder = place / self.key
        self.folder.mkdir(mode=0o700)
        self.upload = self.folder / f"upload{suffix_of(title)}"
        self.wanted = Wanted(labels, stems)
        self.state: State = "receiving"
        self.is_removed = False
        self.sentence = ""
        self.made: Made | None = None
        self.tags = Tags()
        self.picture: Picture | None = None
        self.lock = Lock()
        self.audio_format: AudioFormat | None = None
        self._done_secs = 0.0
        self._all_secs: float | None = None
        self._begun = 0.0
        self._heard = monotonic()

    def sounds(self) -> dict[str, Path]:
        """Returns the files of the song itself and of its stems, by name, in order."""
        names = (ORIGINAL, *self.wanted.stems.names)
        return {name: self.folder / f"{i}.wav" for i, name in enumerate(names)}

    def stems(self) -> dict[str, Path]:
        """Returns the files of its stems, by name."""
        return {name: path for name, path in self.sounds().items() if name != ORIGINAL}

    def begin(self, sound: DecodedApart) -> None:
        """Notes what the song says of itself."""
        self.state = "separating"
        self.tags = sound.tags
        self.audio_format = sound.audio_format
        if sound.num_announced:
            self._all_secs = sound.num_announced / sound.audio_format.sample_rate
        self._begun = monotonic()

    def go_on(self, secs: float) -> None:
        """Notes that so many more seconds are separated.

        Raises:
            RemovedError: the song is not wanted any more.
        """
        self._done_secs += secs
        if self.is_removed:
            raise RemovedError

    def touch(self) -> None:
        """Notes that somebody listens to it."""
        self._heard = monotonic()

    def is_forgotten(self) -> bool:
        """Returns whether nobody has listened to it for long."""
        is_done = self.state in ("ready", "failed")
        return is_done and monotonic() - self._heard > _KEPT_SECS

    def describe(self) -> dict[str, Any]:
        """Returns what the page shows of it, as plain values."""
        warnings = self.made.warnings if self.made else ()
        return {
            "key": self.key,
            "title": self.title,
            "state": self.state,
            "sentence": self.sentence,
            "warnings": [*warnings],
            "remark": self.made.remark("wav") if self.made else "",
            "stems": [*self.wanted.stems.names],
            "done_secs": self._done_secs,
            "all_secs": self._all_secs,
            "left_secs": self._left_secs(),
        }

    def _left_secs(self) -> float | None:
        """Returns how long its separation takes from here on, at the speed so far."""
        if self.state != "separating" or not self._done_secs or self._all_secs is None:
            return None
        secs_per_sec = (monotonic() - self._begun) / self._done_secs
        return max(0.0, self._all_secs - self._done_secs) * secs_per_sec
