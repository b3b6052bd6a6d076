"""Lets a band play a song of which each player's notes are known, and writes notes as MIDI."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
from numpy.typing import NDArray

from data_prep.audio.notes.general_midi import DRUM_CHANNEL
from data_prep.synthesis import timbres
from data_prep.synthesis.composition import drum_pattern, make_harmony, melody
from data_prep.synthesis.timbres import Note, Signal, Timbre, play, play_drums

SAMPLE_RATE = 44_100
# General MIDI's keys of drums.
_DRUM_KEYS = {"kick": 36, "snare": 38, "hat": 42}
# Of a drum, which rings on by itself.
_STROKE_SECS = 0.1
# The singers, who take turns, and who else plays a line, with the share of its notes that it rests.
_LINES: dict[str, tuple[Timbre, float]] = {
    "bass": (timbres.BASS, 0.05),
    "guitar": (timbres.OTHER, 0.2),
    "piano": (timbres.URMP["cl"], 0.2),
    "vocals": (timbres.VOWELS[0], 0.3),
}
# MIDI's tempo unless a file says another: two quarters a second. A tick is a millisecond.
_TICKS_OF_QUARTER = 500
_VELOCITY = 64


class Take(NamedTuple):
    """Is what one player of a band plays."""

    name: str
    # (T,)
    signal: Signal
    notes: list[Note]


def play_band(secs: float, rng: np.random.Generator) -> list[Take]:
    """Returns the takes of drums, bass, guitar, piano and vocals, all of one length."""
    num_frames = round(secs * SAMPLE_RATE)
    harmony = make_harmony(rng)
    hits = drum_pattern(harmony, secs, rng)
    strokes = [
        Note(start, _STROKE_SECS, _DRUM_KEYS[drum])
        for drum, starts in hits.items()
        for start in starts
    ]
    takes = [Take("drums", play_drums(hits, SAMPLE_RATE, num_frames, rng), strokes)]
    for name, (timbre, rest) in _LINES.items():
        notes = melody(harmony, timbre.low, timbre.high, secs, rng, rest)
        signal = play(notes, timbre.varied(rng), SAMPLE_RATE, num_frames, rng)
        takes.append(Take(name, signal, notes))
    return takes


def write_midi(path: Path, notes: Sequence[Note], program: int, is_drum: bool) -> None:
    """Writes notes as a Standard MIDI File of one track.

    Args:
        path: of the file.
        notes: of one player.
        program: of General MIDI, from 0 on.
        is_drum: whether they are strokes of drums.
    """
    channel = DRUM_CHANNEL if is_drum else 0
    # Ends come before beginnings at the same time: a note may follow its like.
    events: list[tuple[int, int, int]] = []
    for note in notes:
        start = round(note.start_secs * 2 * _TICKS_OF_QUARTER)
        stop = round((note.start_secs + note.secs) * 2 * _TICKS_OF_QUARTER)
        events += [(start, 1, note.pitch), (stop, 0, note.pitch)]
    track = mido.MidiTrack([mido.Message("program_change", channel=channel, program=program)])
    now = 0
    for tick, is_on, pitch in sorted(events):
        track.append(
            mido.Message(
                "note_on",
                channel=channel,
                note=pitch,
                velocity=_VELOCITY * is_on,
                time=tick - now,
            )
        )
        now = tick
    file = mido.MidiFile(ticks_per_beat=_TICKS_OF_QUARTER)
    file.tracks.append(track)
    file.save(path)


def stereo(takes: Sequence[Take], rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Returns the takes as (T, 2), each at a place between the loudspeakers."""
    # cos^2 + sin^2 = 1: the power is the same everywhere.
    angles = np.pi / 4 * (1 + rng.uniform(-0.5, 0.5, len(takes)))
    return [
        take.signal[:, None] * np.array([np.cos(angle), np.sin(angle)])
        for take, angle in zip(takes, angles, strict=True)
    ]
