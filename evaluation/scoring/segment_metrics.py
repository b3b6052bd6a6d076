"""Computes the statuses and metrics of a segment, for every system and slot, by our own rules.

Axes: K slots, J of them that sound in the segment, S systems, N estimates, P pairs of an estimate
and a reference, T frames, C channels.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs.schema import Evaluation
from data_prep.audio import activity
from evaluation.metrics import bss_eval, mir_eval_backend
from evaluation.metrics.energies import SIGNAL_AXES, Energies, Pairs
from evaluation.metrics.si_sdr import si_sar, si_sdr, span
from evaluation.scores.table import CONSTANT_GAIN, LEAKAGE_FLOOR_DB, METRICS
from evaluation.scoring.track_filters import MIXTURE, TrackFilters

_V3 = ("sdr", "sir", "sar")
# Blank throughout where the config does not ask for them.
V4_METRICS = ("isr", "sir_v4", "sar_v4")

Waveforms = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


class SegmentAudio(NamedTuple):
    """Holds the waveforms of a segment."""

    # (T, C)
    mixture: Floats
    # (K, T, C)
    references: Waveforms
    # System, or baseline -> (K, T, C).
    systems: Mapping[str, Floats]
    # (K,), what the mixture is multiplied with where the constant gain is among the systems.
    gains: Floats

    def signal(self, system: str, slot: int) -> tuple[str, int, float]:
        """Returns system and slot of the signal of which an estimate is made, and its scale.

        The mixture is one signal, the estimate of every source, and so is all that is the mixture
        times a number.
        """
        if system == MIXTURE:
            return MIXTURE, 0, 1.0
        if system == CONSTANT_GAIN:
            return MIXTURE, 0, float(self.gains[slot])
        return system, slot, 1.0


class SegmentScores(NamedTuple):
    """Holds the scores of a segment; a metric counts where its status defines it."""

    # (S, K)
    statuses: NDArray[np.str_]
    # Metric -> (S, K).
    values: dict[str, Floats]
    # How many sources sound.
    polyphony: int


def score_segment(
    audio: SegmentAudio,
    active: NDArray[np.bool_],
    config: Evaluation,
    filters: TrackFilters | None,
    memory_lock: AbstractContextManager[object],
) -> SegmentScores:
    """Scores a segment by our own rules.

    Args:
        audio: of the segment.
        active: which sources sound, (K,).
        config: thresholds, and what is computed by what.
        filters: of v4, those of the track; None: of the segment.
        memory_lock: as of ``bss_eval.pair_energies``.
    """
    levels = np.stack([activity.rms_db(estimates) for estimates in audio.systems.values()])
    # (S, K)
    quiet = levels < config.silent_dbfs
    is_mixture_silent = bool(activity.rms_db(audio.mixture) < config.silent_dbfs)
    metrics = [metric for metric in METRICS if config.bss_v4 or metric not in V4_METRICS]
    values = {metric: np.zeros(quiet.shape) for metric in metrics}
    statuses = _statuses(is_mixture_silent, active, quiet)
    scores = SegmentScores(statuses, values, polyphony=int(active.sum()))
    if is_mixture_silent:
        return scores
    values["leakage"] = leakage(audio)
    # Only these take part: slots that are silent change nothing, not even the order of a sum.
    # (J, T, C)
    sounding = audio.references[active].astype(np.float64)
    # A segment in which nothing sounds has no basis, and needs none.
    basis = span(sounding) if active.any() else np.zeros((0, audio.mixture.size))
    for s, estimates in enumerate(audio.systems.values()):
        values["si_sdr"][s, active] = si_sdr(sounding, estimates[active], SIGNAL_AXES)
        values["si_sar"][s, active] = si_sar(sounding, estimates[active], basis)
        snr = activity.scored_snr(sounding, estimates[active], config.silent_dbfs)
        values["snr"][s, active] = snr
    scored = active & ~quiet
    if scored.any():
        ratios = _bss_eval(audio, active, scored, config, filters, memory_lock)
        for metric, of_pairs in ratios.items():
            values[metric][scored] = of_pairs
    values["sdr"][quiet] = activity.SILENT_ESTIMATE_DB
    return scores


def _statuses(
    is_mixture_silent: bool, active: NDArray[np.bool_], quiet: NDArray[np.bool_]
) -> NDArray[np.str_]:
    """Returns the status of every system and slot, (S, K): the first whose condition holds."""
    conditions = {
        "silent_mixture": np.bool_(is_mixture_silent),
        "absent": ~active,
        "silent_estimate": quiet,
        "solo": active.sum() == 1,
    }
    everywhere = [np.broadcast_to(condition, quiet.shape) for condition in conditions.values()]
    return np.select(everywhere, list(conditions), "scored")


def leakage(audio: SegmentAudio) -> Floats:
    """Returns the energy of every estimate relative to that of the mixture in dB, (S, K)."""
    energies = [np.square(estimates).sum(SIGNAL_AXES) for estimates in audio.systems.values()]
    relative = np.stack(energies) / np.square(audio.mixture).sum()
    return 10 * np.log10(np.maximum(relative, 10 ** (LEAKAGE_FLOOR_DB / 10)))


def _bss_eval(
    audio: SegmentAudio,
    active: NDArray[np.bool_],
    scored: NDArray[np.bool_],
    config: Evaluation,
    filters: TrackFilters | None,
    memory_lock: AbstractContextManager[object],
) -> dict[str, Floats]:
    """Computes the metrics of BSS Eval where ``scored`` (S, K) is true, each of shape (P,)."""
    signals, of_slots = pair_signals(scored, audio)
    # (N, T, C)
    estimates = np.stack([audio.systems[system][slot] for system, slot in signals])
    # (J, T, C), and the place of each pair's reference among the J that sound, (P,).
    sounding = audio.references[active].astype(np.float64)
    pairs = of_slots._replace(owners=(np.cumsum(active) - 1)[of_slots.owners])
    with_v4 = config.bss_v4 and filters is None
    ratios = _bss_eval_of_segment(
        sounding, estimates, pairs, config.filter_taps, with_v4, memory_lock
    )
    if config.backend == "mir_eval":
        # Version 3 forgives a gain.
        theirs = mir_eval_backend.bss_eval_pairs(sounding, estimates, pairs.chosen, pairs.owners)
        ratios |= zip(_V3, theirs, strict=True)
    if filters is not None and config.bss_v4:
        keys = [filters.key(system, slot) for system, slot in signals]
        references = audio.references[filters.slots]
        # Among the sources that sound in the track, which are more than those of the segment.
        places = np.array([filters.slots.index(slot) for slot in of_slots.owners])
        in_track = of_slots._replace(owners=places)
        energies = filters.energies(references, estimates, keys, in_track)
        ratios |= zip(V4_METRICS, energies.images(), strict=True)
    return ratios


def pair_signals(
    scored: NDArray[np.bool_], audio: SegmentAudio
) -> tuple[Sequence[tuple[str, int]], Pairs]:
    """Pairs each estimate that is scored, (S, K), with its reference, system by system.

    Returns:
        System and slot of each of the N signals, and the pairs, whose references are slots.
    """
    systems = list(audio.systems)
    signals: dict[tuple[str, int], int] = {}
    chosen = []
    slots = []
    scales = []
    for s, slot in np.argwhere(scored).tolist():
        system, place, scale = audio.signal(systems[s], slot)
        chosen.append(signals.setdefault((system, place), len(signals)))
        slots.append(slot)
        scales.append(scale)
    return list(signals), Pairs(np.array(chosen), np.array(slots), np.array(scales))


def _bss_eval_of_segment(
    references: Floats,
    estimates: Floats,
    pairs: Pairs,
    filter_taps: int,
    with_v4: bool,
    memory_lock: AbstractContextManager[object],
) -> dict[str, Floats]:
    """Computes v3, and if asked for v4, with filters of the segment, for P pairs.

    v3 knows one channel. Our definition for several: each is decomposed with filters of its own,
    and the energies are added over the channels before the ratios are taken. So a channel counts by
    its energy, and one in which a source is silent counts with what its estimate has there.

    Returns:
        Metric -> shape (P,).
    """

    def energies(part: slice) -> Energies:
        return bss_eval.pair_energies(
            references[..., part], estimates[..., part], pairs, filter_taps, memory_lock
        )

    num_channels = references.shape[-1]
    by_channel = [energies(slice(c, c + 1)) for c in range(num_channels)]
    v3 = Energies(*(np.sum(energy, axis=0) for energy in zip(*by_channel, strict=True)))
    ratios = dict(zip(_V3, v3.sources(), strict=True))
    if with_v4:
        # With one channel the two versions project alike.
        v4 = v3 if num_channels == 1 else energies(slice(None))
        ratios |= zip(V4_METRICS, v4.images(), strict=True)
    return ratios
