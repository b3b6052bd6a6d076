"""Draws clips of 6 s of four styles from the sounds of Debian's packages.

Metal are the songs of two bands (guitar and rest summed), orchestral the music of Wesnoth,
electronic that of Nexuiz and Singularity, speech the prompts of two telephone exchanges, one after
the other. The artist of metal and speech is the package, of the others the tag of the file; files
without one are left out. All clips are mono, pass the same low-pass and have the same level.

Axes: T frames.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.corpora.game_music import NEXUIZ, SINGULARITY, WESNOTH, artist_of, fetch_game_music
from benchmarks.corpora.narrow import Signal, at_level, low_passed, mono_at, read_mono, rms
from benchmarks.corpora.prompts import (
    ENGLISH,
    FRENCH,
    SAMPLE_RATE,
    fetch_prompts,
    one_after_the_other,
)
from benchmarks.corpora.songs import BANDS, SOURCES, fetch_songs
from benchmarks.style.features import bandwidth
from data_prep.storage.files import replacing

METAL = "metal"
ORCHESTRAL = "orchestral"
ELECTRONIC = "electronic"
SPEECH = "speech"
# That of musicnn.
RATE = 16_000
CLIP_SECS = 6
MOST_CLIPS = 12
SEED = 0
# Of every clip, the root mean square in dB of full scale.
_LEVEL_DB = -20.0
# Stretches below are no clips.
_SILENT_DB = -50.0
# One person, who signs in three ways.
_ALIASES = {"Gerd (elysis) Raudenbusch": "elysis", "www.elysis.de": "elysis"}
_STYLES = {WESNOTH: ORCHESTRAL, NEXUIZ: ELECTRONIC, SINGULARITY: ELECTRONIC}
_TABLE = "clips.json"


@dataclass(frozen=True)
class Artist:
    """Names one artist of a style and where the sounds are."""

    style: str
    name: str
    # Of one sound all of the paths, which are summed (songs) or follow each other (prompts).
    sounds: Sequence[Sequence[Path]]


@dataclass(frozen=True)
class Clip:
    """Says what a clip is of."""

    # STYLE/ARTIST/NUMBER.wav
    file: str
    sound: str
    start_secs: float
    # Lower and upper edge in Hz before the low-pass.
    edges: tuple[float, float]


def write_clips(out: Path) -> Sequence[Clip]:
    """Fetches the sounds and writes OUT/clips/STYLE/ARTIST/NUMBER.wav; returns what they are.

    Clips that are all there are left as they are.
    """
    table = out / _TABLE
    if not table.exists():
        artists, num_untagged = _find_artists(out / "sounds")
        clips = [clip for artist in artists for clip in _write_artist(artist, out / "clips")]
        values = {"untagged": num_untagged, "clips": [asdict(clip) for clip in clips]}
        with replacing(table) as path:
            path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    values = json.loads(table.read_text(encoding="utf-8"))
    print(f"{len(values['clips'])} clips; {values['untagged']} files without an artist left out.")
    return [Clip(**clip) for clip in values["clips"]]


def draw_starts(
    levels: Mapping[str, Sequence[float]], most: int, seed: int
) -> list[tuple[str, int]]:
    """Draws which clips of an artist are taken; none overlaps another.

    Args:
        levels: sound -> the level of each of its consecutive stretches of a clip's length, in dB.
        most: how many are taken, at most.
        seed: the dice.

    Returns:
        The sound and the number of the stretch of each, in order.
    """
    loud = [
        (sound, number)
        for sound in sorted(levels)
        for number, level in enumerate(levels[sound])
        if level > _SILENT_DB
    ]
    drawn = np.random.default_rng(seed).permutation(len(loud))[:most]
    return [loud[number] for number in sorted(drawn)]


def levels_of(signal: Signal) -> list[float]:
    """Returns the level of each whole stretch of a clip's length, in dB."""
    frames = CLIP_SECS * RATE
    stretches = signal[: len(signal) // frames * frames].reshape(-1, frames)
    return [20 * float(np.log10(max(rms(stretch), 1e-9))) for stretch in stretches]


def by_artist(files: Mapping[str, Sequence[tuple[Path, str | None]]]) -> tuple[list[Artist], int]:
    """Returns the artists of files by their tags, and how many files have none.

    Args:
        files: style -> its files, each with its tag.
    """
    artists = []
    num_untagged = 0
    for style, tagged in files.items():
        sounds: dict[str, list[list[Path]]] = {}
        for path, tag in tagged:
            if tag is None:
                num_untagged += 1
                continue
            # The name becomes that of a folder.
            name = _ALIASES.get(tag, tag).replace("/", " ")
            sounds.setdefault(name, []).append([path])
        artists += [Artist(style, name, paths) for name, paths in sorted(sounds.items())]
    return artists, num_untagged


def _find_artists(folder: Path) -> tuple[list[Artist], int]:
    """Fetches all sounds; returns the artists, and how many files name none."""
    fetch_songs(folder)
    fetch_game_music(folder)
    artists = []
    for band, songs in BANDS.items():
        sums = [[folder / "songs" / song / f"{part}.ogg" for part in SOURCES] for song in songs]
        artists.append(Artist(METAL, band, sums))
    files: dict[str, list[tuple[Path, str | None]]] = {}
    for game, style in _STYLES.items():
        for path in sorted((folder / game).iterdir()):
            files.setdefault(style, []).append((path, artist_of(path)))
    tagged, num_untagged = by_artist(files)
    spoken = [
        Artist(SPEECH, language, [fetch_prompts(folder, language)])
        for language in (ENGLISH, FRENCH)
    ]
    return [*artists, *spoken, *tagged], num_untagged


def _read(artist: Artist, paths: Sequence[Path]) -> Signal:
    """Returns one sound of an artist, (T,)."""
    if artist.style == SPEECH:
        spoken = one_after_the_other(list(paths), SEED)
        return mono_at(spoken, SAMPLE_RATE, RATE)
    parts = [read_mono(path, RATE) for path in paths]
    num_frames = max(map(len, parts))
    total = np.zeros(num_frames, np.float32)
    for part in parts:
        total[: len(part)] += part
    return total


def _write_artist(artist: Artist, folder: Path) -> Iterator[Clip]:
    """Draws the clips of an artist, and writes them."""
    print(f"{artist.style}: {artist.name}", flush=True)
    sounds = {_name(artist, paths): _read(artist, paths) for paths in artist.sounds}
    levels = {name: levels_of(signal) for name, signal in sounds.items()}
    frames = CLIP_SECS * RATE
    place = folder / artist.style / artist.name
    place.mkdir(parents=True, exist_ok=True)
    for number, (sound, stretch) in enumerate(draw_starts(levels, MOST_CLIPS, SEED)):
        own = sounds[sound][stretch * frames : (stretch + 1) * frames]
        path = place / f"{number:02d}.wav"
        narrow = at_level(low_passed(own, RATE), _LEVEL_DB)
        with replacing(path) as temporary:
            # Peaks of a clip may lie above full scale.
            soundfile.write(temporary, narrow, RATE, subtype="FLOAT", format="WAV")
        name = path.relative_to(folder).as_posix()
        yield Clip(name, sound, float(stretch * CLIP_SECS), bandwidth(own, RATE))


def _name(artist: Artist, paths: Sequence[Path]) -> str:
    """Returns how a sound is called: by its file, a song by its folder, prompts by speaker."""
    if artist.style == SPEECH:
        return artist.name
    return paths[0].stem if len(paths) == 1 else paths[0].parent.name
