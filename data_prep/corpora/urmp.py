"""Reads URMP: a folder per piece with a wav file of the mixture and one per player.

They are called ``AuMix_*.wav`` and ``AuSep_<number>_<instrument>_<title>.wav``; the notes of a
part, where they are there, ``Notes_<number>_<instrument>_<title>.txt``. Li, Liu, Dinesh, Duan,
Sharma, "Creating a Multitrack Classical Music Performance Dataset for Multimodal Music Analysis",
IEEE Transactions on Multimedia 2019. Mono, 48 kHz, 24 bit. More than half of the pieces have
several players of one instrument: their parts are summed into one source.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from configs import instruments
from configs.splits import Splits
from data_prep.audio.tracks import NotesFile, TrackFiles
from data_prep.runtime.quantities import pluralized

NUM_TRACKS = 44
SAMPLE_RATE = 48000
# number and instrument of a part
_PART = re.compile(r"AuSep_(\d+)_([^_]+)_.+\.wav")


def find_tracks(root: Path, _: Splits | None) -> list[TrackFiles]:
    """Lists the pieces under ``root``.

    Raises:
        ValueError: ``root`` holds no pieces, or one in a hidden folder.
    """
    if not root.is_dir():
        raise ValueError(
            f"{root} is not a folder; expected the one with URMP's pieces, such as "
            f"01_Jupiter_vn_vc."
        )
    folders = [folder for folder in sorted(root.iterdir()) if folder.is_dir()]
    pieces = [folder for folder in folders if _is_piece(folder)]
    if not pieces:
        raise ValueError(
            f"{root} has no URMP pieces; expected folders such as 01_Jupiter_vn_vc with "
            f"AuMix_*.wav and AuSep_*.wav in them, found {pluralized(len(folders), 'folder')} "
            f"without: give the folder that holds the pieces."
        )
    return [_track(piece) for piece in pieces]


def _is_piece(folder: Path) -> bool:
    has_parts = any(folder.glob("AuSep_*.wav"))
    if not folder.name.startswith("."):
        return has_parts or any(folder.glob("AuMix_*.wav"))
    if has_parts:
        raise ValueError(
            f"{folder} is hidden but holds AuSep files; a broken copy? Remove it, or give it its "
            f"name."
        )
    return False


def _track(folder: Path) -> TrackFiles:
    """Returns a piece, its parts in the order of the players.

    It comes with a sentence for all that is wrong with the number and the names of its files.
    """
    mixtures = sorted(folder.glob("AuMix_*.wav"))
    paths = sorted(folder.glob("AuSep_*.wav"))
    errors = []
    if len(mixtures) != 1 or not paths:
        errors.append(
            f"{folder} has {len(mixtures)} AuMix and {len(paths)} AuSep files; expected one "
            f"mixture and its parts, copy the piece again from the corpus."
        )
    sources = _parts(paths, errors)
    warnings: tuple[str, ...] = ()
    if not errors:
        warnings = _name_warnings(folder.name, [instrument for instrument, _ in sources])
    return TrackFiles(
        name=folder.name,
        split=None,
        mixture=next(iter(mixtures), None),
        sources=tuple(sources),
        warnings=warnings,
        errors=tuple(errors),
        notes=tuple(_iter_notes(sources)),
    )


def _iter_notes(sources: list[tuple[str, Path]]) -> Iterator[NotesFile]:
    """Yields the notes of each part that has some."""
    for instrument, path in sources:
        notes = path.with_name(path.name.replace("AuSep_", "Notes_", 1)).with_suffix(".txt")
        if notes.is_file():
            yield NotesFile(instrument, notes, path)


def _parts(paths: list[Path], errors: list[str]) -> list[tuple[str, Path]]:
    """Returns the instruments and paths of parts, in the order of the players.

    Args:
        paths: files of one piece, by name.
        errors: a sentence for each file with a wrong name is added to these.
    """
    # (number of the player, instrument, path)
    parts: list[tuple[int, str, Path]] = []
    for path in paths:
        match = _PART.fullmatch(path.name)
        if match is None:
            errors.append(
                f"{path} is not named AuSep_<number>_<instrument>_<title>.wav; rename it."
            )
        elif match[2] not in instruments.URMP:
            errors.append(
                f"{path} names the instrument {match[2]!r}; the legal ones are "
                f"{', '.join(instruments.URMP)}: rename it."
            )
        else:
            parts.append((int(match[1]), match[2], path))
    # From ten players on, this is another order than that of the names: 10 comes after 9.
    parts.sort(key=lambda part: part[0])
    return [(instrument, path) for _, instrument, path in parts]


def _name_warnings(piece: str, played: list[str]) -> tuple[str, ...]:
    """Returns a warning where a folder's name and its files name other instruments.

    The published folder 15_Surprise_tpt_tpt_tbn holds three trumpets: the files know better.
    """
    announced = sorted(piece.split("_")[2:])
    if sorted(played) == announced:
        return ()
    return (
        f"The folder {piece} names {' '.join(announced) or 'no instrument'}, its files "
        f"{' '.join(sorted(played))}: the files were believed.",
    )
