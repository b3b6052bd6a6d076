"""Composes by dice the music of the rendered corpora, as notes for General MIDI instruments.

It is other music than that of ``data_prep.synthesis``, and is kept as it is: with other throws, or
the same ones in another order, a seed would give other pieces than those of all figures so far.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from data_prep.synthesis.corpus_folder import tune
from data_prep.synthesis.timbres import Note

# Pitch classes above the root; a chord lasts _CHORD_SECS.
_CHORDS = (
    frozenset({0, 4, 7}),
    frozenset({9, 0, 4}),
    frozenset({5, 9, 0}),
    frozenset({7, 11, 2}),
    frozenset({2, 5, 9}),
    frozenset({7, 11, 2}),
)
_CHORD_SECS = 2
_DURATIONS = (0.25, 0.5, 0.5, 1.0)
# A note sounds for this part of its time.
_ARTICULATION = 0.95
_HIT_SECS = 0.1
# General MIDI's keys of a drum kit.
_KICK = 36
_SNARE = 38
_HAT = 42
# Of the songs: another piece of music than any of the pieces for players.
_FIRST_SONG_SEED = 1000


class Player(NamedTuple):
    """Says what plays an instrument of URMP."""

    # General MIDI's, counted from 0.
    program: int
    # MIDI pitches.
    lowest: int
    highest: int


PLAYERS = {
    "vn": Player(40, 60, 88),
    "va": Player(41, 52, 76),
    "vc": Player(42, 38, 64),
    "db": Player(43, 28, 50),
    "fl": Player(73, 62, 90),
    "ob": Player(68, 60, 84),
    "cl": Player(71, 54, 82),
    "sax": Player(65, 52, 78),
    "bn": Player(70, 36, 62),
    "tpt": Player(56, 56, 80),
    "hn": Player(60, 42, 68),
    "tbn": Player(57, 40, 65),
    "tba": Player(58, 28, 52),
}
# Of pianos, guitars and strings; of basses; of a choir and a voice.
_OTHER_PROGRAMS = (0, 4, 24, 27, 48)
_BASS_PROGRAMS = (32, 33, 36)
_VOCAL_PROGRAMS = (52, 53)
SONG_PROGRAMS = (*_OTHER_PROGRAMS, *_BASS_PROGRAMS, *_VOCAL_PROGRAMS)


class Part(NamedTuple):
    """Is what one player plays."""

    # An instrument of URMP, or a source of MUSDB18; a source may have several parts.
    source: str
    # General MIDI's, counted from 0; of drums, the kit.
    program: int
    notes: list[Note]
    is_drums: bool = False


class Composition(NamedTuple):
    """Is a piece or a song as it is written."""

    # Of a piece its number and title, of a song that of its folder.
    title: str
    parts: list[Part]


# In what follows the order of the throws must stay.


def compose_piece(number: int, secs: float, seed: int) -> Composition:
    """Composes a piece for two to five players of URMP's instruments.

    In about half of the pieces an instrument may play several parts.

    Args:
        number: of the piece, from 1 on.
        secs: its length; the last notes may end later.
        seed: the dice. Every piece has its own, so that more pieces leave the others alone.
    """
    rng = np.random.default_rng([seed, number])
    num_players = int(rng.integers(2, 6))
    may_repeat = rng.random() < 0.5
    chosen = sorted(map(str, rng.choice(list(PLAYERS), num_players, replace=may_repeat)))
    root = int(rng.integers(0, 12))
    parts = []
    for name in chosen:
        player = PLAYERS[name]
        notes = _melody(rng, player.lowest, player.highest, secs, root)
        parts.append(Part(name, player.program, notes))
    return Composition(f"{number:02d}_{tune(number - 1)}", parts)


def compose_song(number: int, secs: float, seed: int) -> Composition:
    """Composes a song of drums, bass, two other parts of one instrument, and vocals.

    Args:
        number: of the song, from 0 on.
        secs: its length; the last notes may end later.
        seed: the dice, as of a piece.
    """
    rng = np.random.default_rng([seed, _FIRST_SONG_SEED + number])
    root = int(rng.integers(0, 12))
    other_program = int(rng.choice(_OTHER_PROGRAMS))
    drums = Part("drums", 0, _drums(rng, secs), is_drums=True)
    bass_line = _melody(rng, 28, 48, secs, root, rest=0.05, durations=(0.5, 0.5, 1.0))
    bass = Part("bass", int(rng.choice(_BASS_PROGRAMS)), bass_line)
    others = []
    for _ in range(2):
        line = _melody(rng, 52, 76, secs, root, rest=0.1)
        others.append(Part("other", other_program, line))
    sung = _melody(rng, 55, 76, secs, root, rest=0.3, durations=(0.5, 1.0, 1.0, 2.0))
    vocals = Part("vocals", int(rng.choice(_VOCAL_PROGRAMS)), sung)
    return Composition(f"Artist {number:02d} - {tune(number)}", [drums, bass, *others, vocals])


def _melody(
    rng: np.random.Generator,
    lowest: int,
    highest: int,
    secs: float,
    root: int,
    rest: float = 0.12,
    durations: Sequence[float] = _DURATIONS,
) -> list[Note]:
    """Draws a line that wanders over the tones of the chords.

    Args:
        rng: the dice.
        lowest: MIDI pitch.
        highest: MIDI pitch.
        secs: length of the piece.
        root: pitch class.
        rest: the share of the notes that are left out.
        durations: of notes, in seconds, one as likely as the other.
    """
    notes = []
    time = 0.0
    pitch = int(rng.integers(lowest, highest))
    while time < secs:
        duration = float(rng.choice(durations))
        chord = _CHORDS[int(time // _CHORD_SECS) % len(_CHORDS)]
        tones = [tone for tone in range(lowest, highest + 1) if (tone - root) % 12 in chord]
        # The nearest, but each tone is moved by its own throw.
        distances = [abs(tone - pitch - int(rng.integers(-5, 6))) for tone in tones]
        pitch = tones[distances.index(min(distances))]
        if rng.random() > rest:
            notes.append(Note(time, duration * _ARTICULATION, pitch))
        time += duration
    return notes


def _drums(rng: np.random.Generator, secs: float) -> list[Note]:
    """Draws what kick, snare and hat play: four hats a second, a bar is eight of them."""
    hits = []
    for i in range(int(secs * 4)):
        time = i / 4
        hits.append(Note(time, _HIT_SECS, _HAT))
        if i % 8 in (0, 5) or rng.random() < 0.05:
            hits.append(Note(time, _HIT_SECS, _KICK))
        if i % 8 == 4:
            hits.append(Note(time, _HIT_SECS, _SNARE))
    return hits
