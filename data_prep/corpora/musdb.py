"""Reads MUSDB18 (a ``.stem.mp4`` per track) and MUSDB18-HQ (a folder of wav files per track).

Which of the two it is, is told by what is there. Rafii, Liutkus, Stöter, Mimilakis, Bittner, "The
MUSDB18 corpus for music separation", 2017, https://doi.org/10.5281/zenodo.1117372. Stereo,
44.1 kHz. Which tracks validate is what the package ``musdb`` says.
"""

from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from configs.splits import Split, Splits
from data_prep.audio.stems import STREAMS, SUFFIX
from data_prep.audio.tracks import MIXTURE, TrackFiles

NUM_TRACKS = 150
SAMPLE_RATE = 44100
# As its page says.
TERMS = (
    "MUSDB18 may be used for academic purposes only; the licence of each of its tracks is listed "
    "at https://sigsep.github.io/datasets/musdb.html."
)
_Subset = Literal["train", "test"]
_SUBSETS: tuple[_Subset, ...] = ("train", "test")
_LAYOUT = (
    "train and test with a .stem.mp4 per track (MUSDB18) or a folder of wav files per track "
    "(MUSDB18-HQ) in them"
)


class _Entry(NamedTuple):
    """Is a track as it lies there: a stem file, or a folder of wav files."""

    name: str
    subset: _Subset
    path: Path


def find_tracks(root: Path, _: Splits | None) -> list[TrackFiles]:
    """Lists the tracks under ``root`` in their official splits.

    These are its folders train and test, but for the tracks of train that validate.

    Raises:
        ValueError: ``root`` holds no tracks, or they are not laid out as above.
    """
    entries = _find(root)
    counts = Counter(entry.name for entry in entries)
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise ValueError(
            f"{root} has the track {repeated[0]!r} more than once; expected it once, "
            f"remove the others."
        )
    validation_tracks = _settings()["validation_tracks"]
    tracks = []
    for entry in entries:
        split: Split = entry.subset
        if split == "train" and entry.name in validation_tracks:
            split = "valid"
        tracks.append(_track(entry, split))
    return tracks


def _find(root: Path) -> list[_Entry]:
    """Finds all tracks, of one of the two corpora.

    Raises:
        ValueError: there are tracks of both, or of neither.
    """
    stems = []
    folders = []
    for subset in _SUBSETS:
        for path in sorted(root.glob(f"{subset}/*")):
            if path.name.startswith("."):
                continue
            if path.name.endswith(SUFFIX):
                stems.append(_Entry(path.name.removesuffix(SUFFIX), subset, path))
            if path.is_dir() and any(path.glob("*.wav")):
                folders.append(_Entry(path.name, subset, path))
    if stems and folders:
        raise ValueError(
            f"{root} mixes MUSDB18 ({stems[0].path.name}) and MUSDB18-HQ ({folders[0].name}); "
            f"expected one of them, move the other to a folder of its own."
        )
    if not stems and not folders:
        raise ValueError(
            f"{root} has no MUSDB18 tracks; expected the folders {_LAYOUT}, "
            f"found {_content_of(root)}."
        )
    return stems or folders


def _content_of(root: Path) -> str:
    """Says in words what a folder has, for a sentence about what it lacks."""
    if not root.is_dir():
        return "no such folder"
    # five names tell a user where they are
    names = sorted(path.name for path in root.iterdir())[:5]
    return ", ".join(names) or "nothing"


def _track(entry: _Entry, split: Split) -> TrackFiles:
    if entry.path.is_file():
        # the sources are streams of the same file
        return TrackFiles(entry.name, split, mixture=entry.path)
    paths = {}
    errors = []
    for stream in STREAMS:
        path = entry.path / f"{stream}.wav"
        if path.is_file():
            paths[stream] = path
        else:
            errors.append(f"{path} is missing; copy the track again.")
    return TrackFiles(
        name=entry.name,
        split=split,
        mixture=paths.pop(MIXTURE, None),
        sources=tuple(paths.items()),
        errors=tuple(errors),
    )


def _settings() -> Any:
    """Reads what the package musdb says of the corpus.

    The package itself is not imported: it refuses to be without ffmpeg.

    Raises:
        ValueError: the package is not installed.
    """
    package = find_spec("musdb")
    if package is None or package.origin is None:
        raise ValueError("the package musdb is not installed; install the project's requirements.")
    path = Path(package.origin).parent / "configs" / "mus.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))
