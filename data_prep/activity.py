"""Which sources sound where: one definition of silence for preparing, training and scoring."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

INAUDIBLE_DBFS = -80.0


def rms_db(waveforms: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """RMS level in dBFS over the last two axes (frames, channels); -inf for digital silence.

    Shape (..., T, C) -> (...). A full-scale square wave is 0 dBFS.
    """
    power = np.mean(np.square(waveforms, dtype=np.float64), axis=(-2, -1))
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(power))


def active(levels_db: NDArray[np.float64], relative_db: float, silent_dbfs: float) -> NDArray[np.bool_]:
    """Whether each source sounds in each segment.

    Args:
        levels_db: RMS of the segments of a track in dBFS, shape (segments, sources).
        relative_db: how far below its loudest segment in the track a source still sounds.
        silent_dbfs: the level below which everything is silent.
    """
    loudest = levels_db.max(axis=0, keepdims=True)
    return (levels_db > loudest + relative_db) & (levels_db > silent_dbfs)


def is_audible(waveform: NDArray[np.floating[Any]]) -> bool:
    """Whether a waveform is worth storing: no segment of one whose peak stays below -80 dBFS can be active."""
    return bool(np.max(np.abs(waveform), initial=0.0) > 10 ** (INAUDIBLE_DBFS / 20))
