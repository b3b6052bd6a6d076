"""Names the six real songs of two bands that benchmarks use, as guitar and rest.

They are songs of the game Frets on Fire: a player's guitar in a file, all else in another. The
mixture is the sum of both. Two more songs of the packages are kept back for checks of what is
finished, and are not looked at.
"""

import json
from pathlib import Path

from benchmarks.corpora.debian_sounds import Package, fetch

TRAINED = ("armygeddon", "mutilated_mime", "Escape from chaosland", "Metal madness")
VALIDATED = ("internal_degeneration", "Feelings")
BANDS = {
    "muldjord": ("armygeddon", "mutilated_mime", "internal_degeneration"),
    "sectoid": ("Escape from chaosland", "Metal madness", "Feelings"),
}
SOURCES = ("guitar", "rest")

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
