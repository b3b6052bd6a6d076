"""Names the six real songs of two bands that benchmarks use, as guitar and rest.

They are songs of the game Frets on Fire: a player's guitar in a file, all else in another. The
mixture is the sum of both. Two more songs of the packages are kept back for checks of what is
finished, and are not looked at.
"""

import json
import shutil
from pathlib import Path

import soundfile
import soxr

from benchmarks.corpora.debian_sounds import Package, fetch
from data_prep.storage.files import replacing

TRAINED = ("armygeddon", "mutilated_mime", "Escape from chaosland", "Metal madness")
VALIDATED = ("internal_degeneration", "Feelings")
BANDS = {
    "muldjord": ("armygeddon", "mutilated_mime", "internal_degeneration"),
    "sectoid": ("Escape from chaosland", "Metal madness", "Feelings"),
}
SOURCES = ("guitar", "rest")
# Of the copies.
_SEMITONES = (-3.0, -1.5, 1.5, 3.0)

_ROOT = "usr/share/games/fretsonfire/data/songs"
_FILES = {"guitar.ogg": "guitar.ogg", "song.ogg": "rest.ogg"}


def _files_of(band: str) -> dict[str, str]:
    return {
        f"{song}/{name}": f"{song}/{ours}" for song in BANDS[band] for name, ours in _FILES.items()
    }


PACKAGES = (
    Package(
        "fretsonfire-songs-muldjord",
        "2.dfsg-2.1",
        "b37adf8b08b46d4182c283e760e4f40622d83674e05803960ea1e11a92600c7b",
        "CC-BY-SA 3.0",
        f"{_ROOT}/muldjord",
        _files_of("muldjord"),
    ),
    Package(
        "fretsonfire-songs-sectoid",
        "1.dfsg-3.1",
        "14c1ed3e43c1a6a80eae7698f0469a0825cd1184e441968d62df89ca418aa0b4",
        "MIT",
        f"{_ROOT}/sectoid",
        _files_of("sectoid"),
    ),
)


def fetch_songs(folder: Path) -> None:
    """Fetches the songs to a folder of a folder per song, and writes the split files beside them.

    ``songs.json`` is the split of the figures; ``without-BAND.json`` leaves a band out: the songs
    of the other one train, those of the band validate.
    """
    fetch(PACKAGES, folder / "songs")
    _write_splits(folder / "songs.json", "as the figures of docs/masks.md have it", TRAINED)
    for band in BANDS:
        others = [song for other in BANDS if other != band for song in BANDS[other]]
        _write_splits(folder / f"without-{band}.json", f"{band} is left out of training", others)


def copy_at_other_pitches(songs: Path, splits: Path, out: Path) -> None:
    """Writes the songs to another folder, and of those that train copies that are slower or faster.

    A copy is resampled, so that its pitch moves with its speed, and is called ``SONG +SEMITONES``.

    Args:
        songs: the folder that ``fetch_songs`` filled.
        splits: one of its split files.
        out: gets the songs, then ``splits.json`` of them all, when it is complete.
    """
    split = json.loads(splits.read_text(encoding="utf-8"))
    originals = list(split["train"])
    for song in sorted(songs.iterdir()):
        shutil.copytree(song, out / song.name, dirs_exist_ok=True)
        if song.name not in originals:
            continue
        for semitones in _SEMITONES:
            copy = out / f"{song.name} {semitones:+g}"
            copy.mkdir(exist_ok=True)
            split["train"].append(copy.name)
            for file in song.iterdir():
                waveform, rate = soundfile.read(file, dtype="float32", always_2d=True)
                resampled = soxr.resample(waveform, rate * 2 ** (semitones / 12), rate)
                soundfile.write(copy / f"{file.stem}.flac", resampled, rate)
    split["train"].sort()
    with replacing(out / "splits.json") as path:
        path.write_text(json.dumps(split, indent=2) + "\n", encoding="utf-8")


def _write_splits(path: Path, rule: str, trained: tuple[str, ...] | list[str]) -> None:
    songs = [song for band in BANDS.values() for song in band]
    splits = {
        "rule": rule,
        "train": sorted(trained),
        "valid": sorted(song for song in songs if song not in trained),
        "test": [],
        "vocabulary": list(SOURCES),
    }
    path.write_text(json.dumps(splits, indent=2) + "\n", encoding="utf-8")
