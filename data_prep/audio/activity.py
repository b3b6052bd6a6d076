"""Which sources sound where: one definition of segments, silence and levels for preparing, training and scoring."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.schema import Evaluation

INAUDIBLE_DBFS = -80.0
_BLOCK_FRAMES = 2**15


def segments(num_frames: int, sample_rate: int, settings: Evaluation) -> list[tuple[int, int]]:
    """The segments in which a track is scored, as (start, stop) frames; museval's where the settings say so."""
    if settings.museval_compatible:
        window, hop = (
            int(secs * sample_rate)
            for secs in (settings.segment_secs, settings.hop_secs or settings.segment_secs)
        )
        count = (num_frames - window + hop) // hop if window < num_frames else 1
        return [(i * hop, min(i * hop + window, num_frames)) for i in range(count)]
    segment_frames = max(round(settings.segment_secs * sample_rate), 1)
    hop_frames = max(round((settings.hop_secs or settings.segment_secs) * sample_rate), 1)
    return segment_bounds(num_frames, segment_frames, hop_frames)


def segment_bounds(num_frames: int, segment_frames: int, hop_frames: int) -> list[tuple[int, int]]:
    """Segments that start ``hop_frames`` after each other and cover a track, as (start, stop) frames.

    What is left of a track behind its last whole segment is a segment of its own, one hop later and shorter, if that
    is half a segment or more; else it joins the segment before it, because the filters of BSS Eval flatter short
    stretches. A track shorter than a segment is one segment.

    Raises:
        ValueError: a length is not positive, or the hop is longer than a segment.
    """
    if num_frames < 1 or not 1 <= hop_frames <= segment_frames:
        raise ValueError(
            f"a track of {num_frames} frames has no segments of {segment_frames} every {hop_frames} frames; expected "
            f"1 or more of each, and a hop no longer than a segment."
        )
    starts = range(0, max(num_frames - segment_frames, 0) + 1, hop_frames)
    bounds = [(start, start + segment_frames) for start in starts]
    last, covered = bounds[-1]
    if covered < num_frames and 2 * (num_frames - last - hop_frames) >= segment_frames:
        bounds.append((last + hop_frames, num_frames))
    bounds[-1] = (bounds[-1][0], num_frames)
    return bounds


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


def active(
    levels_db: NDArray[np.float64], relative_db: float, silent_dbfs: float
) -> NDArray[np.bool_]:
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
    blocks = (
        waveform[start : start + _BLOCK_FRAMES] for start in range(0, len(waveform), _BLOCK_FRAMES)
    )
    return any(
        peak(block) > 10 ** (INAUDIBLE_DBFS / 20) for block in blocks
    )  # most are, from the first block on


def peak(waveform: NDArray[np.floating[Any]]) -> float:
    """The largest absolute value, 0 of nothing; NaN where there is one."""
    return max(-float(waveform.min(initial=0)), float(waveform.max(initial=0)))
