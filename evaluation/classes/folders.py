"""Finds the files of a folder that has a folder for each class.

ROOT/CLASS/song.mp3
ROOT/CLASS/ARTIST/ALBUM/song.mp3
"""

from pathlib import Path

from data_prep.audio.decoding import is_sound_name
from data_prep.runtime.quantities import pluralized
from evaluation.classes.labelled import Corpus, Labelled
from evaluation.classes.table import read_groups

BY_FOLDER = "folder"


def find_classes(root: Path, groups: str = "") -> Corpus:
    """Returns the files of sound in the folders of a folder, at any depth, in order.

    Args:
        root: has a folder for each class.
        groups: what says where each file is from: ``folder``, the first one below that of its
            class, or the path of a table with the columns file and group; empty: nothing does.

    Raises:
        ValueError: there is no such folder, it holds no folders or one without a file of sound, or
            nothing says of a file where it is from.
    """
    if not root.is_dir():
        raise ValueError(f"there is no folder {root}; expected one that has a folder a class.")
    folders = [path for path in sorted(root.iterdir()) if _is_class(path)]
    if not folders:
        raise ValueError(f"{root} holds no folders; expected one for each class.")
    remarks = []
    beside = [path.name for path in sorted(root.iterdir()) if is_sound_name(path)]
    if beside:
        remarks.append(f"{pluralized(len(beside), 'file')} of no class in {root} left out.")
    of_table = {} if groups in ("", BY_FOLDER) else read_groups(Path(groups))
    files = []
    for folder in folders:
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        sounds = [path for path in paths if is_sound_name(path)]
        if not sounds:
            raise ValueError(f"the folder {folder} holds no sound files; fill or delete it.")
        if len(sounds) < len(paths):
            others = pluralized(len(paths) - len(sounds), "file")
            remarks.append(f"{others} of {folder} left out, no sound by name.")
        for path in sounds:
            name = path.relative_to(root).as_posix()
            group = _group_of(name, groups, of_table)
            files.append(Labelled(path, name, folder.name, group))
    return Corpus("class", tuple(files), tuple(remarks))


def _is_class(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _group_of(name: str, groups: str, of_table: dict[str, str]) -> str | None:
    """Returns where a file is from, given its path below the folder of all classes."""
    if not groups:
        return None
    if groups != BY_FOLDER:
        if name not in of_table:
            raise ValueError(f"{groups} has no line for {name}; expected one for every file.")
        return of_table[name]
    _, *between, _ = name.split("/")
    if not between:
        raise ValueError(
            f"{name} lies in the folder of its class itself; --groups=folder expects "
            f"CLASS/GROUP/FILE, a folder for each artist, say. Or name a table of groups."
        )
    return between[0]
