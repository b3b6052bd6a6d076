"""Finds DrumSynth's patches in a folder, and the kit and the class that their names tell."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from data_prep.shots import classes as words
from data_prep.synthesis.drums.drumsynth import SUFFIX, read_patch
from data_prep.synthesis.drums.patch import Patch


class NamedPatch(NamedTuple):
    """Is a patch of a file, and where in its folder of patches the file lies."""

    path: Path
    patch: Patch


def read_patches(root: Path) -> tuple[list[NamedPatch], list[str]]:
    """Reads every patch under a folder, in the order of their paths.

    Returns:
        The patches, with paths relative to ``root``, and a sentence for each that makes no sense.

    Raises:
        ValueError: there are none.
        OSError: a file cannot be read.
    """
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() == SUFFIX)
    if not paths:
        raise ValueError(f"{root} holds no {SUFFIX} files; name a folder of DrumSynth's patches.")
    patches = []
    complaints = []
    for path in paths:
        try:
            patches.append(NamedPatch(path.relative_to(root), read_patch(path)))
        except ValueError as error:
            complaints.append(str(error))
    return patches, complaints


def kits_of(patches: Sequence[NamedPatch], name: str) -> dict[str, list[NamedPatch]]:
    """Returns the patches by kit: each first folder is one, and ``name`` what lies in none."""
    kits: dict[str, list[NamedPatch]] = {}
    for each in patches:
        folders = each.path.parts[:-1]
        kits.setdefault(folders[0] if folders else name, []).append(each)
    return kits


def class_of(path: Path) -> str:
    """Returns the class of drums that a file's name tells, or else the nearest folder's name."""
    told = (words.class_of(part) for part in (path.stem, *reversed(path.parts[:-1])))
    return next((name for name in told if name is not None), words.OTHER)


def digest(patches: Sequence[NamedPatch]) -> str:
    """Returns what tells sets of patches apart: it follows from their paths and all values."""
    lines = [f"{path.as_posix()} {patch}" for path, patch in patches]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
