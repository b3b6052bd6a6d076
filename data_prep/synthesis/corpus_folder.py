"""Keeps a corpus that is made here: what it is, its pieces one by one, and their titles.

So an interrupted command continues, and none mixes two corpora in one folder.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_TUNES = (
    "Dawn",
    "Harbour",
    "Lantern",
    "Meadow",
    "Orchard",
    "Pebble",
    "Quarry",
    "River",
    "Saffron",
    "Thistle",
)


def tune(i: int) -> str:
    """Returns a title of its own for every piece: Dawn, ..., Thistle, DawnB, ..."""
    title = _TUNES[i % len(_TUNES)]
    round_of_titles = i // len(_TUNES)
    if round_of_titles == 0:
        return title
    return title + chr(ord("A") + round_of_titles)


def mark(root: Path, name: str, content: Mapping[str, object]) -> None:
    """Writes into the folder of a corpus what makes up its content, where that is not there.

    So no call continues a corpus of other content.

    Args:
        root: the folder, made where there is none.
        name: of the file that says so.
        content: all that the sounds depend on, as plain values.

    Raises:
        ValueError: ``root`` holds something else.
    """
    wanted = json.dumps(content)
    marker = root / name
    root.mkdir(parents=True, exist_ok=True)
    if marker.exists():
        present = marker.read_text(encoding="utf-8")
        if present != wanted:
            raise ValueError(
                f"{marker} says {present}, but {wanted} was asked for; "
                f"give another folder, or remove this one."
            )
    elif any(root.iterdir()):
        raise ValueError(
            f"{root} holds files that were not written here; expected an empty or new folder."
        )
    else:
        marker.write_text(wanted, encoding="utf-8")


@contextmanager
def new_folder(root: Path, folder: Path) -> Iterator[Path | None]:
    """Yields a folder to fill; None where it is there already.

    It takes its name only when it is complete.
    """
    if folder.exists():
        print(f"{folder.name}: there already", flush=True)
        yield None
        return
    partial = root / f".{folder.name}.partial"
    # left by a call that was interrupted
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir()
    yield partial
    folder.parent.mkdir(exist_ok=True)
    partial.rename(folder)
    print(folder.name, flush=True)
