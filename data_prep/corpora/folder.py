"""Reads any folder of ``track/source.wav``: a user's own data needs a split file and no code.

A track is a folder directly under the root with sound files in it; its name is the folder's. A
split file (configs/splits) says where each track belongs, and may hold the vocabulary and the map
from file names to labels; without a map a file is named by its label. A file ``mixture`` is the
mixture; without one, the sum of the sources is. ``labels.csv`` under the root may say what plays in
tracks, and their tags (``labels_file``); a track of which it does needs no file but the mixture. Of
a track with sources these say what plays, and the file must not say otherwise.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from configs.splits import Splits
from data_prep.audio.annotations import Annotations
from data_prep.audio.decoding import is_sound_name
from data_prep.audio.tracks import MIXTURE, TrackFiles
from data_prep.corpora.labels_file import FILE_NAME, read_labels

NUM_TRACKS = None
SAMPLE_RATE = None


def find_tracks(root: Path, splits: Splits | None) -> list[TrackFiles]:
    """Lists the tracks under ``root``.

    Raises:
        ValueError: ``root`` holds no tracks, or there is no split file.
    """
    if splits is None:
        raise ValueError(
            "a folder of tracks has no official splits; name a split file with --splits=FILE.json."
        )
    said = read_labels(root)
    tracks = []
    for folder in sorted(root.glob("*")):
        if _is_hidden(folder):
            continue
        paths = _sound_files(folder)
        if paths:
            tracks.append(_track(folder, paths, splits, said.get(folder.name)))
    if not tracks:
        raise ValueError(
            f"{root} has no tracks; expected folders with sound files (wav, flac, mp3 and others) "
            f"in them."
        )
    strangers = sorted(set(said) - {track.name for track in tracks})
    if strangers:
        raise ValueError(
            f"{root / FILE_NAME} has a line of {strangers[0]}, and {root} no such track; expected "
            f"the names of its folders."
        )
    return tracks


def _sound_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if is_sound_name(path))


def _is_hidden(path: Path) -> bool:
    # such as the files ._NAME that macOS leaves beside every file on foreign disks
    return path.name.startswith(".")


def _track(folder: Path, paths: list[Path], splits: Splits, said: Annotations | None) -> TrackFiles:
    """Returns a track, with a sentence for each file that the splits do not explain.

    Args:
        folder: of the track.
        paths: its sound files.
        splits: say what they are.
        said: what labels.csv says of the track, if it does.
    """
    mixtures = []
    sources = []
    errors = []
    for path in paths:
        try:
            label = splits.label_of(path.name)
        except ValueError as error:
            errors.append(f"{path}: {error}")
            continue
        if label == MIXTURE:
            mixtures.append(path)
        elif label is not None:
            sources.append((label, path))
    if len(mixtures) > 1:
        errors.append(
            f"{folder} has {len(mixtures)} mixtures, {mixtures[0].name} and {mixtures[1].name}; "
            f"expected one."
        )
    if not sources and not errors and not (said and mixtures):
        errors.append(
            f"{folder} has no file of a source; the split file ignores all of them, and "
            f"{FILE_NAME} says no labels of a mixture alone."
        )
    if said and sources:
        playing = dict.fromkeys(name for name, _ in sources)
        errors += _contradictions(folder.name, said, playing)
        said = replace(said, playing=tuple(playing), absent=None)
    return TrackFiles(
        name=folder.name,
        split=None,
        mixture=next(iter(mixtures), None),
        sources=tuple(sources),
        errors=tuple(errors),
        annotations=said,
    )


def _contradictions(track: str, said: Annotations, playing: Collection[str]) -> Iterator[str]:
    """Yields a sentence for each label that is not what the sources of a track say."""
    for name in said.playing:
        if name not in playing:
            yield f"{FILE_NAME} says that {name} plays in {track}, which has no file of it."
    for name in said.absent or ():
        if name in playing:
            yield f"{FILE_NAME} says that {name} does not play in {track}, which has a file of it."
