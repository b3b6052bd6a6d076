"""Keeps a corpus that is made here: what it is, its pieces one by one, and their titles.

So an interrupted command continues, and none mixes two corpora in one folder.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

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


class Limits(NamedTuple):
    """Says how large a corpus may be."""

    max_pieces: int
    min_secs: float
    max_secs: float


def tune(i: int) -> str:
    """Returns a title of its own for every piece: Dawn, ..., Thistle, DawnB, ..."""
    title = _TUNES[i % len(_TUNES)]
    round_of_titles = i // len(_TUNES)
    if round_of_titles == 0:
        return title
    return title + chr(ord("A") + round_of_titles)


def check_sizes(num_pieces: int, secs: float, seed: int, limits: Limits) -> None:
    """Checks the sizes that a user asks for.

    Args:
        num_pieces: how many pieces.
        secs: the length of each.
        seed: the dice.
        limits: what is legal.

    Raises:
        ValueError: a size makes no sense.
    """
    if not 1 <= num_pieces <= limits.max_pieces:
        raise ValueError(
            f"the number of pieces is {num_pieces}; expected 1 to {limits.max_pieces}."
        )
    if not limits.min_secs <= secs <= limits.max_secs:
        raise ValueError(
            f"the length of a piece is {secs} seconds; "
            f"expected {limits.min_secs:g} to {limits.max_secs:g}."
        )
    if seed < 0:
        raise ValueError(f"the seed is {seed}; expected 0 or more.")


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
