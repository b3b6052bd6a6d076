"""Names what lies in the folder of a corpus and no track uses: nothing is left out in silence."""

import os
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from data_prep.audio.decoding import is_sound_name
from data_prep.runtime.quantities import pluralized

_NOTHING: Mapping[str, str] = {}


def find_unused(
    root: Path,
    used: Collection[Path],
    tables: Collection[Path] = (),
    left_out: Mapping[str, str] = _NOTHING,
) -> list[str]:
    """Returns a sentence for each folder, and for each kind of other files, that no track uses.

    Args:
        root: the folder of the corpus.
        used: the files of its tracks, also of those that splits exclude.
        tables: what is read beside them.
        left_out: patterns of names of folders that the corpus has for another use -> the reason;
            there is one sentence for all that a pattern matches.
    """
    sentences: list[str] = []
    in_use = set(used)
    readable = in_use | set(tables)
    tracks = {path.parent for path in in_use}
    folders_in_use = {folder for path in readable for folder in path.parents}
    other_files: dict[str, list[str]] = {}
    skipped: dict[str, int] = {}

    def tell(error: OSError) -> None:
        sentences.append(f"{error.filename} is left out: it cannot be read ({error.strerror}).")

    for name, folders, files in os.walk(root, onerror=tell):
        folder = Path(name)
        _prune(folders, left_out, skipped)
        unused = [path for path in _visible(folder, files) if path not in readable]
        sounds = [path.name for path in unused if is_sound_name(path)]
        for path in unused:
            if path.name not in sounds:
                other_files.setdefault(path.suffix, []).append(str(path.relative_to(root)))
        if sounds:
            where = "a track" if folder in tracks else "no track"
            sentences.append(
                f"{folder} is of {where}, and these are left out: {', '.join(sounds)}. They are of "
                "a kind that is not read, in the wrong place, or ignored by the splits."
            )
        elif not folders and folder not in folders_in_use and os.access(folder, os.R_OK):
            sentences.append(f"{folder} is left out: it holds no sound files.")
    for pattern, count in skipped.items():
        called = f"{pluralized(count, 'folder')} called {pattern}"
        sentences.append(f"nothing is read of {called}: {left_out[pattern]}.")
    sentences += _other_sentences(other_files)
    return sentences


def _prune(folders: list[str], patterns: Collection[str], skipped: dict[str, int]) -> None:
    """Sorts the folders that are to be looked into, and takes the others out.

    Args:
        folders: names; they are changed.
        patterns: of names of folders that take no part.
        skipped: pattern -> how many were taken out for it so far.
    """
    kept = []
    for name in sorted(folders):
        pattern = next((each for each in patterns if fnmatchcase(name, each)), None)
        if pattern is not None:
            skipped[pattern] = skipped.get(pattern, 0) + 1
        # Hidden ones are of the system: every disk of a Mac has them.
        elif not name.startswith("."):
            kept.append(name)
    folders[:] = kept


def _other_sentences(other_files: Mapping[str, list[str]]) -> Iterator[str]:
    """Yields a sentence for each kind of files that are no sounds: suffix -> names."""
    for suffix, names in sorted(other_files.items()):
        some = ", ".join(names[:3])
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield f"files {suffix or 'without a suffix'} are not read: {some}{more}."


def _visible(folder: Path, files: Collection[str]) -> Iterator[Path]:
    for file in sorted(files):
        if not file.startswith("."):
            yield folder / file
