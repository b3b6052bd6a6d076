"""Reads the notes of a song from a MIDI file, and says where they are hardly those of the song."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from configs import Config
from data_prep.audio.annotations import Note
from data_prep.audio.decoding import DecodedFile
from data_prep.audio.notes.contrast import MIN_NOTE_CONTRAST_DB, note_contrast
from data_prep.audio.notes.midi import read_midi_notes
from data_prep.audio.notes.voices import parse_notes_map
from data_prep.audio.tracks import Waveform


def read_song_notes(
    path: str, notes_map: str | None, songs: Sequence[Path], config: Config
) -> list[Note]:
    """Returns the notes of the only song, counted in frames of the network.

    Args:
        path: of a Standard MIDI File that is as long as the song, note for note.
        notes_map: which of its tracks are which instruments, as ``parse_notes_map`` takes it; None:
            they are called like instruments.
        songs: must be one.
        config: of the network.

    Raises:
        ValueError: there are several songs, the network takes no notes, or the file is not what it
            should be.
    """
    if len(songs) > 1:
        raise ValueError(f"--notes are those of one song; got {len(songs)} songs. Name one.")
    if not config.model.takes_notes:
        raise ValueError(
            f"--notes tell a network what sounds when, and that of {config.name} takes none "
            "(model.timing is none, model.gate_timing false); leave them out."
        )
    sources = config.data.sources
    names = None if notes_map is None else parse_notes_map(notes_map, sources)
    return read_midi_notes(Path(path), names, config.audio.sample_rate, sources)


def doubts_about(song: Path, notes: Sequence[Note], sample_rate: int) -> str:
    """Returns a sentence where notes are hardly those of a song, else an empty one.

    Args:
        song: the path of its file.
        notes: counted in frames of ``sample_rate``.
        sample_rate: in Hz.

    Raises:
        ValueError: the song cannot be decoded.
    """
    contrast = note_contrast(_read_mono(song, sample_rate), notes, sample_rate)
    if contrast is None or contrast >= MIN_NOTE_CONTRAST_DB:
        return ""
    return (
        f"the pitches of the notes are {contrast:.1f} dB louder in {song.name} while the notes "
        f"sound than elsewhere; expected {MIN_NOTE_CONTRAST_DB:g} dB or more of notes that are "
        "aligned with the recording: are these notes of this recording?"
    )


def _read_mono(song: Path, sample_rate: int) -> Waveform:
    """Reads a song as one channel at a rate, (T, 1)."""
    # It imports TensorFlow, for which a command that is refused does not wait.
    from trainer.inference import streams

    sound = DecodedFile(song, downmix=True)
    try:
        mono = (block.mean(axis=1, keepdims=True)[None] for block in sound.iter_blocks())
        blocks = list(streams.resample(mono, sound.audio_format.sample_rate, sample_rate))
    finally:
        sound.close()
    return np.concatenate(blocks, axis=1)[0]


def warn_of_doubts(song: Path, notes: Sequence[Note], sample_rate: int) -> None:
    """Prints ``doubts_about`` notes of a song, where there are any, on stderr."""
    doubts = doubts_about(song, notes, sample_rate)
    if doubts:
        print(f"warning: {doubts}", file=sys.stderr, flush=True)
