"""Music by dice: who plays in a piece, and lines on the chord tones of a progression that the players share."""

from dataclasses import dataclass

import numpy as np

from configs import instruments
from data_prep.synthesis.timbres import Note

_CHORDS = (
    (0, 4, 7),
    (9, 0, 4),
    (5, 9, 0),
    (7, 11, 2),
    (2, 5, 9),
    (4, 7, 11),
)  # pitch classes above the root
_ARTICULATION = 0.95  # of its time a note sounds


@dataclass(frozen=True)
class Harmony:
    """What the players of a piece have in common."""

    root: int  # pitch class
    chords: tuple[tuple[int, ...], ...]
    beat_secs: float

    def pitches(self, secs: float, low: int, high: int) -> list[int]:
        """The MIDI pitches from ``low`` to ``high`` that belong to the chord at a time; a chord lasts four beats."""
        chord = self.chords[int(secs / (4 * self.beat_secs)) % len(self.chords)]
        return [pitch for pitch in range(low, high + 1) if (pitch - self.root) % 12 in chord]


def make_harmony(rng: np.random.Generator) -> Harmony:
    """A key, four to six chords and a tempo of 84 to 132 beats a minute."""
    order = rng.permutation(len(_CHORDS))[: int(rng.integers(4, len(_CHORDS) + 1))]
    return Harmony(
        int(rng.integers(12)), tuple(_CHORDS[i] for i in order), 60 / float(rng.uniform(84, 132))
    )


def melody(
    harmony: Harmony, low: int, high: int, secs: float, rng: np.random.Generator, rest: float = 0.15
) -> list[Note]:
    """A line that wanders over chord tones; ``rest`` is the share of its notes left out, the first never."""
    notes: list[Note] = []
    time, pitch = 0.0, int(rng.integers(low, high + 1))
    while time < secs:
        duration = harmony.beat_secs * float(rng.choice([0.5, 1, 1, 2]))
        wish = pitch + int(rng.integers(-6, 7))
        pitch = min(harmony.pitches(time, low, high), key=lambda tone: abs(tone - wish))
        if not notes or rng.random() >= rest:
            notes.append(Note(time, duration * _ARTICULATION, pitch))
        time += duration
    return notes


def drum_pattern(harmony: Harmony, secs: float, rng: np.random.Generator) -> dict[str, list[float]]:
    """The seconds at which kick, snare and hat are struck; one bar is eight hats."""
    hits: dict[str, list[float]] = {"kick": [], "snare": [], "hat": []}
    for i in range(int(secs / harmony.beat_secs * 2)):
        time = i * harmony.beat_secs / 2
        hits["hat"].append(time)
        if i % 8 in (0, 5) or rng.random() < 0.05:
            hits["kick"].append(time)
        if i % 4 == 2:
            hits["snare"].append(time)
    return hits


def line_ups(num_pieces: int, seed: int) -> list[list[str]]:
    """The URMP instruments of each piece, sorted: two or three different ones, at times one of them twice.

    They are dealt from a shuffled deck, so the first seven pieces have heard every instrument. More pieces leave
    the earlier ones as they are.
    """
    rng = np.random.default_rng([seed, 0])
    deck: list[str] = []
    pieces = []
    for _ in range(num_pieces):
        count, players = int(rng.integers(2, 4)), list[str]()
        while len(players) < count:
            deck = deck or [str(name) for name in rng.permutation(instruments.URMP)]
            card = deck.pop()
            players += [card] if card not in players else []
        if rng.random() < 0.3:
            players.append(str(rng.choice(players)))
        pieces.append(sorted(players))
    return pieces
