"""Separates two sources by where they stand in a stereo mixture, which learns nothing.

To one goes of every bin the part of its power that is in the middle, |M|^2 / (|M|^2 + |S|^2) for
M = (L + R) / 2 and S = (L - R) / 2, to the other the rest; in the better of the two orders, which
nobody knows who has the mixture alone.
"""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.signal
import soundfile
from numpy.typing import NDArray

_WINDOW_FRAMES = 2048
# Of power; what is silent in the middle and beside it goes to the second one.
_LEAST_POWER = 1e-12


def middle_and_sides(mixture: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Returns both estimates, which add up to the mixture: (T, 2) -> (2, T, 2)."""
    overlap = _WINDOW_FRAMES * 3 // 4
    options: dict[str, Any] = {"nperseg": _WINDOW_FRAMES, "noverlap": overlap}
    # (2, F, M)
    _, _, spectra = scipy.signal.stft(mixture.T, **options)
    middle = np.square(np.abs(spectra[0] + spectra[1]))
    side = np.square(np.abs(spectra[0] - spectra[1]))
    masked = spectra * middle / (middle + side + _LEAST_POWER)
    _, waveforms = scipy.signal.istft(masked, **options)
    in_the_middle = waveforms[:, : len(mixture)].T
    return np.stack([in_the_middle, mixture - in_the_middle])


def write_panning(references: Path, sources: tuple[str, ...], estimates: Path) -> None:
    """Writes ESTIMATES/TRACK/SOURCE.wav for two sources of REFERENCES/TRACK."""
    for path in sorted(references.glob("*/mixture.wav")):
        mixture, rate = soundfile.read(path, always_2d=True)
        files = [path.with_name(f"{source}.wav") for source in sources]
        truths = np.stack([soundfile.read(file, always_2d=True)[0] for file in files])
        parts = middle_and_sides(mixture)
        # Both errors of an order add up to twice that of its first.
        errors = [np.square(truths - order).sum() for order in (parts, parts[::-1])]
        ordered = parts[:: 1 if errors[0] <= errors[1] else -1]
        folder = estimates / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        for source, estimate in zip(sources, ordered, strict=True):
            soundfile.write(folder / f"{source}.wav", estimate, rate, subtype="FLOAT")
