"""Lets people hear puzzles: as they are shown, as a network orders them, as they are.

Axes: P clips of a puzzle, T frames of a clip or a sound, C channels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evaluation.document.parts import Block, Clip, Clips, Take, Text
from evaluation.listening import sounds
from evaluation.tasks.ordering.scores import Floats, Places

# Between clips: they were apart in the track, too.
_PAUSE_SECS = 0.25


class HeardPuzzle(NamedTuple):
    """Holds a puzzle, and where a network puts its clips."""

    track: str
    # (P, T, C)
    clips: Floats
    # (P,) both.
    places: Places
    true: Places


def puzzle_clips(heard: Sequence[HeardPuzzle], sample_rate: int) -> list[Block]:
    """Makes the players of puzzles."""
    if not heard:
        return []
    note = (
        "The same clips three times, with a pause between each two: shuffled as the network heard "
        "them, in the order that it found, and in the true one. Gains and polarity of clips are "
        "those that it heard."
    )
    clips = [_clip(f"puzzle-{i}", puzzle, sample_rate) for i, puzzle in enumerate(heard)]
    return [Text(note, "note"), Clips("Puzzles", clips)]


def _clip(key: str, puzzle: HeardPuzzle, sample_rate: int) -> Clip:
    orders = {
        "shuffled": np.arange(len(puzzle.clips)),
        "ordered": puzzle.places,
        "true": puzzle.true,
    }
    waveforms = {
        name: _joined(puzzle.clips[np.argsort(places)], sample_rate)
        for name, places in orders.items()
    }
    (gain, *_) = sounds.match_levels(list(waveforms.values()))
    powers = {name: sounds.spectrogram(each, sample_rate) for name, each in waveforms.items()}
    loudest = max(float(power.max()) for power in powers.values())
    takes = []
    for name, waveform in waveforms.items():
        encoded = sounds.encode(waveform, gain, sample_rate)
        drawn = sounds.picture(powers[name], loudest)
        take = Take(
            name=name,
            sound=sounds.data_uri(encoded.flac, "audio/flac"),
            picture=sounds.data_uri(drawn, "image/png"),
            alternative=f"Spectrogram of the clips, {name}",
            note="",
        )
        takes.append(take)
    num_right = int(np.sum(puzzle.places == puzzle.true))
    return Clip(
        key=key,
        title=puzzle.track,
        note=f"{num_right} of {len(puzzle.clips)} clips at their place",
        numbers=(),
        known=takes,
        judged=(),
        mark=None,
        ticks=sounds.frequency_ticks(sample_rate),
        track=puzzle.track,
        source="",
        start_secs=0.0,
    )


def _joined(clips: Floats, sample_rate: int) -> Floats:
    pause = np.zeros((round(_PAUSE_SECS * sample_rate), clips.shape[2]), clips.dtype)
    parts = [part for clip in clips for part in (clip, pause)]
    return np.concatenate(parts[:-1])
