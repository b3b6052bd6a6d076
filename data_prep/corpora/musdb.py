"""MUSDB18 (a ``.stem.mp4`` per track) and MUSDB18-HQ (a folder of wav files per track), told apart by what is there.

Rafii, Liutkus, Stöter, Mimilakis, Bittner, "The MUSDB18 corpus for music separation", 2017,
https://doi.org/10.5281/zenodo.1117372. Stereo, 44.1 kHz. Which tracks validate is what the package ``musdb`` says.
"""

from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from configs.splits import Split, Splits
from data_prep.audio.stems import STREAMS, SUFFIX
from data_prep.audio.tracks import MIXTURE, TrackFiles

NUM_TRACKS = 150
SAMPLE_RATE = 44100
_SUBSETS = ("train", "test")
_LAYOUT = "train and test with a .stem.mp4 per track (MUSDB18) or a folder of wav files per track (MUSDB18-HQ) in them"


def find_tracks(root: Path, _: Splits | None) -> list[TrackFiles]:
    """The tracks under ``root`` in their official splits: its folders train and test, and the tracks that validate.

    Raises:
        ValueError: ``root`` holds no tracks, or they are not laid out as above.
    """
    found = _find(root)
    repeated = [name for name, count in Counter(name for name, _, _ in found).items() if count > 1]
    if repeated:
        raise ValueError(
            f"{root} has the track {repeated[0]!r} more than once; expected it once, remove the others."
        )
    validation = _settings()["validation_tracks"]
    return [
        _track(
            name, "test" if subset == "test" else "valid" if name in validation else "train", place
        )
        for name, subset, place in found
    ]


def _find(root: Path) -> list[tuple[str, str, Path]]:
    """Name, subset and place of every track."""
    places = [
        (subset, path)
        for subset in _SUBSETS
        for path in sorted(root.glob(f"{subset}/*"))
        if path.name[0] != "."
    ]
    stems = [
        (path.name.removesuffix(SUFFIX), subset, path)
        for subset, path in places
        if path.name.endswith(SUFFIX)
    ]
    folders = [
        (path.name, subset, path)
        for subset, path in places
        if path.is_dir() and any(path.glob("*.wav"))
    ]
    if stems and folders:
        raise ValueError(
            f"{root} mixes MUSDB18 ({stems[0][2].name}) and MUSDB18-HQ ({folders[0][0]}); "
            f"expected one of them, move the other to a folder of its own."
        )
    if not stems and not folders:
        entries = sorted(path.name for path in root.iterdir())[:5] if root.is_dir() else []
        found = (
            ", ".join(entries) if entries else ("nothing" if root.is_dir() else "no such folder")
        )
        raise ValueError(
            f"{root} has no MUSDB18 tracks; expected the folders {_LAYOUT}, found {found}."
        )
    return stems or folders


def _track(name: str, split: Split, place: Path) -> TrackFiles:
    if place.is_file():
        return TrackFiles(name, split, place)
    paths = {stream: place / f"{stream}.wav" for stream in STREAMS}
    present = {stream: path for stream, path in paths.items() if path.is_file()}
    missing = tuple(
        f"{paths[stream]} is missing; copy the track again."
        for stream in STREAMS
        if stream not in present
    )
    mixture = present.pop(MIXTURE, None)
    return TrackFiles(name, split, mixture, tuple(present.items()), errors=missing)


def _settings() -> Any:
    """What the package says of the corpus, read without importing it: it refuses to be imported without ffmpeg."""
    package = find_spec("musdb")
    if package is None or package.origin is None:
        raise ValueError("the package musdb is not installed; install the project's requirements.")
    return yaml.safe_load(
        (Path(package.origin).parent / "configs" / "mus.yaml").read_text(encoding="utf-8")
    )
