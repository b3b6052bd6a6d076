"""Composes music by dice: who plays in a piece, and lines on the chords that the players share."""

from dataclasses import dataclass

import numpy as np

from configs import instruments
from data_prep.synthesis.timbres import Note

# pitch classes above the root: major and minor triads of one key
_CHORDS = (
    (0, 4, 7),
    (9, 0, 4),
    (5, 9, 0),
    (7, 11, 2),
    (2, 5, 9),
    (4, 7, 11),
)
# A note sounds for this part of its time.
_ARTICULATION = 0.95


@dataclass(frozen=True)
class Harmony:
    """Holds what the players of a piece have in common."""

    # pitch class
    root: int
    chords: tuple[tuple[int, ...], ...]
    beat_secs: float

    def pitches(self, secs: float, low: int, high: int) -> list[int]:
        """Returns the MIDI pitches from ``low`` to ``high`` that belong to the chord at a time.

        A chord lasts four beats.
        """
        chord = self.chords[int(secs / (4 * self.beat_secs)) % len(self.chords)]
        return [pitch for pitch in range(low, high + 1) if (pitch - self.root) % 12 in chord]


# In what follows the order of the throws must stay: with another one a seed gives other music.


def make_harmony(rng: np.random.Generator) -> Harmony:
    """Draws a key, four to six chords and a tempo of 84 to 132 beats a minute."""
    order = rng.permutation(len(_CHORDS))[: int(rng.integers(4, len(_CHORDS) + 1))]
    root = int(rng.integers(12))
    return Harmony(
        root=root,
        chords=tuple(_CHORDS[i] for i in order),
        beat_secs=60 / float(rng.uniform(84, 132)),
    )


def melody(
    harmony: Harmony, low: int, high: int, secs: float, rng: np.random.Generator, rest: float = 0.15
) -> list[Note]:
    """Draws a line that wanders over chord tones.

    Args:
        harmony: the chords.
        low: the lowest MIDI pitch.
        high: the highest.
        secs: length of the piece; the last note may end later.
        rng: the dice.
        rest: the share of the notes that are left out; the first one never is.
    """
    notes: list[Note] = []
    time = 0.0
    pitch = int(rng.integers(low, high + 1))
    while time < secs:
        duration = harmony.beat_secs * float(rng.choice([0.5, 1, 1, 2]))
        # at most a tritone away, then to the nearest tone of the chord
        wish = pitch + int(rng.integers(-6, 7))
        pitch = min(harmony.pitches(time, low, high), key=lambda tone: abs(tone - wish))
        if not notes or rng.random() >= rest:
            notes.append(Note(time, duration * _ARTICULATION, pitch))
        time += duration
    return notes


def drum_pattern(harmony: Harmony, secs: float, rng: np.random.Generator) -> dict[str, list[float]]:
    """Draws the seconds at which kick, snare and hat are struck; one bar is eight hats."""
    hits: dict[str, list[float]] = {"kick": [], "snare": [], "hat": []}
    # i counts half beats
    for i in range(int(secs / harmony.beat_secs * 2)):
        time = i * harmony.beat_secs / 2
        hits["hat"].append(time)
        if i % 8 in (0, 5) or rng.random() < 0.05:
            hits["kick"].append(time)
        if i % 4 == 2:
            hits["snare"].append(time)
    return hits


def line_ups(num_pieces: int, seed: int) -> list[list[str]]:
    """Draws the URMP instruments of each piece, sorted: two or three, at times one of them twice.

    They are dealt from a shuffled deck, so the first seven pieces have heard every instrument. More
    pieces leave the earlier ones as they are.
    """
    rng = np.random.default_rng([seed, 0])
    deck: list[str] = []
    pieces = []
    for _ in range(num_pieces):
        num_players = int(rng.integers(2, 4))
        players: list[str] = []
        while len(players) < num_players:
            if not deck:
                deck = [str(name) for name in rng.permutation(instruments.URMP)]
            card = deck.pop()
            # Two decks may meet in one piece; then the second card of an instrument is dropped.
            if card not in players:
                players.append(card)
        if rng.random() < 0.3:
            players.append(str(rng.choice(players)))
        pieces.append(sorted(players))
    return pieces
