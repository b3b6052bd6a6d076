"""Finds the songs that are meant, and says where the stems of each go."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from data_prep.audio.decoding import is_sound_name

DEFAULT_NAME = "{track}/{instrument}"
_FIELDS = ("{track}", "{instrument}")
# What a file in any folder can be called; see data_prep.storage.files.plain_name.
_NOT_PLAIN = re.compile(r"[^\w. +,()&'-]")


class Place(NamedTuple):
    """Is where a stem goes."""

    # Path or address.
    folder: str
    file: str

    def __str__(self) -> str:
        return f"{self.folder}/{self.file}"


def find_sounds(paths: Iterable[Path]) -> list[Path]:
    """Returns files, and in place of folders the sound files in them, in order.

    A name with a star or the like means what it fits: shells of Windows leave that to commands.

    Raises:
        ValueError: there is none, or no sound file in a folder.
    """
    found = []
    for path in chain.from_iterable(map(_fitting, paths)):
        if path.is_dir():
            sounds = [each for each in sorted(path.iterdir()) if is_sound_name(each)]
            if not sounds:
                raise ValueError(f"the folder {path} holds no sound files.")
            found += sounds
        elif path.is_file():
            found.append(path)
        else:
            raise ValueError(f"there is no file {path}.")
    return found


def _fitting(path: Path) -> list[Path]:
    """Returns the paths that a pattern fits; the path itself where it is none, or fits nothing."""
    if path.exists() or not re.search(r"[*?\[]", path.name):
        return [path]
    return sorted(path.parent.glob(path.name)) or [path]


def require_name(name: str, num_stems: int) -> None:
    """Raises a ``ValueError`` for a pattern of names that does not part stems or leaves its folder.

    Args:
        name: such as ``{track}/{instrument}``.
        num_stems: of each song.
    """
    rest = name
    for field in _FIELDS:
        rest = rest.replace(field, "")
    parts = name.split("/")
    fault = ""
    if "{" in rest or "}" in rest:
        fault = f"it has a field other than {' and '.join(_FIELDS)}"
    elif num_stems > 1 and "{instrument}" not in name:
        fault = "without {instrument} all stems have one name"
    elif any(not part.strip(". ") for part in parts):
        fault = "a part of it is empty or leads to another folder"
    if fault:
        raise ValueError(f"--name={name} cannot be: {fault}; expected such as {DEFAULT_NAME}.")


def stem_places(
    path: Path, stems: Sequence[str], out: str, name: str, suffix: str
) -> dict[str, Place]:
    """Returns where the stems of a song go, by the name of each."""
    track = track_name(path)
    places = {}
    for stem in stems:
        *folders, file = name.split("/")
        folder = "/".join([out, *(_fill(each, track, stem) for each in folders)])
        filled = plain(_fill(file, track, stem))
        places[stem] = Place(folder, f"{filled}{suffix}")
    return places


def _fill(pattern: str, track: str, stem: str) -> str:
    # At once: a song may be called {instrument}.
    values = dict(zip(_FIELDS, (track, stem), strict=True))
    return re.sub("|".join(map(re.escape, _FIELDS)), lambda field: values[field[0]], pattern)


def plain(text: str) -> str:
    """Returns a text as the name of a file in any folder can be."""
    return _NOT_PLAIN.sub("_", text)


def track_name(path: Path) -> str:
    """Returns the name of a song, which is that of its folder.

    A name such as ``...wav`` would lead out of it without its suffix.
    """
    return path.stem if path.stem.strip(".") else path.name


def require_apart(places: Mapping[Path, Mapping[str, Place]]) -> None:
    """Raises a ``ValueError`` where stems of two songs would be one file."""
    owners: dict[str, Path] = {}
    for path, of_song in places.items():
        for place in of_song.values():
            # As the file systems of macOS and Windows compare names.
            key = str(place).casefold()
            other = owners.setdefault(key, path)
            if other != path:
                raise ValueError(
                    f"two files are called {track_name(path)!r}, {other} and {path}, so that both "
                    f"would write {place}; give them different folders with --out."
                )
