"""Lets players play a piece or a song together, and writes what was recorded to files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from data_prep.audio.waveforms import writing_to
from data_prep.synthesis import timbres
from data_prep.synthesis.composition import drum_pattern, make_harmony, melody
from data_prep.synthesis.timbres import Note, Signal, play, play_drums

# of mixture and parts: leaves room for the rounding
_PEAK = 0.8
_URMP_RATE = 48_000
_MUSDB_RATE = 44_100


def write_piece(
    folder: Path, title: str, players: Sequence[str], secs: float, rng: np.random.Generator
) -> None:
    """Writes the mixture, and a part and its notes for every player, named as URMP names them.

    Args:
        folder: where to.
        title: number and title of the piece.
        players: an instrument of URMP for each.
        secs: length of the piece.
        rng: the dice.
    """
    num_frames = round(secs * _URMP_RATE)
    harmony = make_harmony(rng)
    scores = []
    parts = []
    for player in players:
        timbre = timbres.URMP[player].varied(rng)
        score = melody(harmony, timbre.low, timbre.high, secs, rng)
        signal = play(score, timbre, _URMP_RATE, num_frames, rng)
        scores.append(score)
        # (T,) -> (T, 1)
        parts.append(signal[:, None])
    mixture, *waveforms = mix(parts, 24, rng)
    write_sound(folder / f"AuMix_{'_'.join([title, *players])}.wav", mixture, _URMP_RATE, 24)
    for k, (player, waveform, score) in enumerate(zip(players, waveforms, scores, strict=True), 1):
        write_sound(folder / f"AuSep_{k}_{player}_{title}.wav", waveform, _URMP_RATE, 24)
        lines = [f"{note.start_secs:.3f}\t\t{note.hz:.3f}\t\t{note.secs:.3f}\n" for note in score]
        (folder / f"Notes_{k}_{player}_{title}.txt").write_text("".join(lines), encoding="utf-8")


def write_song(folder: Path, secs: float, rng: np.random.Generator) -> None:
    """Writes the mixture and the four sources of a song, named as MUSDB18-HQ names them.

    Args:
        folder: where to.
        secs: length of the song.
        rng: the dice.
    """
    num_frames = round(secs * _MUSDB_RATE)
    harmony = make_harmony(rng)

    def line(timbre: timbres.Timbre, rest: float) -> list[Note]:
        return melody(harmony, timbre.low, timbre.high, secs, rng, rest)

    def voice(notes: list[Note], timbre: timbres.Timbre) -> Signal:
        return play(notes, timbre.varied(rng), _MUSDB_RATE, num_frames, rng)

    # One melody is sung, and its notes take turns in their vowels.
    song = line(timbres.VOWELS[0], 0.3)
    num_vowels = len(timbres.VOWELS)
    sung = [voice(song[k::num_vowels], vowel) for k, vowel in enumerate(timbres.VOWELS)]
    hits = drum_pattern(harmony, secs, rng)
    drums = pan(play_drums(hits, _MUSDB_RATE, num_frames, rng), 0.1, rng)
    bass = pan(voice(line(timbres.BASS, 0.05), timbres.BASS), 0.1, rng)
    # three players of one timbre, each at a place of its own
    others = [pan(voice(line(timbres.OTHER, 0.1), timbres.OTHER), 0.8, rng) for _ in range(3)]
    vocals = pan(np.sum(sung, axis=0), 0.2, rng)
    sources = {"drums": drums, "bass": bass, "other": np.sum(others, axis=0), "vocals": vocals}
    waveforms = mix(list(sources.values()), 16, rng)
    for name, waveform in zip(("mixture", *sources), waveforms, strict=True):
        write_sound(folder / f"{name}.wav", waveform, _MUSDB_RATE, 16)


def pan(signal: Signal, width: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Puts a signal anywhere between the loudspeakers: (T,) -> (T, 2).

    Args:
        signal: the signal.
        width: how far from the middle at most; 1 is at a loudspeaker.
        rng: the dice.
    """
    # cos^2 + sin^2 = 1: the power is the same everywhere
    angle = np.pi / 4 * (1 + rng.uniform(-width, width))
    return signal[:, None] * np.array([np.cos(angle), np.sin(angle)])


def mix(
    parts: list[NDArray[np.float64]], bits: int, rng: np.random.Generator
) -> list[NDArray[np.int32]]:
    """Returns the mixture and the parts (T, C), in this order, as whole numbers of ``bits`` bits.

    Nothing clips, and the sum is exact. The parts are up to 4 dB louder or softer than each other's
    average.
    """
    levelled = []
    for part in parts:
        rms = np.sqrt(np.mean(part**2))
        levelled.append(part / rms * 10 ** (rng.uniform(-4, 4) / 20))
    mixture = np.sum(levelled, axis=0)
    peak = max(float(np.abs(waveform).max()) for waveform in (mixture, *levelled))
    scale = _PEAK / peak * 2 ** (bits - 1)
    # The parts are rounded before they are summed, and so the sum is exact.
    rounded = [np.rint(part * scale).astype(np.int32) for part in levelled]
    return [np.sum(rounded, axis=0, dtype=np.int32), *rounded]


def write_sound(path: Path, waveform: NDArray[np.int32], sample_rate: int, bits: int) -> None:
    """Writes a file, of the kind that its suffix says, that holds these very numbers (T, C)."""
    # libsndfile takes the upper bits of an int32
    with writing_to(path.parent):
        soundfile.write(path, waveform << (32 - bits), sample_rate, subtype=f"PCM_{bits}")
