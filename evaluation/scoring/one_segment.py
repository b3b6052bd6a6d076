"""Makes the rows of a segment from its audio, and those of a track in memory.

Axes: K slots, S systems, T frames, C channels.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.schema import Evaluation
from data_prep.audio import activity
from evaluation.metrics import mir_eval_backend
from evaluation.metrics.energies import SIGNAL_AXES
from evaluation.scores.table import (
    BASELINES,
    CONSTANT_GAIN,
    IMPROVEMENTS,
    SHARES,
    Row,
    row_improvements,
)
from evaluation.scoring.museval_rules import score_as_museval
from evaluation.scoring.segment_bins import score_bins
from evaluation.scoring.segment_metrics import (
    Floats,
    SegmentAudio,
    Waveforms,
    score_segment,
)
from evaluation.scoring.track_filters import MIXTURE, TrackFilters

# The metrics that a status defines; every other metric of its rows is blank.
_DEFINED = {
    "scored": ("sdr", "sir", "sar", "isr", "sir_v4", "sar_v4", "si_sdr", "si_sar", "snr", *SHARES),
    "solo": ("sdr", "sar", "isr", "sar_v4", "si_sdr", "si_sar", "snr", *SHARES),
    "silent_estimate": ("sdr", "snr", *SHARES),
    "absent": ("leakage",),
    "not_scored": (),
    "silent_mixture": (),
}


def score_track(
    track_name: str,
    mixture: Waveforms,
    references: Waveforms,
    estimates: Mapping[str, Waveforms],
    vocabulary: Sequence[str],
    sample_rate: int,
    config: Evaluation,
    gains: Mapping[str, float] | None = None,
) -> list[Row]:
    """Scores every segment of every slot under every system, and under the baselines.

    The baselines are ``mixture``, the mixture as every estimate, ``silence``, and where there are
    gains ``constant gain``. Rows come by system, then by time, then by slot. The class ``Scorer``
    lists their statuses.

    Args:
        track_name: goes into the rows and the errors.
        mixture: shape (T, C).
        references: shape (K, T, C), zeros in the slot of an absent source.
        estimates: system -> shape (K, T, C).
        vocabulary: the K names of the slots.
        sample_rate: frames per second.
        config: segments, thresholds, what is computed by what, and the length of the filters.
        gains: by the name of a slot what the mixture is multiplied with, 0 where none is named.

    Raises:
        ValueError: the shapes do not fit, a system has the name of a baseline, a value is not
            finite, or filters of the whole track are asked for.
    """
    _validate_settings(config, mixture.shape[-1], estimates)
    _validate_waveforms(track_name, mixture, {"reference": references, **estimates}, vocabulary)
    bounds = activity.segments(len(mixture), sample_rate, config)
    # (segments, K)
    levels = np.stack([activity.rms_db(references[:, start:stop]) for start, stop in bounds])
    sounding = activity.active(levels, config.active_relative_db, config.silent_dbfs)
    scorer = Scorer(track_name, tuple(vocabulary), sample_rate, config, gains)
    rows = []
    for (start, stop), active in zip(bounds, sounding, strict=True):
        part = slice(start, stop)
        in_segment = {system: waveforms[:, part] for system, waveforms in estimates.items()}
        rows.append(scorer.score(start, mixture[part], references[:, part], in_segment, active))
    return in_order(rows)


def in_order(segments: Iterable[Iterable[Row]]) -> list[Row]:
    """Returns the rows of a track by system, then by time, then by slot.

    Args:
        segments: the rows of each segment or more, in order.
    """
    rows: dict[str, list[Row]] = {}
    for row in chain.from_iterable(segments):
        rows.setdefault(row.system, []).append(row)
    return list(chain.from_iterable(rows.values()))


@dataclass(frozen=True)
class Scorer:
    """Scores the segments of a track, one by one.

    The status of a row is the first that holds:

    ``silent_mixture``
        the mixture is silent: nothing is scored, not even where a source is active or an estimate
        is not silent.
    ``absent``
        the reference is not active: leakage.
    ``silent_estimate``
        the estimate is silent, also that of the only active source: SDR and SNR are 0 dB, by
        definition, and it keeps no bin.
    ``solo``
        the only active source: all but SIR.
    ``scored``
        all but leakage.

    By the rules of museval a source is ``absent`` where it rests all track. The others are
    ``scored``, or ``not_scored`` where any of them or of their estimates is silent, but for a
    mixture that is silent.
    """

    track: str
    # The names of the K slots.
    vocabulary: tuple[str, ...]
    sample_rate: int
    config: Evaluation
    # Of the constant gain, by the name of the slot; None: it is not scored.
    gains: Mapping[str, float] | None = None
    # As of ``bss_eval.pair_energies``.
    memory_lock: AbstractContextManager[object] = field(default_factory=nullcontext)

    def score(
        self,
        start: int,
        mixture: Waveforms,
        references: Waveforms,
        estimates: Mapping[str, Waveforms],
        active: NDArray[np.bool_],
        filters: TrackFilters | None = None,
    ) -> list[Row]:
        """Returns the rows of a segment by system, the baselines last, then by slot.

        Args:
            start: the frame of the track with which it begins.
            mixture: its frames, shape (T, C).
            references: shape (K, T, C).
            estimates: system -> shape (K, T, C).
            active: shape (K,), which sources sound.
            filters: of v4, those of the track; None: of the segment.
        """
        audio = self._with_baselines(mixture, references, estimates)
        # Of a track in which nothing sounds there are no filters: museval has nothing to score.
        if self.config.museval_compatible and filters is not None:
            scores = score_as_museval(audio, filters, self.config.silent_dbfs)
        else:
            scores = score_segment(audio, active, self.config, filters, self.memory_lock)
            # Museval knows no such thing.
            scores.values.update(
                score_bins(audio, scores.statuses, self.sample_rate, self.config.silent_dbfs)
            )
        rows: dict[str, list[Row]] = {}
        for s, system in enumerate(audio.systems):
            values = {metric: of_metric[s] for metric, of_metric in scores.values.items()}
            blank = Row(system, self.track, start / self.sample_rate, "", "", scores.polyphony)
            rows[system] = [
                self._fill(blank, k, str(scores.statuses[s, k]), values)
                for k in range(len(self.vocabulary))
            ]
        mixtures = rows[MIXTURE]
        return [row for of_system in rows.values() for row in _improved(of_system, mixtures)]

    def _with_baselines(
        self, mixture: Waveforms, references: Waveforms, estimates: Mapping[str, Waveforms]
    ) -> SegmentAudio:
        mixture = np.asarray(mixture, np.float64)
        systems = {name: np.asarray(waveforms, np.float64) for name, waveforms in estimates.items()}
        # (T, C) -> (K, T, C), without a copy for each slot
        systems[MIXTURE] = np.broadcast_to(mixture, references.shape)
        systems["silence"] = np.broadcast_to(np.zeros_like(mixture), references.shape)
        gains = np.zeros(len(self.vocabulary))
        if self.gains is not None:
            gains = np.array([self.gains.get(source, 0.0) for source in self.vocabulary])
            systems[CONSTANT_GAIN] = gains[:, None, None] * mixture
        return SegmentAudio(mixture, references, systems, gains)

    def _fill(self, blank: Row, k: int, status: str, values: Mapping[str, Floats]) -> Row:
        """Returns the row of slot k, given the metrics of its system, (K,) each."""
        metrics: dict[str, Any] = {
            metric: float(values[metric][k]) for metric in _DEFINED[status] if metric in values
        }
        return replace(blank, source=self.vocabulary[k], status=status, **metrics)


def _improved(rows: Sequence[Row], mixtures: Sequence[Row]) -> list[Row]:
    """Returns the rows of one system with their improvements over those of the mixture."""
    columns = {
        column: row_improvements(rows, mixtures, metric) for column, metric in IMPROVEMENTS.items()
    }
    improved = []
    for i, row in enumerate(rows):
        improvements: dict[str, Any] = {name: of_rows[i] for name, of_rows in columns.items()}
        improved.append(replace(row, **improvements))
    return improved


def _validate_settings(config: Evaluation, channels: int, systems: Iterable[str]) -> None:
    if config.fits_track:
        raise ValueError(
            "filters of the whole track are those of "
            "evaluation.scoring.one_track.score_track_on_disk, not of a segment."
        )
    if config.backend == "mir_eval":
        mir_eval_backend.require(channels)
    taken = set(systems) & set(BASELINES)
    if taken:
        raise ValueError(f"no system may be called {', '.join(sorted(taken))}: that is a baseline.")


def _validate_waveforms(
    track: str, mixture: Waveforms, systems: Mapping[str, Waveforms], vocabulary: Sequence[str]
) -> None:
    expected = (len(vocabulary), *mixture.shape)
    shapes = [waveforms.shape for waveforms in systems.values()]
    if mixture.ndim != 2 or any(shape != expected for shape in shapes):
        raise ValueError(
            f"track {track}: expected references and estimates of shape {expected} for "
            f"{len(vocabulary)} slots and a mixture of (frames, channels) = {mixture.shape}; got "
            f"{', '.join(map(str, shapes))}."
        )
    if not np.isfinite(mixture).all():
        raise ValueError(f"track {track}: the mixture has values that are not finite.")
    for system, waveforms in systems.items():
        broken = np.flatnonzero(~np.isfinite(waveforms).all(axis=SIGNAL_AXES))
        if broken.size:
            names = ", ".join(vocabulary[k] for k in broken)
            raise ValueError(
                f"track {track}: {names} of the {system} has values that are not finite."
            )
