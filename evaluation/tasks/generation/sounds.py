"""Lets people hear sounds: unseen ones and how they come back, drawn ones, and both unnamed.

Axes: N sounds, T frames.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.document.numbers import decibels
from evaluation.document.parts import Block, Clip, Clips, Take, Text
from evaluation.listening import sounds
from evaluation.tasks.generation.reconstruction import NEAREST
from evaluation.tasks.generation.sound_sets import SoundSet
from trainer.tasks.generation.distances import Distances
from trainer.tasks.generation.sounds import Sounds

# Of pairs: so many at least, and of each class; so many classes at most.
_NUM_PAIRS = 6
_NUM_OF_A_CLASS = 3
_MOST_CLASSES = 6
# Of drawn sounds, and of sounds without names.
_NUM_ROWS = 4
# As many as stand side by side on a page.
_NUM_IN_A_ROW = 3
_SEED = 0

_ONE_LEVEL = (
    "The takes of a row are at the same level (RMS; the change is printed), coded without loss. "
    f"Frequencies are logarithmic, and {sounds.RANGE_DB} dB lie between black and the brightest "
    "spot of a row."
)

Waveform = NDArray[np.float32]


class Pair(NamedTuple):
    """Holds an unseen sound, what came back, and the nearest training sound, (T,) each."""

    track: str
    tag: str
    # Of the sound from what came back, and from the nearest training sound.
    lsd_db: float
    nearest_db: float
    original: Waveform
    back: Waveform
    nearest: Waveform


def choose(classes: Sequence[str], distances: Distances) -> list[int]:
    """Chooses sounds of each class by how well they come back: the best, the worst, and between.

    Args:
        classes: of sounds, N.
        distances: of each from what comes back, (N,).
    """
    tags = np.array(classes)
    names = sorted(set(classes))[:_MOST_CLASSES]
    count = max(_NUM_OF_A_CLASS, _NUM_PAIRS // len(names))
    chosen = []
    for name in names:
        own = np.flatnonzero(tags == name)
        ordered = own[np.argsort(distances[own], kind="stable")]
        places = np.linspace(0, len(ordered) - 1, min(count, len(ordered)))
        chosen += [int(ordered[round(place)]) for place in places]
    return chosen


def pair_clips(pairs: Sequence[Pair], sample_rate: int) -> list[Block]:
    """Makes the players of sounds that came back."""
    note = (
        "Of each class the sound that comes back best, the worst, and some between. Listen blind "
        "shuffles the original and what came back, and hides their names and pictures until you "
        "reveal them. " + _ONE_LEVEL
    )
    clips = []
    for number, pair in enumerate(pairs):
        described = f"{decibels(pair.lsd_db)} dB from what came back, "
        described += f"{decibels(pair.nearest_db)} dB from the nearest training sound"
        if pair.tag:
            described = f"{pair.tag}, {described}"
        clip = _clip(
            key=f"back-{number}",
            title=pair.track,
            note=described,
            known={NEAREST: pair.nearest},
            judged={"original": pair.original, "came back": pair.back},
            sample_rate=sample_rate,
        )
        clips.append(clip)
    return [Text(note, "note"), Clips("Unseen sounds that came back", clips)]


def drawn_clips(drawn: Sounds, sample_rate: int) -> list[Block]:
    """Makes the players of drawn sounds, (N, T): the first ones, none is chosen."""
    clips = []
    for start in range(0, min(len(drawn), _NUM_ROWS * _NUM_IN_A_ROW), _NUM_IN_A_ROW):
        row = drawn[start : start + _NUM_IN_A_ROW]
        last = start + len(row)
        clip = _clip(
            key=f"drawn-{start}",
            title=f"Numbers by dice, {start + 1} to {last}",
            note="",
            known={f"drawn {start + i + 1}": sound for i, sound in enumerate(row)},
            judged={},
            sample_rate=sample_rate,
        )
        clips.append(clip)
    return [Text(f"The first ones; none is chosen. {_ONE_LEVEL}", "note"), Clips("Drawn", clips)]


def riddle_clips(unseen: SoundSet, drawn: Sounds, sample_rate: int) -> list[Block]:
    """Makes the players of unseen and drawn sounds that have no names until they are revealed."""
    rng = np.random.default_rng(_SEED)
    num_rows = min(_NUM_ROWS, len(unseen) // 2, len(drawn) // 2)
    real = rng.permutation(len(unseen))[: 2 * num_rows].reshape(num_rows, 2)
    # Others than those that are heard above, where there are more.
    made = np.arange(len(drawn))[-2 * num_rows :].reshape(num_rows, 2)
    clips = []
    for number in range(num_rows):
        takes = {f"real {i + 1}": unseen.sounds[each] for i, each in enumerate(real[number])}
        takes |= {f"drawn {i + 1}": drawn[each] for i, each in enumerate(made[number])}
        clip = _clip(
            key=f"riddle-{number}",
            title=f"Riddle {number + 1}",
            note="two unseen sounds and two drawn ones",
            known={},
            judged=takes,
            sample_rate=sample_rate,
        )
        clips.append(clip)
    note = (
        "Press Listen blind before you play any: it shuffles the four, and hides names and "
        "pictures until you reveal them. By dice one finds both real ones in one of six rows."
    )
    return [Text(note, "note"), Clips("Which are real?", clips)]


def _clip(
    key: str,
    title: str,
    note: str,
    known: Mapping[str, Waveform],
    judged: Mapping[str, Waveform],
    sample_rate: int,
) -> Clip:
    """Makes a row of players at one level, with pictures on one scale of brightness."""
    # (T,) -> (T, 1)
    waveforms = {name: sound[:, None] for name, sound in {**known, **judged}.items()}
    gains = sounds.match_levels(list(waveforms.values()))
    powers = []
    for waveform, gain in zip(waveforms.values(), gains, strict=True):
        # Drawn as it is heard.
        powers.append(sounds.spectrogram(waveform * 10 ** (gain / 20), sample_rate))
    loudest = max(float(power.max()) for power in powers)
    takes = {}
    for (name, waveform), gain, power in zip(waveforms.items(), gains, powers, strict=True):
        encoded = sounds.encode(waveform, gain, sample_rate)
        takes[name] = Take(
            name=name,
            sound=sounds.data_uri(encoded.flac, "audio/flac"),
            picture=sounds.data_uri(sounds.picture(power, loudest), "image/png"),
            alternative=f"Spectrogram of {title}, {name}",
            note=f"{decibels(gain)} dB",
        )
    return Clip(
        key=key,
        title=title,
        note=note,
        numbers=(),
        known=[takes[name] for name in known],
        judged=[takes[name] for name in judged],
        mark=None,
        ticks=sounds.frequency_ticks(sample_rate),
        track=title,
        source="",
        start_secs=0.0,
    )
