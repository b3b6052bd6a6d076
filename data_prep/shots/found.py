"""Finds the sounds in a folder of kits or of classes.

A folder under the root is a kit where it has a drumkit.xml, or folders with sounds in them; any
other is a class, whose sounds belong to no kit, and are split one by one. The same holds of sounds
that lie in the root itself, unless it has a drumkit.xml: then the root is one kit.

    KIT/CLASS/sound.wav, KIT/drumkit.xml and KIT/sound.wav, CLASS/sound.wav, sound.wav
"""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from data_prep.audio.decoding import is_sound_name
from data_prep.shots.classes import KIT_FILE, OTHER, class_of, read_kit
from data_prep.shots.prepared import sha256_of


class FoundSound(NamedTuple):
    """Is a file of sound, before anything is decoded."""

    path: Path
    # its path from the root on
    source: str
    # KIT/CLASS/NAME, or CLASS/NAME, once only
    name: str
    # the name itself where there is no kit
    kit: str
    class_name: str


class Found(NamedTuple):
    """Holds the sounds of a folder, in the order of their paths."""

    sounds: tuple[FoundSound, ...]
    # what is odd, a sentence each
    remarks: tuple[str, ...]


def find_sounds(root: Path) -> Found:
    """Lists the sounds under a folder, each with its kit and class.

    The class is what the folder's name says in words that are known (kick, snare, tom, hat, cymbal,
    clap), else what the file's name says, else the folder's name itself; in a kit with a
    drumkit.xml it is what the instrument's name says. Where nothing says one it is ``other``.

    Raises:
        ValueError: there is no such folder, or no sound in it.
    """
    if not root.is_dir():
        raise ValueError(f"there is no folder {root}; expected one of kits or of classes.")
    sources = _sound_files(root)
    if not sources:
        raise ValueError(
            f"{root} has no sound files; expected files (wav, flac, ogg, mp3 and others) in "
            f"folders of kits or of classes."
        )
    instruments, remarks = _kit_files(root, sources)
    top_folders = {Path(source).parts[0] for source in sources if len(Path(source).parts) > 2}
    names: set[str] = set()
    sounds = []
    for source in sources:
        parts = Path(source).parts
        kit = _kit_of(parts, instruments, is_kit=parts[0] in top_folders)
        if kit is None:
            class_name = _class_of(parts)
            name = new_name(f"{class_name}/{plain(Path(source).stem)}", names)
            kit = name
        else:
            inner = parts if kit == "" else parts[1:]
            class_name = _class_in_kit(inner, instruments.get(kit, {}))
            kit = plain(kit or root.resolve().name)
            name = new_name(f"{kit}/{class_name}/{plain(Path(source).stem)}", names)
        sounds.append(FoundSound(root / source, source, name, kit, class_name))
    return Found(tuple(sounds), tuple(remarks))


def of_classes(found: Found, classes: Sequence[str]) -> list[FoundSound]:
    """Returns the sounds of some classes; all where none is named.

    Raises:
        ValueError: a class has no sound.
    """
    there = sorted({sound.class_name for sound in found.sounds})
    for name in classes:
        if name not in there:
            raise ValueError(f"no sound is of the class {name!r}; there are {', '.join(there)}.")
    return [sound for sound in found.sounds if not classes or sound.class_name in classes]


def folder_sha256(sounds: Sequence[FoundSound]) -> str:
    """Returns the SHA-256 of the names, classes and contents of files of sound."""
    whole = hashlib.sha256()
    for sound in sounds:
        line = f"{sound.source}\n{sound.name}\n{sound.kit}\n{sha256_of(sound.path)}\n"
        whole.update(line.encode(errors="surrogateescape"))
    return whole.hexdigest()


def plain(name: str) -> str:
    """Returns a name as a file of any system may bear it: signs of no word become underscores."""
    return re.sub(r"[^\w. +,()&'#!-]", "_", name).strip(". ") or "_"


def new_name(name: str, names: set[str]) -> str:
    """Returns a name that no other sound has, whatever the case of its letters, and adds it."""
    new = name
    number = 2
    while new.casefold() in names:
        new = f"{name}-{number}"
        number += 1
    names.add(new.casefold())
    return new


def _sound_files(root: Path) -> list[str]:
    """Returns the paths of all files of sound from the root on, in order; no hidden ones."""
    found = []
    for name, folders, files in os.walk(root):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        paths = [Path(name) / file for file in files]
        found += [path.relative_to(root).as_posix() for path in paths if is_sound_name(path)]
    return sorted(found)


def _kit_files(root: Path, sources: Sequence[str]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Reads every drumkit.xml of the root and of the folders in it.

    Returns:
        By the name of the folder ("" for the root) the files, each with its instrument; and what is
        odd, a sentence each.
    """
    instruments: dict[str, dict[str, str]] = {}
    remarks = []
    for folder in ["", *sorted({Path(source).parts[0] for source in sources})]:
        path = root / folder / KIT_FILE
        if not path.is_file():
            continue
        try:
            instruments[folder] = read_kit(path)
        except ValueError as error:
            instruments[folder] = {}
            remarks.append(f"{str(error).rstrip('.')}; the names of the files say the classes.")
        own = {source.removeprefix(f"{folder}/") for source in sources}
        missing = [file for file in instruments[folder] if file not in own]
        if missing:
            remarks.append(f"{path} names files that are not there: {', '.join(missing)}.")
    return instruments, remarks


def _kit_of(
    parts: tuple[str, ...], instruments: dict[str, dict[str, str]], is_kit: bool
) -> str | None:
    """Returns the folder that is the kit of a sound, "" for the root; None where it has none."""
    if len(parts) > 1 and (is_kit or parts[0] in instruments):
        return parts[0]
    return "" if "" in instruments else None


def _class_in_kit(inner: tuple[str, ...], instruments: dict[str, str]) -> str:
    """Returns the class of a sound, given its path in its kit."""
    instrument = instruments.get("/".join(inner))
    if instrument is not None:
        return class_of(instrument) or OTHER
    return _class_of(inner)


def _class_of(parts: tuple[str, ...]) -> str:
    """Returns the class of a sound by its folder, or by its own name where that says more."""
    by_file = class_of(Path(parts[-1]).stem)
    if len(parts) > 1:
        return class_of(parts[0]) or by_file or plain(parts[0])
    return by_file or OTHER
