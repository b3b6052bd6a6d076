"""Mixes voices and music at a ratio.

Axes: T frames.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.corpora.narrow import Signal, rms

SINGING = "singing"
SPEECH = "speech"
MUSIC = "music"
SOURCES = (SINGING, SPEECH, MUSIC)


def at_ratio(voice: Signal, music: Signal, ratio_db: float) -> Signal:
    """Returns a voice, its power in dB above that of the music of the same time.

    Raises:
        ValueError: one of both is silent.
    """
    loud = rms(voice)
    if not loud or not rms(music):
        raise ValueError("a voice or the music beside it is silent; no ratio makes sense.")
    gain = rms(music) / loud * 10 ** (ratio_db / 20)
    return np.asarray(voice * gain, np.float32)


def take_turns(
    voices: Mapping[str, Signal], order: Sequence[str], music: Signal, pause: int, ratio_db: float
) -> dict[str, Signal]:
    """Returns stems in which voices take turns over music.

    A turn follows a pause, and has the length of its voice; behind the last one is another pause.

    Args:
        voices: source -> its voice, (T,).
        order: in which they take turns.
        music: at least as long as all turns and pauses.
        pause: frames before each turn.
        ratio_db: of each voice to the music of its turn.
    """
    num_frames = sum(map(len, voices.values())) + pause * (len(order) + 1)
    if len(music) < num_frames:
        raise ValueError(f"the music has {len(music)} frames; expected {num_frames} or more.")
    stems = {name: np.zeros(num_frames, np.float32) for name in voices}
    stems[MUSIC] = np.asarray(music[:num_frames], np.float32)
    start = pause
    for name in order:
        turn = slice(start, start + len(voices[name]))
        stems[name][turn] = at_ratio(voices[name], music[turn], ratio_db)
        start = turn.stop + pause
    return stems
