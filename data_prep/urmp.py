"""URMP: a folder per piece with ``AuMix_*.wav`` and a part ``AuSep_<number>_<instrument>_<title>.wav`` per player.

Li, Liu, Dinesh, Duan, Sharma, "Creating a Multitrack Classical Music Performance Dataset for Multimodal Music
Analysis", IEEE Transactions on Multimedia 2019. Mono, 48 kHz, 24 bit. More than half of the pieces have several
players of one instrument: their parts are summed into one source.
"""

import re
from pathlib import Path

from configs import instruments
from configs.splits import load_splits
from data_prep.tracks import Track, TrackFiles, Waveform, residual_db
from data_prep.waveforms import fit_frames, read_wav

_PART = re.compile(r"AuSep_(\d+)_([^_]+)_.+\.wav")
_MAX_RESIDUAL_DB = -40.0


def list_tracks(root: Path, splits: str) -> list[TrackFiles]:
    """The pieces under ``root`` that ``splits`` does not exclude, by name; the mixture comes first in their paths.

    Raises:
        ValueError: there are no such splits, ``root`` holds no pieces, or a piece is not laid out as above.
    """
    chosen = load_splits(splits)
    if not root.is_dir():
        raise ValueError(f"{root} is not a folder; expected the one with URMP's pieces, such as 01_Jupiter_vn_vc.")
    pieces = {folder.name: _piece_paths(folder) for folder in sorted(root.iterdir()) if folder.is_dir()}
    found = {name: paths for name, paths in pieces.items() if paths}
    if not found:
        raise ValueError(
            f"{root} has no URMP pieces; expected folders such as 01_Jupiter_vn_vc with AuMix_*.wav and AuSep_*.wav in "
            f"them, found {len(pieces)} folders without: give the folder that holds the pieces."
        )
    named = [(name, chosen.split_of(name), paths) for name, paths in found.items()]
    tracks = [TrackFiles(name, split, paths) for name, split, paths in named if split is not None]
    if not tracks:
        raise ValueError(f"the splits {splits!r} exclude all {len(found)} pieces of {root}; choose other splits.")
    return tracks


def load_track(files: TrackFiles) -> Track:
    """One piece, every waveform (frames, channels) and as long as the mixture.

    Raises:
        ValueError: a file cannot be decoded, or a part differs from the mixture in rate or channels.
    """
    mixture_path, *part_paths = files.paths
    mixture, sample_rate = read_wav(mixture_path)
    warnings = _name_warnings(files.name, part_paths)
    sources: dict[str, Waveform] = {}
    num_parts: dict[str, int] = {}
    for path in part_paths:
        part, part_rate = read_wav(path)
        if (part_rate, part.shape[1]) != (sample_rate, mixture.shape[1]):
            raise ValueError(
                f"{path} has {part_rate} Hz and {part.shape[1]} channels, its mixture {sample_rate} Hz and "
                f"{mixture.shape[1]}; expected the same, copy the piece again from the corpus."
            )
        if len(part) != len(mixture):
            change = "padded" if len(part) < len(mixture) else "trimmed"
            warnings.append(f"{path.name} has {len(part)} frames, the mixture {len(mixture)}: {change} to the mixture.")
        instrument, part = _instrument(path), fit_frames(part, len(mixture))
        sources[instrument] = sources[instrument] + part if instrument in sources else part
        num_parts[instrument] = num_parts.get(instrument, 0) + 1
    residual = residual_db(mixture, sources)
    if residual > _MAX_RESIDUAL_DB:
        warnings.append(
            f"{mixture_path.name} is not the sum of its parts: the rest is at {residual:.1f} dB relative to the "
            f"mixture, expected at most {_MAX_RESIDUAL_DB:.0f} dB."
        )
    return Track(files.name, files.split, sample_rate, mixture, sources, num_parts, tuple(warnings))


def _piece_paths(folder: Path) -> tuple[Path, ...]:
    """Mixture and parts of a piece in the order of the players; nothing for a folder that is no piece."""
    mixtures, parts = sorted(folder.glob("AuMix_*.wav")), sorted(folder.glob("AuSep_*.wav"))
    if not parts and (not mixtures or folder.name.startswith(".")):
        return ()
    if folder.name.startswith("."):
        raise ValueError(f"{folder} is hidden but holds AuSep files; a broken copy? Remove it, or give it its name.")
    if len(mixtures) != 1 or not parts:
        raise ValueError(
            f"{folder} has {len(mixtures)} AuMix and {len(parts)} AuSep files; expected one mixture and its parts, "
            f"copy the piece again from the corpus."
        )
    for path in parts:
        if _PART.fullmatch(path.name) is None:
            raise ValueError(f"{path} is not named AuSep_<number>_<instrument>_<title>.wav; rename it.")
        if _instrument(path) not in instruments.URMP:
            raise ValueError(
                f"{path} names the instrument {_instrument(path)!r}; the legal ones are {', '.join(instruments.URMP)}: "
                f"rename it."
            )
    return (*mixtures, *sorted(parts, key=lambda path: (int(path.name.split("_")[1]), path.name)))


def _instrument(path: Path) -> str:
    return path.name.split("_")[2]


def _name_warnings(piece: str, part_paths: list[Path]) -> list[str]:
    """The published folder 15_Surprise_tpt_tpt_tbn holds three trumpets: the files know better."""
    played, announced = sorted(map(_instrument, part_paths)), sorted(piece.split("_")[2:])
    if played == announced:
        return []
    return [
        f"The folder {piece} names {' '.join(announced) or 'no instrument'}, its files {' '.join(played)}: "
        f"the files were believed."
    ]
