"""Makes sound of which nothing can be learnt: whoever orders its clips is cheating.

What comes before and what behind is the same everywhere: noise, a steady tone, noise that a lossy
codec coded. A network that puts clips of them in order above chance hears something else than
music: the phase of a tone behind a gap whose length gives it away, or the frames of the codec.
"""

from pathlib import Path

import numpy as np
import soundfile

from data_prep.audio.encoding import writing
from data_prep.audio.tracks import AudioFormat

TONES = (55, 110, 440, 3520)
KINDS = ("noise", *(f"tone_{hertz}" for hertz in TONES), "coded_noise")
"""Folders of the corpus; of each the name says what is in it."""

_FORMAT = AudioFormat(16_000, 1)
_PEAK = 0.5
_BITS = "PCM_24"


def write_control(
    folder: Path, kind: str, num_pieces: int, secs: float, rng: np.random.Generator
) -> None:
    """Writes the pieces of one kind, 16 kHz mono, each with another phase or other noise.

    Args:
        folder: where to.
        kind: one of ``KINDS``.
        num_pieces: how many.
        secs: length of a piece.
        rng: the dice.
    """
    num_frames = round(secs * _FORMAT.sample_rate)
    for number in range(num_pieces):
        path = folder / f"{kind}_{number:02d}"
        if kind.startswith("tone_"):
            hertz = float(kind.removeprefix("tone_"))
            phases = 2 * np.pi * hertz * np.arange(num_frames) / _FORMAT.sample_rate
            waveform = _PEAK * np.sin(phases + rng.uniform(0, 2 * np.pi))
        else:
            waveform = rng.uniform(-_PEAK, _PEAK, num_frames)
        sound = waveform[:, None].astype(np.float32)
        if kind == "coded_noise":
            with writing(path.with_suffix(".mp3"), "mp3", _FORMAT) as writer:
                writer.write(sound)
        else:
            rate = _FORMAT.sample_rate
            soundfile.write(path.with_suffix(".wav"), sound, rate, subtype=_BITS)
