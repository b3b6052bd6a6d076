"""What is scored in a segment: its statuses and metrics, and the rows that they make. The table is in scores.py.

Axes: K slots, J of them that sound, S systems, T frames, C channels, P pairs of an estimate and a reference.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from configs.schema import Evaluation
from data_prep.audio import activity
from evaluation.metrics import bss_eval, mir_eval_backend
from evaluation.scores.table import BASELINES, IMPROVEMENTS, METRICS, Row, row_improvements

if TYPE_CHECKING:
    from evaluation.scoring.track_filters import TrackFilters

_V3 = ("sdr", "sir", "sar")
_V4 = ("isr", "sir_v4", "sar_v4")  # blank throughout where the config does not ask for them

# What a status defines; every other metric of its rows is blank.
_DEFINED = {
    "scored": ("sdr", "sir", "sar", "isr", "sir_v4", "sar_v4", "si_sdr", "snr"),
    "solo": ("sdr", "sar", "isr", "sar_v4", "si_sdr", "snr"),
    "silent_estimate": ("sdr", "snr"),
    "absent": ("leakage",),
    "silent_mixture": (),
}
_MIN_LEAKAGE_DB = -100.0
_SIGNAL_AXES = (-2, -1)

Waveforms = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


def score_track(
    track_name: str,
    mixture: Waveforms,
    references: Waveforms,
    estimates: Mapping[str, Waveforms],
    vocabulary: Sequence[str],
    sample_rate: int,
    config: Evaluation,
) -> list[Row]:
    """Every segment of every slot under every system, and under the baselines.

    The baselines are ``mixture``, the mixture as every estimate, and ``silence``. Rows come by system, then by time,
    then by slot. Which status a row has, the first that holds:

    ``silent_mixture``
        the mixture is silent: nothing is scored, not even where a source is active or an estimate is not silent.
    ``absent``
        the reference is not active: leakage.
    ``silent_estimate``
        the estimate is silent, also that of the only active source: SDR and SNR are 0 dB, by definition.
    ``solo``
        the only active source: all but SIR.
    ``scored``
        all but leakage.

    Args:
        track_name: goes into the rows and the errors.
        mixture: shape (T, C).
        references: shape (K, T, C), zeros in the slot of an absent source.
        estimates: system -> shape (K, T, C).
        vocabulary: the K names of the slots.
        sample_rate: frames per second.
        config: segments, thresholds, what is computed by what, and the length of the BSS Eval filters.

    Raises:
        ValueError: the shapes do not fit, a system has the name of a baseline, a value is not finite, or filters of
            the whole track are asked for.
    """
    if config.fits_track:
        raise ValueError(
            "filters of the whole track are those of evaluation.scoring.one_track.score_stored, not of a segment."
        )
    if config.backend == "mir_eval":
        mir_eval_backend.require(mixture.shape[-1])
    if taken := estimates.keys() & set(BASELINES):
        raise ValueError(f"no system may be called {', '.join(sorted(taken))}: that is a baseline.")
    _validate(track_name, mixture, {"reference": references, **estimates}, vocabulary)
    bounds = activity.segments(len(mixture), sample_rate, config)
    levels = np.stack([activity.rms_db(references[:, start:stop]) for start, stop in bounds])
    sounding = activity.active(levels, config.active_relative_db, config.silent_dbfs)
    scorer = Scorer(track_name, tuple(vocabulary), sample_rate, config)
    rows = [
        scorer.score(
            start,
            mixture[start:stop],
            references[:, start:stop],
            _cut(estimates, start, stop),
            active,
        )
        for (start, stop), active in zip(bounds, sounding, strict=True)
    ]
    return in_order(rows)


def _cut(systems: Mapping[str, Waveforms], start: int, stop: int) -> dict[str, Waveforms]:
    return {system: waveforms[:, start:stop] for system, waveforms in systems.items()}


def in_order(segments: Iterable[Iterable[Row]]) -> list[Row]:
    """The rows of a track by system, then by time, then by slot, from those of its segments in order."""
    rows: dict[str, list[Row]] = {}
    for row in chain.from_iterable(segments):
        rows.setdefault(row.system, []).append(row)
    return list(chain.from_iterable(rows.values()))


@dataclass(frozen=True)
class Scorer:
    """How the segments of a track are scored, one by one."""

    track: str
    vocabulary: tuple[str, ...]  # the names of the K slots
    sample_rate: int
    config: Evaluation

    def score(
        self,
        start: int,
        mixture: Waveforms,
        references: Waveforms,
        estimates: Mapping[str, Waveforms],
        active: NDArray[np.bool_],
        filters: "TrackFilters | None" = None,
    ) -> list[Row]:
        """The rows of a segment by system, the baselines last, then by slot.

        Args:
            start: the frame of the track with which it begins.
            mixture: its frames, shape (T, C).
            references: shape (K, T, C).
            estimates: system -> shape (K, T, C).
            active: shape (K,), which sources sound.
            filters: of v4, those of the track; None: of the segment.
        """
        mixture = np.asarray(mixture, np.float64)
        shared = (
            np.broadcast_to(each, references.shape) for each in (mixture, np.zeros_like(mixture))
        )
        systems = {system: np.asarray(each, np.float64) for system, each in estimates.items()}
        systems |= zip(BASELINES, shared, strict=True)
        slots: Sequence[int] = range(len(self.vocabulary))
        if self.config.museval_compatible:
            assert filters is not None
            slots = filters.slots
            statuses, values = _score_as_museval(references, systems, filters)
        else:
            statuses, values = _score_segment(
                mixture, references, systems, active, self.config, filters
            )
        rows: dict[str, list[Row]] = {system: [] for system in systems}
        for (s, system), k in product(enumerate(systems), slots):
            status = str(statuses[s, k])
            defined = {
                metric: float(values[metric][s, k])
                for metric in _DEFINED[status]
                if metric in values
            }
            start_secs, polyphony = start / self.sample_rate, int(active.sum())
            if self.config.museval_compatible:
                polyphony = 0 if status == "silent_mixture" else len(slots)
            rows[system].append(
                Row(
                    system, self.track, start_secs, self.vocabulary[k], status, polyphony, **defined
                )
            )
        pairs = (zip(rows[system], rows["mixture"], strict=True) for system in systems)
        return [_with_gains(row, baseline) for row, baseline in chain.from_iterable(pairs)]


def _with_gains(row: Row, mixture: Row) -> Row:
    gains: dict[str, Any] = {
        column: row_improvements([row], [mixture], metric)[0]
        for column, metric in IMPROVEMENTS.items()
    }
    return replace(row, **gains)


def _validate(
    track: str, mixture: Waveforms, systems: Mapping[str, Waveforms], vocabulary: Sequence[str]
) -> None:
    expected = (len(vocabulary), *mixture.shape)
    shapes = [waveforms.shape for waveforms in systems.values()]
    if mixture.ndim != 2 or any(shape != expected for shape in shapes):
        raise ValueError(
            f"track {track}: expected references and estimates of shape {expected} for {len(vocabulary)} slots and a "
            f"mixture of (frames, channels) = {mixture.shape}; got {', '.join(map(str, shapes))}."
        )
    if not np.isfinite(mixture).all():
        raise ValueError(f"track {track}: the mixture has values that are not finite.")
    for system, waveforms in systems.items():
        broken = np.flatnonzero(~np.isfinite(waveforms).all(axis=_SIGNAL_AXES))
        if broken.size:
            names = ", ".join(vocabulary[k] for k in broken)
            raise ValueError(
                f"track {track}: {names} of the {system} has values that are not finite."
            )


def _score_segment(
    mixture: Waveforms,
    references: Waveforms,
    named: Mapping[str, Floats],
    active: NDArray[np.bool_],
    config: Evaluation,
    filters: "TrackFilters | None",
) -> tuple[NDArray[np.str_], dict[str, Floats]]:
    """The status and the metrics of S systems, each of shape (S, K); a metric counts where its status defines it.

    Mixture (T, C), references and each of the systems (K, T, C), active (K,).
    """
    systems = list(named.values())
    silent_mixture = activity.rms_db(mixture) < config.silent_dbfs
    quiet = np.stack([activity.rms_db(each) for each in systems]) < config.silent_dbfs
    conditions = [
        np.broadcast_to(each, quiet.shape)
        for each in (silent_mixture, ~active, quiet, active.sum() == 1)
    ]
    statuses = np.select(
        conditions, ["silent_mixture", "absent", "silent_estimate", "solo"], "scored"
    )
    values = {
        metric: np.zeros(quiet.shape) for metric in METRICS if config.bss_v4 or metric not in _V4
    }
    if silent_mixture:
        return statuses, values
    leaked = (
        np.stack([np.square(each).sum(_SIGNAL_AXES) for each in systems]) / np.square(mixture).sum()
    )
    values["leakage"] = 10 * np.log10(np.maximum(leaked, 10 ** (_MIN_LEAKAGE_DB / 10)))
    # Only these take part: slots that are silent change nothing, not even the order of a sum.
    sounding, scored = references[active].astype(np.float64), active & ~quiet
    for s, each in enumerate(systems):
        values["si_sdr"][s, active] = bss_eval.si_sdr(sounding, each[active], _SIGNAL_AXES)
        values["snr"][s, active] = activity.scored_snr(sounding, each[active], config.silent_dbfs)
    names, places = list(named), [(int(s), int(k)) for s, k in np.argwhere(scored)]
    signals: dict[tuple[str, int], int] = {}  # the mixture is one, the estimate of every source
    chosen = [
        signals.setdefault((names[s], 0 if names[s] == "mixture" else k), len(signals))
        for s, k in places
    ]
    if chosen:
        owners = np.broadcast_to(np.cumsum(active) - 1, scored.shape)[scored]
        estimates = np.stack([named[name][k] for name, k in signals])
        found = _bss_eval(
            sounding, estimates, np.array(chosen), owners, config, with_v4=filters is None
        )
        if filters is not None and config.bss_v4:
            parts = (
                references[filters.slots],
                estimates,
                [filters.key(*signal) for signal in signals],
            )
            owners = np.array([filters.slots.index(k) for _, k in places])
            found |= zip(
                _V4, filters.energies(*parts, np.array(chosen), owners).images(), strict=True
            )
        for metric, ratio in found.items():
            values[metric][scored] = ratio
    values["sdr"][quiet] = activity.SILENT_ESTIMATE_DB
    return statuses, values


def _score_as_museval(
    references: Floats, systems: Mapping[str, Floats], filters: "TrackFilters"
) -> tuple[NDArray[np.str_], dict[str, Floats]]:
    """The figures of museval, as :func:`_score_segment`; of the slots of ``filters`` alone, the others do not exist.

    Museval scores nothing where a reference or an estimate is silent, the channels summed. Such a frame gets the one
    status that scores nothing.
    """
    slots = list(filters.slots)
    statuses = np.full((len(systems), len(references)), "silent_mixture", "U16")
    values = {metric: np.zeros(statuses.shape) for metric in ("snr", *_V4)}
    owners = np.arange(len(slots))
    for s, (system, waveforms) in enumerate(systems.items()):
        estimates = waveforms[slots]
        if any(
            (each.sum(axis=2) == 0).all(axis=1).any() for each in (references[slots], estimates)
        ):
            continue
        keys = [filters.key(system, k) for k in slots]
        ratios = filters.energies(references[slots], estimates, keys, owners, owners).images()
        statuses[s, slots] = "scored" if len(slots) > 1 else "solo"
        for metric, ratio in zip(
            ("snr", *_V4), (activity.snr(references[slots], estimates), *ratios), strict=True
        ):
            values[metric][s, slots] = ratio
    return statuses, values


def _bss_eval(
    references: Floats,
    estimates: Floats,
    chosen: bss_eval.Integers,
    owners: bss_eval.Integers,
    config: Evaluation,
    with_v4: bool,
) -> dict[str, Floats]:
    """The metrics of BSS Eval, v3 and if asked for v4, of P pairs as in ``bss_eval.pair_energies``: each of shape (P,).

    v3 knows one channel. Our definition for several: each is decomposed with filters of its own, and the energies are
    added over the channels before the ratios are taken. So a channel counts by its energy, and one in which a source
    is silent counts with what its estimate has there.
    """
    channels = range(references.shape[-1])

    def energies(channels: Sequence[int]) -> bss_eval.Energies:
        parts = references[..., channels], estimates[..., channels]
        return bss_eval.pair_energies(*parts, chosen, owners, config.filter_taps)

    by_channel = [energies([c]) for c in channels]
    v3 = bss_eval.Energies(*(np.sum(energy, axis=0) for energy in zip(*by_channel, strict=True)))
    ratios = dict(zip(_V3, v3.sources(), strict=True))
    if config.bss_v4 and with_v4:
        # With one channel the two versions project alike.
        ratios |= zip(_V4, (v3 if len(channels) == 1 else energies(channels)).images(), strict=True)
    if config.backend == "mir_eval":
        ratios |= zip(
            _V3, mir_eval_backend.bss_eval_pairs(references, estimates, chosen, owners), strict=True
        )
    return ratios
