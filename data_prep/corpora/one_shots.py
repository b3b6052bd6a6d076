"""Reads the folder that data_prep.one_shots made: each sound is a track, its class a tag of it.

A track is named KIT/CLASS/NAME, or CLASS/NAME where there is no kit. The official splits are those
of the folder.
"""

from pathlib import Path

from configs.splits import Splits
from data_prep.audio.annotations import Annotations
from data_prep.audio.tracks import TrackFiles
from data_prep.shots.prepared import FILE_NAME, PAGE_NAME, changed_sounds, load_one_shots

NUM_TRACKS = None
SAMPLE_RATE = None
# what lies beside the sounds
OWN_FILES = (FILE_NAME, PAGE_NAME)


def find_tracks(root: Path, splits: Splits | None) -> list[TrackFiles]:
    """Lists the one-shots in a folder, in the order of their names.

    Raises:
        ValueError: the folder is not finished, or a sound is missing or has changed.
    """
    shots = load_one_shots(root)
    changed = next(changed_sounds(shots, root), None)
    if changed is not None:
        raise ValueError(changed)
    return [
        TrackFiles(
            name=sound.name,
            split=None if splits else sound.split,
            mixture=root / sound.file,
            # Of instruments nothing is said.
            annotations=Annotations(absent=(), tags=(sound.class_name,)),
        )
        for sound in shots.sounds
    ]
