"""Knows what became of one song that was sent: how far it is, its files, why it failed."""

import shutil
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, Protocol

from data_prep.audio.encoding import Tags
from data_prep.audio.tracks import AudioFormat
from evaluation.server.asked import Asked
from evaluation.server.hearing import Picture, TaggramRow, taggram
from evaluation.server.uploads import suffix_of
from evaluation.songs.choice import Stems
from evaluation.songs.stems import Made, Sound

# It imports TensorFlow, for which whoever imports this module does not wait.
if TYPE_CHECKING:
    from evaluation.recognition.recogniser import Heard

State = Literal["receiving", "waiting", "listening", "separating", "ready", "failed"]
# Names the song itself among its stems: no source can be called so, as no file could be.
ORIGINAL = "*"
# After it was last heard.
_KEPT_SECS = 3600.0


class RemovedError(Exception):
    """Tells that a song is not wanted any more."""


class AnnouncedSound(Sound, Protocol):
    """Is sound that says of itself what it is.

    Attributes:
        num_announced: frames that it says it has; None where it does not.
        tags: what it says of itself.
    """

    num_announced: int | None
    tags: Tags


class Song:
    """Is a song that was sent, and what became of it.

    Attributes:
        title: what the sender calls it; no path.
        folder: holds its files, all of them.
        state: how far it is.
        sentence: why it failed, or has no stems.
        wanted: of it; where somebody listens first, the labels and stems follow.
        made: what its separation said.
        picture: what there is to see of it.
        taggram: what was heard of it over time; None where nobody listened.
        lock: is held by who makes files of its stems.
    """

    def __init__(self, place: Path, title: str, asked: Asked) -> None:
        """Makes the folder of a song that is about to come."""
        self.key = str(uuid.uuid4())
        self.title = title
        self.folder = place / self.key
        self.folder.mkdir(mode=0o700)
        self.upload = self.folder / f"upload{suffix_of(title)}"
        self.asked = asked
        self.wanted = asked.wanted
        self.state: State = "receiving"
        self.is_removed = False
        self.sentence = ""
        self.made: Made | None = None
        self.tags = Tags()
        self.picture: Picture | None = None
        self.taggram: list[TaggramRow] | None = None
        # What is missing of the song that was recorded while somebody listened, a sentence each.
        self.faults: list[str] = []
        self.lock = Lock()
        self.audio_format: AudioFormat | None = None
        self._done_secs = 0.0
        self._all_secs: float | None = None
        self._begun = 0.0
        self._touched = monotonic()
        self._labels_heard: tuple[str, ...] | None = None

    def sounds(self) -> dict[str, Path]:
        """Returns the files of the song itself and of its stems, by name, in order."""
        names = (ORIGINAL, *self.wanted.stems.names)
        return {name: self.folder / f"{i}.wav" for i, name in enumerate(names)}

    def stems(self) -> dict[str, Path]:
        """Returns the files of its stems, by name."""
        return {name: path for name, path in self.sounds().items() if name != ORIGINAL}

    def begin(self, sound: AnnouncedSound, state: State = "separating") -> None:
        """Notes what the song says of itself, and what is done with it from here on."""
        self.state = state
        self.tags = sound.tags
        self.audio_format = sound.audio_format
        self._done_secs = 0.0
        if sound.num_announced:
            self._all_secs = sound.num_announced / sound.audio_format.sample_rate
        self._begun = monotonic()

    def hear(self, heard: "Heard") -> None:
        """Notes what was heard of the song, which has stems of that from now on."""
        self._labels_heard = heard.labels
        self.taggram = taggram(heard)
        self._tell(heard.labels)

    def follow(self, other: "Song", labels: Sequence[str]) -> None:
        """Takes over a song that was listened to, to be separated with labels of a person.

        Raises:
            OSError: the disk is full, or the other song is deleted.
        """
        recorded = other.sounds()[ORIGINAL]
        own = self.sounds()[ORIGINAL]
        try:
            # Takes no room, and stays when the other one is deleted.
            own.hardlink_to(recorded)
        except OSError:
            # Not every disk has such links.
            shutil.copyfile(recorded, own)
        self.tags = other.tags
        self.faults = other.faults
        self.taggram = other.taggram
        self._labels_heard = other._labels_heard
        self._tell(labels)

    def _tell(self, labels: Sequence[str]) -> None:
        wanted = self.asked.wanted.with_labels(labels)
        if not wanted.stems.sources:
            # What they leave of the song would be the song.
            wanted = replace(wanted, stems=Stems(()))
        self.wanted = wanted

    def go_on(self, secs: float) -> None:
        """Notes that so many more seconds are done.

        Raises:
            RemovedError: the song is not wanted any more.
        """
        self._done_secs += secs
        if self.is_removed:
            raise RemovedError

    def touch(self) -> None:
        """Notes that somebody listens to it."""
        self._touched = monotonic()

    def is_forgotten(self) -> bool:
        """Returns whether nobody has listened to it for long."""
        is_done = self.state in ("ready", "failed")
        return is_done and monotonic() - self._touched > _KEPT_SECS

    def describe(self) -> dict[str, Any]:
        """Returns what the page shows of it, as plain values."""
        warnings = self.made.warnings if self.made else ()
        of_listening = {}
        if self.asked.listens:
            of_listening = {"heard": self._labels_heard, "labels": self.wanted.labels}
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
            **of_listening,
        }

    def _left_secs(self) -> float | None:
        """Returns how long what is done with it takes from here on, at the speed so far."""
        is_done_with = self.state in ("listening", "separating")
        if not is_done_with or not self._done_secs or self._all_secs is None:
            return None
        secs_per_sec = (monotonic() - self._begun) / self._done_secs
        return max(0.0, self._all_secs - self._done_secs) * secs_per_sec
