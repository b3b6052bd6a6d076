"""Reads the notes of Standard MIDI Files.

Their time follows the tempo events of all tracks, or SMPTE's frames. A note ends with its note-off,
or a note-on of velocity 0, of its track, channel and key; one that has none ends with the file. The
sustain pedal is not heeded. "Standard MIDI Files 1.0", MIDI Manufacturers Association, 1996.
"""

import io
import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import mido
from mido.midifiles.meta import KeySignatureError

from data_prep.audio.annotations import Note
from data_prep.audio.notes.voices import ANY, Voice, instruments_of

_CENTS_OF_KEY = 100
# Microseconds of a quarter note, until a file says another tempo.
_DEFAULT_TEMPO = 500_000
# SMPTE's 29 frames a second stand for 30 / 1.001.
_DROP_FRAMES = 29
# Records count frames in 32 bits.
_MAX_FRAMES = 2**31
# The most ticks between two messages: 28 bits.
_MAX_DELTA = 2**28 - 1
# Tracks of a file of format 2 are pieces of their own.
_MAX_FORMAT = 1


class _Event(NamedTuple):
    """Is a message of a file, at its time."""

    tick: int
    track: int
    # Of mido, which carries no types.
    message: Any


class _TickedNote(NamedTuple):
    """Is a note of a file as that counts time."""

    onset: int
    offset: int
    key: int
    voice: Voice


def read_midi_notes(
    path: Path,
    names: Mapping[str, str] | None,
    sample_rate: int,
    vocabulary: Sequence[str] = ANY,
) -> list[Note]:
    """Returns the notes of a MIDI file, in the order of their onsets.

    Args:
        path: of the file.
        names: maps what the file calls its tracks to instruments, as ``parse_notes_map`` makes it;
            what it does not name is left out. None: all tracks must be called like instruments.
        sample_rate: is that of the frames in which the notes count.
        vocabulary: holds the instruments after which tracks may be called.

    Raises:
        ValueError: it is no such file, has no notes, or its tracks are not those of the map or no
            instruments; a sentence.
        OSError: the file cannot be read.
    """
    ticked, clock = _ticked_notes(path)
    if not ticked:
        raise ValueError(f"{path} has no notes; expected a MIDI file of a piece.")
    voices: dict[Voice, int] = {}
    for note in ticked:
        voices[note.voice] = voices.get(note.voice, 0) + 1
    instruments = instruments_of(voices, names, vocabulary, str(path))
    return _timed(path, ticked, clock, instruments, sample_rate)


def read_part(path: Path, instrument: str, sample_rate: int) -> list[Note]:
    """Returns the notes of a MIDI file that holds one part, whatever its tracks are called.

    Args:
        path: of the file.
        instrument: plays all of them.
        sample_rate: is that of the frames in which the notes count.

    Raises:
        ValueError: it is no such file.
        OSError: the file cannot be read.
    """
    ticked, clock = _ticked_notes(path)
    instruments = {note.voice: instrument for note in ticked}
    return _timed(path, ticked, clock, instruments, sample_rate)


def _ticked_notes(path: Path) -> tuple[list[_TickedNote], "_Clock"]:
    """Returns the notes of a file as that counts time, and what turns its ticks into seconds."""
    file = _load(path)
    events = list(_iter_events(file))
    ticked = list(_iter_notes(events, _track_names(file)))
    return ticked, _Clock(file.ticks_per_beat, events)


def _timed(
    path: Path,
    ticked: Sequence[_TickedNote],
    clock: "_Clock",
    instruments: Mapping[Voice, str],
    sample_rate: int,
) -> list[Note]:
    """Returns the notes of voices that have an instrument, in frames, by their onsets."""
    notes = []
    for note in ticked:
        instrument = instruments.get(note.voice)
        if instrument is None:
            continue
        onset = clock.secs(note.onset) * sample_rate
        offset = clock.secs(note.offset) * sample_rate
        if offset >= _MAX_FRAMES:
            raise ValueError(
                f"{path} has a note that ends after {offset / sample_rate / 3600:.0f} hours; "
                f"expected a piece: it is damaged, copy it again."
            )
        first = round(onset)
        notes.append(
            Note(first, max(round(offset), first + 1), note.key * _CENTS_OF_KEY, instrument)
        )
    return sorted(notes)


def _load(path: Path) -> mido.MidiFile:
    """Returns a file as mido reads it; ``ValueError`` where it is none."""
    # What cannot be read is another fault than what is no MIDI, which mido tells by OSError, too.
    content = io.BytesIO(path.read_bytes())
    try:
        file = mido.MidiFile(file=content)
    except EOFError as error:
        raise ValueError(f"{path} is cut short; expected a whole MIDI file.") from error
    except (
        *(OSError, ValueError, LookupError, TypeError, AttributeError),
        *(OverflowError, struct.error, KeySignatureError),
    ) as error:
        raise ValueError(f"{path} is no MIDI file that can be read: {error}.") from error
    if file.type > _MAX_FORMAT or file.ticks_per_beat == 0:
        raise ValueError(
            f"{path} is of format {file.type} with {file.ticks_per_beat} ticks; expected format 0 "
            f"or 1, whose tracks sound together, and ticks that divide time."
        )
    longest = max((message.time for track in file.tracks for message in track), default=0)
    if longest > _MAX_DELTA:
        raise ValueError(
            f"{path} has a message more than {_MAX_DELTA} ticks after another; expected a piece: "
            f"it is damaged, copy it again."
        )
    return file


def _track_names(file: mido.MidiFile) -> list[str]:
    """Returns what the tracks are called; nothing for those without a name."""
    names = []
    for track in file.tracks:
        # The standard says ASCII; programs write UTF-8, which mido takes for Latin-1.
        text = track.name.encode("latin-1", errors="replace")
        try:
            name = text.decode("utf-8")
        except UnicodeDecodeError:
            name = track.name
        names.append("".join(sign if sign.isprintable() else " " for sign in name).strip())
    return names


def _iter_events(file: mido.MidiFile) -> Iterator[_Event]:
    """Yields the messages of all tracks in the order of time, those of one time by track."""
    events = []
    for number, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            tick += message.time
            events.append(_Event(tick, number, message))
    yield from sorted(events, key=lambda event: event.tick)


def _iter_notes(events: Sequence[_Event], track_names: Sequence[str]) -> Iterator[_TickedNote]:
    """Yields the notes of a file, each with who plays it."""
    # Channel -> its program, whichever track says it.
    programs: dict[int, int] = {}
    # Track, channel, key -> what sounds, the oldest first: a note-off ends the oldest.
    sounding: dict[tuple[int, int, int], list[tuple[int, Voice]]] = {}
    for tick, track, message in events:
        if message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type in ("note_on", "note_off"):
            open_notes = sounding.setdefault((track, message.channel, message.note), [])
            if message.type == "note_on" and message.velocity > 0:
                program = programs.get(message.channel, 0)
                voice = Voice(track, track_names[track], message.channel, program)
                open_notes.append((tick, voice))
            elif open_notes:
                onset, voice = open_notes.pop(0)
                yield _TickedNote(onset, tick, message.note, voice)
    for (_, _, key), open_notes in sounding.items():
        for onset, voice in open_notes:
            yield _TickedNote(onset, events[-1].tick, key, voice)


class _Clock:
    """Turns the ticks of a file into seconds."""

    def __init__(self, division: int, events: Sequence[_Event]) -> None:
        # Where a tempo begins: its tick, the seconds until there, and the seconds of a tick.
        self._ticks = [0]
        self._secs = [0.0]
        self._secs_per_tick = [_DEFAULT_TEMPO / 1e6 / division]
        if division < 0:
            # The upper byte is minus the frames of a second, the lower one the ticks of a frame.
            frames = -(division >> 8)
            frame_rate = 30 / 1.001 if frames == _DROP_FRAMES else float(frames)
            self._secs_per_tick = [1 / (frame_rate * max(division & 0xFF, 1))]
            return
        for event in events:
            if event.message.type == "set_tempo":
                self._secs.append(self.secs(event.tick))
                self._ticks.append(event.tick)
                self._secs_per_tick.append(event.message.tempo / 1e6 / division)

    def secs(self, tick: int) -> float:
        """Returns the seconds from the beginning of the file to a tick."""
        place = bisect_right(self._ticks, tick) - 1
        return self._secs[place] + (tick - self._ticks[place]) * self._secs_per_tick[place]
