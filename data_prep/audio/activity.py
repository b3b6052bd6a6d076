"""Measures levels, and tells where a source sounds.

Preparing, training and scoring share these definitions of a segment, of a level and of silence.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.schema import Evaluation
from data_prep.audio.tracks import BLOCK_FRAMES, Waveform

# A waveform whose peak stays below is not stored; so a config may not call a lower level silent.
INAUDIBLE_DBFS = -80.0

# The SNR of a silent estimate: by definition, whatever is left of the sound below the threshold.
SILENT_ESTIMATE_DB = 0.0


def segments(num_frames: int, sample_rate: int, settings: Evaluation) -> list[tuple[int, int]]:
    """Returns the segments in which a track is scored, as (start, stop) frames.

    They are those of museval where the settings say so.
    """
    # a hop of 0 seconds stands for segments that follow each other
    hop_secs = settings.hop_secs or settings.segment_secs
    if settings.museval_compatible:
        # As museval does, lengths are cut to whole frames, and what is left of a track behind the
        # last whole segment is not scored.
        segment_frames = int(settings.segment_secs * sample_rate)
        hop_frames = int(hop_secs * sample_rate)
        if num_frames <= segment_frames:
            return [(0, num_frames)]
        last_start = num_frames - segment_frames
        return [(start, start + segment_frames) for start in range(0, last_start + 1, hop_frames)]
    segment_frames = max(round(settings.segment_secs * sample_rate), 1)
    hop_frames = max(round(hop_secs * sample_rate), 1)
    return segment_bounds(num_frames, segment_frames, hop_frames)


def segment_bounds(num_frames: int, segment_frames: int, hop_frames: int) -> list[tuple[int, int]]:
    """Returns segments that begin every ``hop_frames`` and cover a track, as (start, stop) frames.

    What is left of a track behind its last whole segment is a segment of its own, one hop later and
    shorter, if that is half a segment or more; else it joins the segment before it, because the
    filters of BSS Eval flatter short segments. A track shorter than a segment is one segment.

    Raises:
        ValueError: a length is not positive, or the hop is longer than a segment.
    """
    if num_frames < 1 or not 1 <= hop_frames <= segment_frames:
        raise ValueError(
            f"a track of {num_frames} frames has no segments of {segment_frames} every "
            f"{hop_frames} frames; expected 1 or more of each, and a hop no longer than a segment."
        )
    starts = range(0, max(num_frames - segment_frames, 0) + 1, hop_frames)
    bounds = [(start, start + segment_frames) for start in starts]
    last_start, last_stop = bounds[-1]
    next_start = last_start + hop_frames
    if last_stop < num_frames and 2 * (num_frames - next_start) >= segment_frames:
        bounds.append((next_start, num_frames))
    # The last segment ends with the track: it takes in a short rest, and a track shorter than a
    # segment cuts it.
    bounds[-1] = (bounds[-1][0], num_frames)
    return bounds


def amplitude_db(amplitude: float) -> float:
    """Returns an amplitude in dBFS, of which 1 is 0; -inf for none."""
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def rms_db(waveforms: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Returns the RMS level in dBFS over the last two axes; -inf for digital silence.

    Shape (..., T, C) -> (...). A full-scale square wave is 0 dBFS.
    """
    power = np.mean(np.square(waveforms, dtype=np.float64), axis=(-2, -1))
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(power))


def snr(references: NDArray[Any], estimates: NDArray[Any]) -> NDArray[np.float64]:
    """Returns the signal-to-noise ratio |s|^2 / |s - e|^2 in dB; inf where they are equal.

    Shape (..., T, C) twice -> (...).
    """
    references = np.asarray(references, np.float64)
    estimates = np.asarray(estimates, np.float64)
    # (..., T, C) -> (...)
    signal = np.sum(np.square(references), axis=(-2, -1))
    noise = np.sum(np.square(references - estimates), axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(10 * np.log10(signal / noise))


def scored_snr(
    references: NDArray[Any], estimates: NDArray[Any], silent_dbfs: float
) -> NDArray[np.float64]:
    """Returns the signal-to-noise ratio in dB as it is scored: that of a silent estimate is 0 dB.

    Shape (..., T, C) twice -> (...). An estimate whose level is below ``silent_dbfs`` is silent.
    """
    ratios = snr(references, estimates)
    return np.where(rms_db(estimates) < silent_dbfs, SILENT_ESTIMATE_DB, ratios)


def is_improvable(
    mixture_db: NDArray[np.float64], polyphony: NDArray[np.integer[Any]]
) -> NDArray[np.bool_]:
    """Returns where an estimate can be better than the mixture, so that an improvement counts.

    It cannot be where the mixture is the source itself: a source that sounds alone, also where its
    estimate is silent, or one whose every companion is silent to rounding.

    Args:
        mixture_db: the ratio of the mixture as the estimate, of any shape; inf where it is the
            source, NaN where there is none.
        polyphony: how many sources sound in the segment.
    """
    return (polyphony >= 2) & np.isfinite(mixture_db)


def improvement_over_mixture(
    ratios_db: NDArray[np.float64],
    mixture_db: NDArray[np.float64],
    polyphony: NDArray[np.integer[Any]],
) -> NDArray[np.float64]:
    """Returns how far ratios of estimates lie above that of the mixture as the estimate, in dB.

    NaN where it does not count by :func:`is_improvable`. Where it counts it is NaN as well if the
    ratio is, which must not be left out: such an estimate has values that are no numbers.

    Args:
        ratios_db: of estimates, as ``scored_snr`` gives them, of any shape.
        mixture_db: that of the mixture for the same source and segment; inf where it is the source.
        polyphony: how many sources sound in the segment.
    """
    counts = is_improvable(mixture_db, polyphony)
    improvements = np.full(np.broadcast(ratios_db, counts).shape, np.nan)
    # Only where it counts: inf - inf would warn.
    np.subtract(ratios_db, mixture_db, out=improvements, where=counts)
    return improvements


def active(
    levels_db: NDArray[np.float64], relative_db: float, silent_dbfs: float
) -> NDArray[np.bool_]:
    """Returns whether each source sounds in each segment, shape (segments, sources).

    Args:
        levels_db: RMS of the segments of a track in dBFS, shape (segments, sources).
        relative_db: how far below its loudest segment in the track a source still sounds, negative.
        silent_dbfs: the level below which everything is silent.
    """
    # (segments, sources) -> (1, sources)
    loudest = levels_db.max(axis=0, keepdims=True)
    return (levels_db > loudest + relative_db) & (levels_db > silent_dbfs)


def is_audible(waveform: NDArray[np.floating[Any]]) -> bool:
    """Returns whether a waveform (T, C) is worth storing: whether it exceeds -80 dBFS anywhere.

    No segment of a waveform with a lower peak can be active.
    """
    threshold = 10 ** (INAUDIBLE_DBFS / 20)
    starts = range(0, len(waveform), BLOCK_FRAMES)
    # Most waveforms exceed it in their first block, and then the others are not looked at.
    return any(peak(waveform[start : start + BLOCK_FRAMES]) > threshold for start in starts)


def peak(waveform: NDArray[np.floating[Any]]) -> float:
    """Returns the largest absolute value, 0 of nothing; NaN where there is one."""
    # faster than the maximum of np.abs, which would fill an array of its own first
    return max(-float(waveform.min(initial=0)), float(waveform.max(initial=0)))


def energy(waveform: Waveform) -> float:
    """Returns the sum of squares of a waveform (T, C)."""
    starts = range(0, len(waveform), BLOCK_FRAMES)
    blocks = (waveform[start : start + BLOCK_FRAMES] for start in starts)
    # Sums within a block are of 32 bits, those of blocks of 64: a long track loses no digits.
    return sum(float(np.einsum("tc,tc->", block, block)) for block in blocks)
