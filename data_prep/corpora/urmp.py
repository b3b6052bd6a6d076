"""URMP: a folder per piece with ``AuMix_*.wav`` and a part ``AuSep_<number>_<instrument>_<title>.wav`` per player.

Li, Liu, Dinesh, Duan, Sharma, "Creating a Multitrack Classical Music Performance Dataset for Multimodal Music
Analysis", IEEE Transactions on Multimedia 2019. Mono, 48 kHz, 24 bit. More than half of the pieces have several
players of one instrument: their parts are summed into one source.
"""

import re
from pathlib import Path

from configs import instruments
from configs.splits import Splits
from data_prep.audio.tracks import TrackFiles
from data_prep.runtime.quantities import pluralized

NUM_TRACKS = 44
SAMPLE_RATE = 48000
_PART = re.compile(r"AuSep_(\d+)_([^_]+)_.+\.wav")


def find_tracks(root: Path, _: Splits | None) -> list[TrackFiles]:
    """The pieces under ``root``.

    Raises:
        ValueError: ``root`` holds no pieces.
    """
    if not root.is_dir():
        raise ValueError(
            f"{root} is not a folder; expected the one with URMP's pieces, such as 01_Jupiter_vn_vc."
        )
    folders = [folder for folder in sorted(root.iterdir()) if folder.is_dir()]
    pieces = [folder for folder in folders if _is_piece(folder)]
    if not pieces:
        raise ValueError(
            f"{root} has no URMP pieces; expected folders such as 01_Jupiter_vn_vc with AuMix_*.wav and AuSep_*.wav in "
            f"them, found {pluralized(len(folders), 'folder')} without: give the folder that holds the pieces."
        )
    return [_track(piece) for piece in pieces]


def _is_piece(folder: Path) -> bool:
    has_parts = any(folder.glob("AuSep_*.wav"))
    if has_parts and folder.name.startswith("."):
        raise ValueError(
            f"{folder} is hidden but holds AuSep files; a broken copy? Remove it, or give it its name."
        )
    return has_parts or (any(folder.glob("AuMix_*.wav")) and not folder.name.startswith("."))


def _track(folder: Path) -> TrackFiles:
    """A piece and its parts in the order of the players, with all that is wrong with their number and names."""
    mixtures, paths = sorted(folder.glob("AuMix_*.wav")), sorted(folder.glob("AuSep_*.wav"))
    errors, parts = [], []
    if len(mixtures) != 1 or not paths:
        errors.append(
            f"{folder} has {len(mixtures)} AuMix and {len(paths)} AuSep files; expected one mixture and its parts, "
            f"copy the piece again from the corpus."
        )
    for path in paths:
        match = _PART.fullmatch(path.name)
        if match is None:
            errors.append(
                f"{path} is not named AuSep_<number>_<instrument>_<title>.wav; rename it."
            )
        elif match[2] not in instruments.URMP:
            errors.append(
                f"{path} names the instrument {match[2]!r}; the legal ones are {', '.join(instruments.URMP)}: "
                f"rename it."
            )
        else:
            parts.append((int(match[1]), path.name, match[2], path))
    sources = tuple((instrument, path) for _, _, instrument, path in sorted(parts))
    warnings = (
        () if errors else _name_warnings(folder.name, [instrument for instrument, _ in sources])
    )
    return TrackFiles(
        folder.name, None, next(iter(mixtures), None), sources, warnings, tuple(errors)
    )


def _name_warnings(piece: str, played: list[str]) -> tuple[str, ...]:
    """The published folder 15_Surprise_tpt_tpt_tbn holds three trumpets: the files know better."""
    announced = sorted(piece.split("_")[2:])
    if sorted(played) == announced:
        return ()
    return (
        f"The folder {piece} names {' '.join(announced) or 'no instrument'}, its files {' '.join(sorted(played))}: "
        f"the files were believed.",
    )
