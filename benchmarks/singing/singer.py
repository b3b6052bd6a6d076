"""Lets the program festival sing: its diphone voice kallpc16k, from a score in XML.

    apt-get install festival festvox-kallpc16k

It serves tests alone. Text, tune and rests are drawn by dice.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.corpora.narrow import Signal, read_mono
from benchmarks.corpora.rendered_music import compose_song
from data_prep.synthesis.timbres import Note

FESTIVAL = "festival"
_SEED = 2
# Of one syllable each, which gets one note.
_WORDS = (
    *("sun", "moon", "rain", "day", "night", "light", "song", "home", "sea", "wind", "stone"),
    *("road", "heart", "time", "dream", "fire", "blue", "green", "low", "high", "slow", "free"),
)
# The voice is a man's: an octave below the lines of choirs.
_TRANSPOSED = -12
# What is saved is read from its words, in festival's own language.
_PROGRAM = """(voice_kal_diphone)
(set! number 0)
(define (keep utt)
  (utt.save.wave utt (format nil "part-%03d.wav" number) 'riff)
  (set! number (+ number 1))
  utt)
(set! tts_hooks (list utt.synth keep))
(tts_file "score.xml" 'singing)
"""
_HEAD = """<?xml version="1.0"?>
<!DOCTYPE SINGING PUBLIC "-//SINGING//DTD SINGING mark up//EN" "Singing.v0_1.dtd" []>
<SINGING BPM="60">
"""


def require_singer() -> None:
    """Raises a ``ValueError`` where festival is not installed."""
    if shutil.which(FESTIVAL) is None:
        raise ValueError(
            "the program festival is missing; install it with its voice (Debian: apt-get install "
            "festival festvox-kallpc16k)."
        )


def score_of(notes: Sequence[Note], words: Sequence[str]) -> str:
    """Returns a score in XML: a word for each note, and rests between notes.

    Args:
        notes: in order, one at a time.
        words: as many, of one syllable.
    """
    lines = []
    time = 0.0
    for note, word in zip(notes, words, strict=True):
        pause = note.start_secs - time
        if pause > 0.1:
            lines.append(f'<REST SECONDS="{pause:.3f}"></REST>')
        # The short pause within the time of a note goes to the note.
        secs = note.secs + max(0.0, min(pause, 0.1))
        pitch = f'<PITCH FREQ="{note.hz:.2f}">'
        lines.append(f'{pitch}<DURATION SECONDS="{secs:.3f}">{word}</DURATION></PITCH>')
        time = note.start_secs + note.secs
    return _HEAD + "\n".join(lines) + "\n</SINGING>\n"


def sing(number: int, secs: float, sample_rate: int) -> Signal:
    """Returns a song that is sung, (T,), of about so many seconds.

    Args:
        number: of the song.
        secs: of its notes; the singer may take longer.
        sample_rate: in Hz.

    Raises:
        ValueError: festival sang nothing.
    """
    parts = compose_song(number, secs, _SEED).parts
    (vocals,) = [part for part in parts if part.source == "vocals"]
    notes = [replace(note, pitch=note.pitch + _TRANSPOSED) for note in vocals.notes]
    words = np.random.default_rng([_SEED, number]).choice(_WORDS, len(notes))
    with TemporaryDirectory() as folder:
        Path(folder, "score.xml").write_text(score_of(notes, list(words)), encoding="ascii")
        Path(folder, "program.scm").write_text(_PROGRAM, encoding="ascii")
        done = subprocess.run(
            [FESTIVAL, "-b", "program.scm"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        sounds = sorted(Path(folder).glob("part-*.wav"))
        if done.returncode or not sounds:
            said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
            raise ValueError(f"festival sang nothing (status {done.returncode}, said {said[0]!r}).")
        return np.concatenate([read_mono(path, sample_rate) for path in sounds])
