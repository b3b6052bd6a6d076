"""Renders songs made by dice with a sound font: a choir, and the instruments that play with it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.corpora.narrow import Signal
from benchmarks.corpora.rendered_music import SONG_PROGRAMS, compose_song
from benchmarks.corpora.sound_fonts import DRUMS, MELODIC, render, require_font
from benchmarks.trained.tagging import FONTS

# General MIDI's choir, voice and synthetic voice, counted from 0.
CHOIRS = (52, 53, 54)
# Of all songs here; those of other benchmarks are of seed 0.
_SEED = 1


class RenderedSong(NamedTuple):
    """Holds what is sung and what is played, (T,) each."""

    singing: Signal
    music: Signal


def require_fonts() -> None:
    """Raises a ``ValueError`` where a font is missing, or lacks what is played."""
    programs = [(MELODIC, program) for program in {*SONG_PROGRAMS, *CHOIRS}]
    for font in FONTS.values():
        require_font(font, [(DRUMS, 0), *programs])


def render_song(number: int, secs: float, sample_rate: int) -> RenderedSong:
    """Renders a song; the font and the choir follow from its number.

    Instruments of the same font play with the choir, so that no sound of a font means singing.
    """
    song = compose_song(number, secs, _SEED)
    font: Path = list(FONTS.values())[number % len(FONTS)]
    choir = CHOIRS[number // len(FONTS) % len(CHOIRS)]
    num_frames = round(secs * sample_rate)
    totals = {"singing": np.zeros(num_frames), "music": np.zeros(num_frames)}
    for part in song.parts:
        is_sung = part.source == "vocals"
        program = choir if is_sung else part.program
        waveform = render(part.notes, program, part.is_drums, font, sample_rate, num_frames)
        totals["singing" if is_sung else "music"] += waveform.mean(axis=1)
    return RenderedSong(**{name: total.astype(np.float32) for name, total in totals.items()})
