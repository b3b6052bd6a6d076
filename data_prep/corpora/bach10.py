"""Bach10: a folder per chorale with a wav file of the mixture and one per player.

Duan, Pardo, "Soundprism: An Online System for Score-Informed Source Separation of Music Audio", IEEE Journal of
Selected Topics in Signal Processing 2011. Ten pieces, mono, 44.1 kHz. Labels are those of URMP.
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
    "saxphone": "sax",  # so one file of the published corpus is spelt
    "bassoon": "bn",
}


def find_tracks(root: Path, _: Splits | None) -> list[TrackFiles]:
    """The pieces under ``root``.

    Raises:
        ValueError: ``root`` holds no pieces.
    """
    folders = [
        folder for folder in sorted(root.glob("*")) if any(folder.glob(f"{folder.name}*.wav"))
    ]
    if not folders:
        raise ValueError(
            f"{root} has no Bach10 pieces; expected folders such as 01-AchGottundHerr with 01-AchGottundHerr.wav, "
            f"01-AchGottundHerr-violin.wav and three other parts in them."
        )
    return [_track(folder) for folder in folders]


def _track(folder: Path) -> TrackFiles:
    mixture, errors, sources = folder / f"{folder.name}.wav", [], []
    for path in sorted(folder.glob(f"{folder.name}-*.wav")):
        label = _LABELS.get(path.stem.removeprefix(f"{folder.name}-"))
        if label is None:
            errors.append(
                f"{path} names no instrument of Bach10; expected one of {', '.join(_LABELS)}: rename it."
            )
        else:
            sources.append((label, path))
    missing = sorted(set(_LABELS.values()) - {label for label, _ in sources})
    if missing and not errors:
        errors.append(
            f"{folder} has no file for {', '.join(missing)}; copy the piece again from the corpus."
        )
    if not mixture.is_file():
        errors.append(f"{mixture} is missing; copy the piece again from the corpus.")
    return TrackFiles(
        folder.name,
        None,
        mixture if mixture.is_file() else None,
        tuple(sorted(sources)),
        errors=tuple(errors),
    )
