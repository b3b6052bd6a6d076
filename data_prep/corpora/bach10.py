"""Reads Bach10: a folder per chorale with a wav file of the mixture and one per player.

Duan, Pardo, "Soundprism: An Online System for Score-Informed Source Separation of Music Audio",
IEEE Journal of Selected Topics in Signal Processing 2011. Ten pieces, mono, 44.1 kHz. Labels are
those of URMP.
"""

from pathlib import Path

from configs.splits import Splits
from data_prep.audio.tracks import TrackFiles

NUM_TRACKS = 10
SAMPLE_RATE = 44100
_LABELS = {
    "violin": "vn",
    "clarinet": "cl",
    "saxophone": "sax",
    # One file of the published corpus is spelt so.
    "saxphone": "sax",
    "bassoon": "bn",
}


def find_tracks(root: Path, _: Splits | None) -> list[TrackFiles]:
    """Lists the pieces under ``root``.

    Raises:
        ValueError: ``root`` holds no pieces.
    """
    folders = [
        folder for folder in sorted(root.glob("*")) if any(folder.glob(f"{folder.name}*.wav"))
    ]
    if not folders:
        raise ValueError(
            f"{root} has no Bach10 pieces; expected folders such as 01-AchGottundHerr with "
            f"01-AchGottundHerr.wav, 01-AchGottundHerr-violin.wav and three other parts in them."
        )
    return [_track(folder) for folder in folders]


def _track(folder: Path) -> TrackFiles:
    """Returns a piece, with a sentence for each file that is missing or named otherwise."""
    errors = []
    sources = []
    for path in sorted(folder.glob(f"{folder.name}-*.wav")):
        label = _LABELS.get(path.stem.removeprefix(f"{folder.name}-"))
        if label is None:
            errors.append(
                f"{path} names no instrument of Bach10; expected one of {', '.join(_LABELS)}: "
                f"rename it."
            )
        else:
            sources.append((label, path))
    missing = sorted(set(_LABELS.values()) - {label for label, _ in sources})
    # A file with a wrong name may be the missing one; then one sentence is enough.
    if missing and not errors:
        errors.append(
            f"{folder} has no file for {', '.join(missing)}; copy the piece again from the corpus."
        )
    mixture = folder / f"{folder.name}.wav"
    if not mixture.is_file():
        errors.append(f"{mixture} is missing; copy the piece again from the corpus.")
    return TrackFiles(
        name=folder.name,
        split=None,
        mixture=mixture if mixture.is_file() else None,
        sources=tuple(sorted(sources)),
        errors=tuple(errors),
    )
