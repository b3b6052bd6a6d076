"""Keeps the songs that were sent: they wait, are separated, and are there for a while."""

import shutil
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from data_prep.audio.encoding import writing
from data_prep.audio.tracks import Waveform
from data_prep.runtime.memory import ran_out
from evaluation.server.decoding import DecodedApart
from evaluation.server.hearing import picture
from evaluation.server.song import ORIGINAL, RemovedError, Song
from evaluation.server.uploads import require_disk, why_not_written
from evaluation.songs.choice import Stems
from evaluation.songs.stems import OpenSong

# It imports TensorFlow, for which whoever imports this module does not wait.
if TYPE_CHECKING:
    from trainer.inference.base import BaseSeparator

_BYTES_PER_VALUE = 4
# Of any codec, but for silence.
_LEAST_BYTES_PER_SEC = 100


class Songs:
    """Is all that were sent; the thread that calls ``work`` separates them, one after the other."""

    def __init__(self, separator: "BaseSeparator", folder: Path) -> None:
        """Begins without songs.

        Args:
            separator: estimates the sources.
            folder: for all that is made of them.
        """
        self.separator = separator
        self._folder = folder
        self._songs: dict[str, Song] = {}
        self._waiting: SimpleQueue[Song] = SimpleQueue()

    def make(self, title: str, labels: Sequence[str] | None, stems: Stems) -> Song:
        """Returns a song that is about to be received."""
        song = Song(self._folder, title, labels, stems)
        self._songs[song.key] = song
        return song

    def queue(self, song: Song) -> None:
        """Lets a song that was received wait for its turn."""
        song.state = "waiting"
        self._waiting.put(song)

    def find(self, key: str) -> Song | None:
        """Returns a song by its key."""
        return self._songs.get(key)

    def remove(self, song: Song) -> None:
        """Deletes all that is there of a song."""
        song.is_removed = True
        self._songs.pop(song.key, None)
        shutil.rmtree(song.folder, ignore_errors=True)

    def describe(self) -> list[dict[str, Any]]:
        """Returns what the page shows of all songs, as plain values."""
        return [song.describe() for song in [*self._songs.values()]]

    def sweep(self) -> None:
        """Removes the songs to which nobody has listened for long."""
        for song in [*self._songs.values()]:
            if song.is_forgotten():
                self.remove(song)

    def work(self) -> None:
        """Separates songs as they come, for ever."""
        while True:
            self.work_once(patience_secs=1.0)

    def work_once(self, patience_secs: float) -> Song | None:
        """Separates the next song; returns it, or None where none comes in so many seconds."""
        self.sweep()
        try:
            song = self._waiting.get(timeout=patience_secs)
        except Empty:
            return None
        if not song.is_removed:
            self._separate(song)
        if song.is_removed:
            # What was written after its folder had been deleted.
            shutil.rmtree(song.folder, ignore_errors=True)
        return song

    def _separate(self, song: Song) -> None:
        """Separates a song, or notes why it cannot be."""
        try:
            sound = DecodedApart(song.upload, song.title)
            try:
                self._write_stems(song, sound)
            finally:
                sound.close()
            song.touch()
            song.state = "ready"
        except RemovedError:
            return
        except Exception as error:
            if song.is_removed:
                return
            song.sentence = _sentence(song, error)
            # Its files may have filled the disk.
            shutil.rmtree(song.folder, ignore_errors=True)
            song.touch()
            song.state = "failed"

    def _write_stems(self, song: Song, sound: DecodedApart) -> None:
        song.begin(sound)
        files = song.sounds()
        rate, num_channels = sound.audio_format
        num_values = _believable(sound, song.upload) * num_channels * len(files)
        require_disk(song.upload, num_values * _BYTES_PER_VALUE)
        opened = OpenSong(self.separator, _Recorded(sound, files[ORIGINAL]), song.tags, song.wanted)

        def progress(secs: float) -> None:
            song.go_on(secs)
            # Not every song says how long it is, and not every one does so rightly.
            require_disk(song.upload, 0)
            self.sweep()

        song.made = opened.write_stems(song.stems(), song.folder, progress)
        song.picture = picture(files, rate)
        song.upload.unlink(missing_ok=True)


def _believable(sound: DecodedApart, upload: Path) -> int:
    """Returns how many frames a song says it has, or 0 where its file is too small for them."""
    num_frames = sound.num_announced or 0
    secs = num_frames / sound.audio_format.sample_rate
    return num_frames if secs * _LEAST_BYTES_PER_SEC <= upload.stat().st_size else 0


class _Recorded:
    """Is a song that is written to a file as it is read, to be heard beside its stems."""

    def __init__(self, sound: DecodedApart, path: Path) -> None:
        self._sound = sound
        self._path = path
        self.audio_format = sound.audio_format

    def iter_blocks(self) -> Iterator[Waveform]:
        with writing(self._path, "wav", self.audio_format) as writer:
            for block in self._sound.iter_blocks():
                writer.write(block)
                yield block

    def warnings(self) -> list[str]:
        return self._sound.warnings()


def _sentence(song: Song, error: Exception) -> str:
    """Returns why a song failed; a fault of the program goes to the terminal."""
    if ran_out(error):
        return "memory ran out; close other programs, or begin the command with a smaller --memory."
    if isinstance(error, OSError):
        return why_not_written(error)
    if isinstance(error, ValueError):
        return str(error).replace(str(song.upload), song.title)
    traceback.print_exception(error, file=sys.stderr)
    return "this is a fault of the program; the terminal has what is to be reported."
