"""Reads any folder of sound files, each a track of which nothing is known but its sound.

The files lie under the root, in folders or not; a track is named by its path from there. A split
file (configs/splits) says where each belongs. Without one they are split by file, in the order of
their names: of each ten the fifth validates and the tenth tests.
"""

from pathlib import Path

from configs.splits import Split, Splits
from data_prep.audio.annotations import Annotations
from data_prep.audio.decoding import is_sound_name
from data_prep.audio.tracks import TrackFiles

NUM_TRACKS = None
SAMPLE_RATE = None

# Of each ten files, counted from 0.
_VALIDATES = 4
_TESTS = 9


def find_tracks(root: Path, splits: Splits | None) -> list[TrackFiles]:
    """Lists the sound files under ``root``, in the order of their names.

    Raises:
        ValueError: there is none.
    """
    paths = sorted(path for path in root.rglob("*") if is_sound_name(path) and path.is_file())
    shown = [path for path in paths if not _is_hidden(path.relative_to(root))]
    if not shown:
        raise ValueError(
            f"{root} has no sound files; expected files (wav, flac, ogg, mp3 and others) in it or "
            f"in its folders."
        )
    return [
        TrackFiles(
            name=path.relative_to(root).as_posix(),
            split=None if splits else _split_of(number),
            mixture=path,
            # Nobody knows of any instrument whether it plays.
            annotations=Annotations(absent=()),
        )
        for number, path in enumerate(shown)
    ]


def _split_of(number: int) -> Split:
    place = number % 10
    if place == _TESTS:
        return "test"
    return "valid" if place == _VALIDATES else "train"


def _is_hidden(path: Path) -> bool:
    # such as the files ._NAME that macOS leaves beside every file on foreign disks
    return any(part.startswith(".") for part in path.parts)
