"""Lays out what is learnt from and what is tested as folders of stems, one for each track.

To learn from there are rendered choirs, English prompts, and music without voices: songs that the
same sound fonts play, and music of Singularity. What is tested are French prompts and two singers,
one synthetic and one real, who take turns over other music of Singularity at three ratios. Every
stem is mono and passes the same low-pass.

Axes: T frames.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.corpora.game_music import SINGULARITY, fetch_game_music
from benchmarks.corpora.narrow import Signal, at_level, low_passed, mono_at, read_mono, rms
from benchmarks.corpora.prompts import (
    ENGLISH,
    FRENCH,
    SAMPLE_RATE,
    fetch_prompts,
    one_after_the_other,
)
from benchmarks.singing.choirs import render_song, require_fonts
from benchmarks.singing.mixtures import MUSIC, SINGING, SOURCES, SPEECH, take_turns
from benchmarks.singing.singer import require_singer, sing
from data_prep.audio.stems import find_shipped_stem_file, read_stems
from data_prep.storage.files import replacing

# Of the records of the experiments.
RATE = 22_050
RATIOS_DB = (-6, 0, 6)
SYNTHETIC = "synthetic"
REAL = "real"
SINGERS = (SYNTHETIC, REAL)
NUM_TEST = 32
TURN_SECS = 3.0
_PAUSE_SECS = 1.0
_NUM_TRAIN = 48
_NUM_VALID = 6
_TRACK_SECS = 20.0
_LEVEL_DB = -26.0
# Stretches of music below are not taken.
_QUIET_DB = -45.0
_SEED = 0
SPLITS_NAME = "splits.json"


def write_stems(out: Path) -> Path:
    """Fetches and renders all sounds, and writes OUT/stems; returns the split file beside it."""
    path = out / SPLITS_NAME
    if path.exists():
        return path
    require_fonts()
    require_singer()
    sounds = out / "sounds"
    fetch_game_music(sounds, (SINGULARITY,))
    splits: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    music = split_music(sorted((sounds / SINGULARITY).iterdir()))
    for split, name, stems in _iter_tracks(sounds, music):
        folder = out / "stems" / name
        folder.mkdir(parents=True, exist_ok=True)
        for source, signal in stems.items():
            with replacing(folder / f"{source}.wav") as temporary:
                narrow = low_passed(signal, RATE)
                soundfile.write(temporary, narrow, RATE, subtype="FLOAT", format="WAV")
        splits[split].append(name)
    values = {
        "rule": "choirs and English prompts train; other singers and French prompts test",
        **splits,
        "vocabulary": list(SOURCES),
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    return path


def track_name(singer: str, ratio_db: int, number: int) -> str:
    """Returns the name of a test track."""
    return f"test {singer} {ratio_db:+d} dB {number:02d}"


def split_music(paths: list[Path]) -> dict[str, list[Path]]:
    """Returns which tracks of music belong to which split: no track to two."""
    splits: dict[str, list[Path]] = {"train": [], "valid": [], "test": []}
    for number, path in enumerate(paths):
        if number % 4 == 3:
            splits["test"].append(path)
        elif number % 8 == 1:
            splits["valid"].append(path)
        else:
            splits["train"].append(path)
    return splits


def cut(signal: Signal, secs: float) -> list[Signal]:
    """Returns consecutive stretches of a length that are not quiet."""
    frames = round(secs * RATE)
    stretches = [signal[start : start + frames] for start in range(0, len(signal), frames)]
    whole = [stretch for stretch in stretches if len(stretch) == frames]
    return [stretch for stretch in whole if rms(stretch) > 10 ** (_QUIET_DB / 20)]


def _iter_tracks(
    sounds: Path, music: Mapping[str, list[Path]]
) -> Iterator[tuple[str, str, dict[str, Signal]]]:
    """Yields split, name and stems of each track."""
    prompts = _spoken(sounds, ENGLISH, _TRACK_SECS)
    # The last ones validate.
    parts = {"train": prompts[:-_NUM_VALID], "valid": prompts[-_NUM_VALID:]}
    counts = {"train": _NUM_TRAIN, "valid": _NUM_VALID}
    first_song = 0
    for split, count in counts.items():
        backgrounds = _background(music[split], _TRACK_SECS)
        for number in range(count):
            song = render_song(first_song + number, _TRACK_SECS, RATE)
            played = song.music if number % 2 else backgrounds[number % len(backgrounds)]
            stems = {
                SINGING: song.singing,
                SPEECH: parts[split][number % len(parts[split])],
                MUSIC: played,
            }
            levelled = {name: at_level(signal, _LEVEL_DB) for name, signal in stems.items()}
            yield split, f"{split} {number:02d}", levelled
        first_song += count
    yield from _iter_tests(sounds, music["test"])


def _iter_tests(sounds: Path, music: list[Path]) -> Iterator[tuple[str, str, dict[str, Signal]]]:
    """Yields the test tracks: in every second one the speaker begins."""
    spoken = _spoken(sounds, FRENCH, TURN_SECS)
    backgrounds = _background(music, 2 * TURN_SECS + 3 * _PAUSE_SECS)
    sung = {SYNTHETIC: _synthetic(NUM_TEST), REAL: _real()}
    pause = round(_PAUSE_SECS * RATE)
    for singer, voices in sung.items():
        for number in range(NUM_TEST):
            order = (SINGING, SPEECH) if number % 2 else (SPEECH, SINGING)
            # Neighbours have the same half of the real song, so that it begins and follows.
            voice = voices[number // 2 % len(voices)] if singer == REAL else voices[number]
            turns = {SINGING: voice, SPEECH: spoken[number % len(spoken)]}
            background = at_level(backgrounds[number % len(backgrounds)], _LEVEL_DB)
            for ratio_db in RATIOS_DB:
                stems = take_turns(turns, order, background, pause, ratio_db)
                yield "test", track_name(singer, ratio_db, number), stems


def _spoken(sounds: Path, language: str, secs: float) -> list[Signal]:
    """Returns stretches of the prompts of a language."""
    prompts = one_after_the_other(fetch_prompts(sounds, language), _SEED)
    return cut(mono_at(prompts, SAMPLE_RATE, RATE), secs)


def _background(paths: list[Path], secs: float) -> list[Signal]:
    """Returns stretches of music in an order drawn by dice."""
    stretches = [stretch for path in paths for stretch in cut(read_mono(path, RATE), secs)]
    order = np.random.default_rng(_SEED).permutation(len(stretches))
    return [stretches[number] for number in order]


def _synthetic(count: int) -> list[Signal]:
    """Returns stretches of a turn's length that festival sings, of as many songs as it takes."""
    stretches: list[Signal] = []
    number = 0
    while len(stretches) < count:
        stretches += cut(sing(number, 8 * TURN_SECS, RATE), TURN_SECS)
        number += 1
    return stretches[:count]


def _real() -> list[Signal]:
    """Returns stretches of a turn's length of the vocals of the one real track that there is."""
    vocals = read_stems(find_shipped_stem_file())["vocals"]
    return cut(mono_at(vocals.waveform, vocals.sample_rate, RATE), TURN_SECS)
