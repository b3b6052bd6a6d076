"""Makes what the page draws and plays of a finished song, and draws of what was heard in it.

Axes: N sounds, T frames, C channels, K instruments, J columns of a tagger.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import soundfile

from configs.instruments import name_of

# It imports TensorFlow, for which whoever imports this module does not wait.
if TYPE_CHECKING:
    from evaluation.recognition.recogniser import Heard

_COLUMNS = 1000
# Of an outline, whose values are from -100 to 100.
_FULL_SCALE = 100
# A stretch is not longer, so that nobody asks for a whole song at once.
MOST_FRAMES = 2**19
_LEAST_DB = -120.0
# Of a taggram, beside the instruments that were heard.
_MORE_ROWS = 3


class Picture(NamedTuple):
    """Holds what there is to see of a song and its stems."""

    sample_rate: int
    channels: int
    num_frames: int
    # By the name of a sound: the lowest and the highest value in each column.
    outlines: dict[str, list[list[int]]]
    # The energy of the song minus all stems against that of the song, in dB; None: it is silent.
    rest_db: float | None


class TaggramRow(NamedTuple):
    """Holds how probably one instrument sounds over time."""

    name: str
    # Whether the song has the instrument.
    is_heard: bool
    # Of the time in which it reaches its threshold.
    share: float
    # The largest in each of up to 1000 stretches of one length, which are the song together.
    percent: list[int]


def taggram(heard: "Heard") -> list[TaggramRow]:
    """Returns a row for each instrument that was heard, in order, and for the next three.

    Those are the instruments that reach their thresholds for the longest, or come nearest to 1.
    """
    num_columns = heard.activity.shape[1]
    num_stretches = min(_COLUMNS, num_columns)
    # Each stretch begins in another column, so that none is empty.
    firsts = np.arange(num_stretches) * num_columns // num_stretches
    # (K, J) -> (K, stretches)
    largest = np.maximum.reduceat(heard.activity, firsts, axis=1)
    percent = np.rint(100 * largest).astype(int)

    def rank(i: int) -> tuple[bool, float, float]:
        if heard.sources[i] in heard.labels:
            return (False, 0.0, 0.0)
        return (True, -heard.shares[i], -float(largest[i].max()))

    # Those that were heard have one rank, and keep their order.
    chosen = sorted(range(len(heard.sources)), key=rank)[: len(heard.labels) + _MORE_ROWS]
    return [
        TaggramRow(
            name=name_of(heard.sources[i]),
            is_heard=heard.sources[i] in heard.labels,
            share=heard.shares[i],
            percent=percent[i].tolist(),
        )
        for i in chosen
    ]


def picture(sounds: Mapping[str, Path], sample_rate: int) -> Picture:
    """Returns the outlines of a song and its stems, and how far these are from it together.

    Args:
        sounds: wav files of one length, the song first, by name.
        sample_rate: of all of them.
    """
    outlines: dict[str, list[list[int]]] = {name: [] for name in sounds}
    energy = 0.0
    rest_energy = 0.0
    with ExitStack() as stack:
        files = [stack.enter_context(soundfile.SoundFile(path)) for path in sounds.values()]
        num_frames = files[0].frames
        column_frames = -(-num_frames // _COLUMNS)
        for _ in range(0, num_frames, column_frames):
            # (T, C) each
            columns = [file.read(column_frames, "float32", always_2d=True) for file in files]
            for outline, column in zip(outlines.values(), columns, strict=True):
                outline.append([_level(column.min()), _level(column.max())])
            rest = columns[0] - sum(columns[1:])
            energy += float(np.square(columns[0], dtype=np.float64).sum())
            rest_energy += float(np.square(rest, dtype=np.float64).sum())
        num_channels = files[0].channels
    return Picture(sample_rate, num_channels, num_frames, outlines, _decibels(rest_energy, energy))


def stretch(sounds: Mapping[str, Path], first: int, num_frames: int) -> bytes:
    """Returns frames [first, first + num_frames) of all sounds, (N, C, T), float32.

    Raises:
        ValueError: there are no such frames, or they are too many at once.
    """
    if first < 0 or not 0 < num_frames <= MOST_FRAMES:
        raise ValueError(f"expected from 1 to {MOST_FRAMES:,} frames that are there.")
    parts = []
    for path in sounds.values():
        with soundfile.SoundFile(path) as file:
            file.seek(min(first, file.frames))
            part = file.read(num_frames, "float32", always_2d=True)
        # (T, C) -> (C, T)
        parts.append(np.ascontiguousarray(part.T).tobytes())
    return b"".join(parts)


def _level(value: Any) -> int:
    return round(float(np.clip(value, -1, 1)) * _FULL_SCALE)


def _decibels(energy: float, reference: float) -> float | None:
    if reference == 0:
        return None
    if energy == 0:
        return _LEAST_DB
    return max(_LEAST_DB, 10 * float(np.log10(energy / reference)))
