"""Which sources sound where: one definition of segments, silence and levels for preparing, training and scoring."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

INAUDIBLE_DBFS = -80.0


def segment_bounds(num_frames: int, segment_frames: int) -> list[tuple[int, int]]:
    """The segments of a track as (start, stop) frames; they tile it.

    A remainder shorter than half a segment joins the segment before it, because the filters of BSS Eval flatter short
    stretches; a longer one is a segment of its own. A track shorter than a segment is one segment.

    Raises:
        ValueError: a length is not positive.
    """
    if num_frames < 1 or segment_frames < 1:
        raise ValueError(f"a track of {num_frames} frames has no segments of {segment_frames}; expected 1 or more.")
    num_segments = max((num_frames + segment_frames // 2) // segment_frames, 1)
    starts = [i * segment_frames for i in range(num_segments)]
    return list(zip(starts, [*starts[1:], num_frames], strict=True))


def rms_db(waveforms: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """RMS level in dBFS over the last two axes (frames, channels); -inf for digital silence.

    Shape (..., T, C) -> (...). A full-scale square wave is 0 dBFS.
    """
    power = np.mean(np.square(waveforms, dtype=np.float64), axis=(-2, -1))
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(power))


def snr(references: NDArray[Any], estimates: NDArray[Any]) -> NDArray[np.float64]:
    """Signal-to-noise ratio in dB, |s|^2 / |s - e|^2; inf where they are equal: (..., T, C) twice -> (...)."""
    references, estimates = np.asarray(references, np.float64), np.asarray(estimates, np.float64)
    signal = np.sum(np.square(references), axis=(-2, -1))
    noise = np.sum(np.square(references - estimates), axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(10 * np.log10(signal / noise))


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
