"""Names what lies in the folder of a corpus and no track uses: nothing is left out in silence."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from data_prep.audio.decoding import is_sound_name


def find_unused(root: Path, used: Collection[Path], tables: Collection[Path] = ()) -> list[str]:
    """Returns a sentence for each folder, and for each kind of other files, that no track uses.

    Args:
        root: the folder of the corpus.
        used: the files of its tracks, also of those that splits exclude.
        tables: what is read beside them.
    """
    sentences: list[str] = []
    in_use = set(used)
    readable = in_use | set(tables)
    tracks = {path.parent for path in in_use}
    folders_in_use = {folder for path in in_use for folder in path.parents}
    other_files: dict[str, list[str]] = {}

    def tell(error: OSError) -> None:
        sentences.append(f"{error.filename} is left out: it cannot be read ({error.strerror}).")

    for name, folders, files in os.walk(root, onerror=tell):
        folder = Path(name)
        # Hidden ones are of the system: every disk of a Mac has them.
        folders[:] = sorted(each for each in folders if not each.startswith("."))
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
    for suffix, names in sorted(other_files.items()):
        some = ", ".join(names[:3])
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        sentences.append(f"files {suffix or 'without a suffix'} are not read: {some}{more}.")
    return sentences


def _visible(folder: Path, files: Collection[str]) -> Iterator[Path]:
    for file in sorted(files):
        if not file.startswith("."):
            yield folder / file
