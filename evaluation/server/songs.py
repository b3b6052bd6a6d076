"""Keeps the songs that were sent: they wait, are separated, and are there for a while."""

import shutil
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import soundfile

from data_prep.audio.encoding import writing
from data_prep.audio.tracks import BLOCK_FRAMES, AudioFormat, Waveform
from data_prep.runtime.memory import ran_out
from evaluation.server.asked import Asked
from evaluation.server.decoding import DecodedApart
from evaluation.server.hearing import picture
from evaluation.server.song import ORIGINAL, AnnouncedSound, RemovedError, Song
from evaluation.server.uploads import require_disk, why_not_written
from evaluation.songs.stems import Made, OpenSong

# It imports TensorFlow, for which whoever imports this module does not wait.
if TYPE_CHECKING:
    from evaluation.recognition.recogniser import Recogniser
    from trainer.inference.base import BaseSeparator

_BYTES_PER_VALUE = 4
# Of any codec, but for silence.
_LEAST_BYTES_PER_SEC = 100
_NOTHING_HEARD = (
    "No instrument was heard in it, so that it has no stems. Tick those that play, and let it be "
    "separated again."
)


class Songs:
    """Is all that were sent; the thread that calls ``work`` separates them, one after the other."""

    def __init__(
        self, separator: "BaseSeparator", folder: Path, recogniser: "Recogniser | None" = None
    ) -> None:
        """Begins without songs.

        Args:
            separator: estimates the sources, told which of them play.
            folder: for all that is made of them.
            recogniser: hears which instruments play, where one shall.
        """
        self.separator = separator
        self._recogniser = recogniser
        self._folder = folder
        self._songs: dict[str, Song] = {}
        self._waiting: SimpleQueue[Song] = SimpleQueue()

    @property
    def can_listen(self) -> bool:
        """Returns whether somebody can hear which instruments play."""
        return self._recogniser is not None

    def make(self, title: str, asked: Asked) -> Song:
        """Returns a song that is about to be received."""
        song = Song(self._folder, title, asked)
        self._songs[song.key] = song
        return song

    def again(self, song: Song, labels: Sequence[str]) -> Song:
        """Lets a song that was listened to wait for its turn once more, with other labels.

        The stems that were made of it stay, to be compared.

        Raises:
            OSError: the disk is full, or the song is deleted.
        """
        other = self.make(song.title, song.asked)
        try:
            other.follow(song, labels)
        except OSError:
            self.remove(other)
            raise
        self.queue(other)
        return other

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
            if song.asked.listens:
                if song.taggram is None:
                    self._decode(song, self._listen)
                self._write_heard_stems(song)
            else:
                self._decode(song, self._write_stems)
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

    def _decode(self, song: Song, use: Callable[[Song, AnnouncedSound], None]) -> None:
        """Does something with the sound of an upload, which is recorded, and deletes the upload."""
        sound = DecodedApart(song.upload, song.title)
        try:
            num_frames = _believable(sound, song.upload)
            use(song, _Recorded(sound, num_frames, song.sounds()[ORIGINAL]))
        finally:
            sound.close()
        song.upload.unlink(missing_ok=True)

    def _listen(self, song: Song, sound: AnnouncedSound) -> None:
        """Hears a song as a whole."""
        assert self._recogniser is not None
        song.begin(sound, "listening")
        _require_room(song, sound, num_files=1)
        rate = sound.audio_format.sample_rate

        def heard_blocks() -> Iterator[Waveform]:
            for block in sound.iter_blocks():
                yield block
                self._go_on(song, len(block) / rate)

        song.hear(self._recogniser.listen(heard_blocks(), rate))
        song.faults = sound.warnings()

    def _write_heard_stems(self, song: Song) -> None:
        """Writes the stems of a song that was listened to, if it has any."""
        if song.wanted.stems.names:
            self._write_stems(song, _Reread(song))
            return
        recorded = _Reread(song)
        song.begin(recorded)
        song.sentence = _NOTHING_HEARD
        song.made = Made(song.faults, peak=0.0, gain=1.0)
        song.picture = picture(song.sounds(), recorded.audio_format.sample_rate)

    def _write_stems(self, song: Song, sound: AnnouncedSound) -> None:
        song.begin(sound)
        files = song.stems()
        # The song itself is there already where somebody listened to it.
        is_missing = [not path.exists() for path in song.sounds().values()]
        _require_room(song, sound, num_files=sum(is_missing))
        opened = OpenSong(self.separator, sound, song.tags, song.wanted)
        song.made = opened.write_stems(files, song.folder, lambda secs: self._go_on(song, secs))
        song.picture = picture(song.sounds(), sound.audio_format.sample_rate)

    def _go_on(self, song: Song, secs: float) -> None:
        """Notes that so many more seconds of a song are done."""
        song.go_on(secs)
        # Not every song says how long it is, and not every one does so rightly.
        require_disk(song.upload, 0)
        self.sweep()


def _believable(sound: DecodedApart, upload: Path) -> int | None:
    """Returns how many frames a song says it has, or None where its file is too small for them."""
    num_frames = sound.num_announced or 0
    secs = num_frames / sound.audio_format.sample_rate
    return num_frames if secs * _LEAST_BYTES_PER_SEC <= upload.stat().st_size else None


def _require_room(song: Song, sound: AnnouncedSound, num_files: int) -> None:
    """Raises a ``ValueError`` where the disk has no room for files of so many sounds."""
    num_values = (sound.num_announced or 0) * sound.audio_format.channels * num_files
    require_disk(song.upload, num_values * _BYTES_PER_VALUE)


class _Recorded:
    """Is a song that is written to a file as it is read, to be heard beside its stems."""

    def __init__(self, sound: DecodedApart, num_announced: int | None, path: Path) -> None:
        self._sound = sound
        self._path = path
        self.audio_format = sound.audio_format
        self.num_announced = num_announced
        self.tags = sound.tags

    def iter_blocks(self) -> Iterator[Waveform]:
        with writing(self._path, "wav", self.audio_format) as writer:
            for block in self._sound.iter_blocks():
                writer.write(block)
                yield block

    def warnings(self) -> list[str]:
        return self._sound.warnings()


class _Reread:
    """Is a song that was recorded while somebody listened, to be read once more."""

    def __init__(self, song: Song) -> None:
        self._song = song
        self._path = song.sounds()[ORIGINAL]
        with soundfile.SoundFile(self._path) as file:
            self.audio_format = AudioFormat(file.samplerate, file.channels)
            self.num_announced: int | None = file.frames
        self.tags = song.tags

    def iter_blocks(self) -> Iterator[Waveform]:
        with soundfile.SoundFile(self._path) as file:
            yield from file.blocks(BLOCK_FRAMES, dtype="float32", always_2d=True)

    def warnings(self) -> list[str]:
        return self._song.faults


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
