"""The per-segment table: its schema, how it is computed, written and read. Its aggregates are in aggregates.py.

Axes: K slots, T frames, C channels.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.schema import Evaluation
from data_prep import activity
from data_prep.storage import replacing
from evaluation import bss, mir_eval_backend

SCHEMA_VERSION = 3  # of the columns and their meaning
STATUSES = ("scored", "solo", "silent_estimate", "absent", "silent_mixture")
METRICS = ("sdr", "sir", "sar", "isr", "sir_v4", "sar_v4", "si_sdr", "snr", "leakage", "sdri", "si_sdri", "snri")
BASELINES = ("mixture", "silence")

# How far a metric lies above that of the mixture.
IMPROVEMENTS = {"sdri": "sdr", "si_sdri": "si_sdr", "snri": "snr"}

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


@dataclass(frozen=True)
class Row:
    """One segment of one source under one system; a metric that its status does not define is None (blank)."""

    system: str  # "model", or a baseline: "mixture", "silence"
    track: str
    start_secs: float
    source: str
    status: str
    polyphony: int  # active sources in the segment
    sdr: float | None = None  # this and the next two are those of BSS Eval v3
    sir: float | None = None
    sar: float | None = None
    isr: float | None = None  # this and the next two are those of BSS Eval v4, the SDR of which is the snr
    sir_v4: float | None = None
    sar_v4: float | None = None
    si_sdr: float | None = None
    snr: float | None = None
    leakage: float | None = None
    sdri: float | None = None  # this and the next two: see gain
    si_sdri: float | None = None
    snri: float | None = None


COLUMNS = tuple(field.name for field in fields(Row))
_LEGAL = dict.fromkeys(METRICS, "a number of dB or nothing") | {
    "start_secs": "a number of seconds",
    "status": f"one of {', '.join(STATUSES)}",
    "polyphony": "a count",
}


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
        ValueError: the shapes do not fit, a system has the name of a baseline, or a value is not finite.
    """
    if config.backend == "mir_eval":
        mir_eval_backend.require(mixture.shape[-1])
    if taken := estimates.keys() & set(BASELINES):
        raise ValueError(f"no system may be called {', '.join(sorted(taken))}: that is a baseline.")
    _validate(track_name, mixture, {"reference": references, **estimates}, vocabulary)
    baselines = zip(BASELINES, (mixture, np.zeros_like(mixture)), strict=True)
    systems = dict(estimates) | {system: np.broadcast_to(each, references.shape) for system, each in baselines}
    bounds = activity.segments(len(mixture), sample_rate, config)
    levels = np.stack([activity.rms_db(references[:, start:stop]) for start, stop in bounds])
    sounding = activity.active(levels, config.active_relative_db, config.silent_dbfs)
    rows: dict[str, list[Row]] = {system: [] for system in systems}
    for (start, stop), active in zip(bounds, sounding, strict=True):
        estimated = np.stack([waveforms[:, start:stop] for waveforms in systems.values()], dtype=np.float64)
        statuses, values = _score_segment(mixture[start:stop], references[:, start:stop], estimated, active, config)
        start_secs, polyphony = start / sample_rate, int(active.sum())
        for (s, system), (k, source) in product(enumerate(systems), enumerate(vocabulary)):
            status = str(statuses[s, k])
            defined = {metric: float(values[metric][s, k]) for metric in _DEFINED[status] if metric in values}
            rows[system].append(Row(system, track_name, start_secs, source, status, polyphony, **defined))
    return [
        _with_gains(row, baseline)
        for system in systems
        for row, baseline in zip(rows[system], rows["mixture"], strict=True)
    ]


def _with_gains(row: Row, mixture: Row) -> Row:
    gains: dict[str, Any] = {column: gain(row, mixture, metric) for column, metric in IMPROVEMENTS.items()}
    return replace(row, **gains)


def gain(row: Row, mixture: Row, metric: str) -> float | None:
    """How far a row lies above that of the mixture of the same segment and source, in dB.

    None where either has no such metric, and where the mixture is the source itself and nothing can be better: a source
    that sounds alone, also where its estimate is silent, or one whose every companion is silent to rounding.
    """
    value, baseline = getattr(row, metric), getattr(mixture, metric)
    if value is None or baseline is None or row.polyphony < 2 or not np.isfinite(baseline):
        return None
    return float(value - baseline)


def _validate(track: str, mixture: Waveforms, systems: Mapping[str, Waveforms], vocabulary: Sequence[str]) -> None:
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
            raise ValueError(f"track {track}: {names} of the {system} has values that are not finite.")


def _score_segment(
    mixture: Waveforms, references: Waveforms, estimates: Floats, active: NDArray[np.bool_], config: Evaluation
) -> tuple[NDArray[np.str_], dict[str, Floats]]:
    """The status and the metrics of S systems, each of shape (S, K); a metric counts where its status defines it.

    Mixture (T, C), references (K, T, C), estimates (S, K, T, C), active (K,).
    """
    silent_mixture = activity.rms_db(mixture) < config.silent_dbfs
    quiet = activity.rms_db(estimates) < config.silent_dbfs
    conditions = [np.broadcast_to(each, quiet.shape) for each in (silent_mixture, ~active, quiet, active.sum() == 1)]
    statuses = np.select(conditions, ["silent_mixture", "absent", "silent_estimate", "solo"], "scored")
    values = {metric: np.zeros(quiet.shape) for metric in METRICS if config.bss_v4 or metric not in _V4}
    if silent_mixture:
        return statuses, values
    leaked = np.square(estimates).sum(_SIGNAL_AXES) / np.square(mixture, dtype=np.float64).sum()
    values["leakage"] = 10 * np.log10(np.maximum(leaked, 10 ** (_MIN_LEAKAGE_DB / 10)))
    if active.any():
        # Only these take part: slots that are silent change nothing, not even the order of a sum.
        chosen, estimated = references[active].astype(np.float64), estimates[:, active]
        ratios = _bss_eval(chosen, estimated, config)
        ratios["si_sdr"] = bss.si_sdr(chosen, estimated, _SIGNAL_AXES)
        ratios["snr"] = activity.snr(chosen, estimated)
        for metric, ratio in ratios.items():
            values[metric][:, active] = ratio
    values["sdr"][quiet] = values["snr"][quiet] = 0.0
    return statuses, values


def _bss_eval(references: Floats, estimates: Floats, config: Evaluation) -> dict[str, Floats]:
    """The metrics of BSS Eval, v3 and if asked for v4, for (J, T, C) and (..., J, T, C): each of shape (..., J).

    v3 knows one channel. Our definition for several: each is decomposed with filters of its own, and the energies are
    added over the channels before the ratios are taken. So a channel counts by its energy, and one in which a source
    is silent counts with what its estimate has there.
    """
    channels = range(references.shape[-1])
    each = [bss.energies(references[..., [c]], estimates[..., [c]], config.filter_taps) for c in channels]
    v3 = bss.Energies(*(np.sum(energy, axis=0) for energy in zip(*each, strict=True)))
    ratios = dict(zip(_V3, v3.sources(), strict=True))
    if config.bss_v4:
        # With one channel the two versions project alike.
        v4 = v3 if len(channels) == 1 else bss.energies(references, estimates, config.filter_taps)
        ratios |= zip(_V4, v4.images(), strict=True)
    if config.backend == "mir_eval":
        ratios |= zip(_V3, mir_eval_backend.bss_eval_sources(references[..., 0], estimates[..., 0]), strict=True)
    return ratios


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write the table; whoever reads ``path`` meanwhile finds the old table or the new one, never half of it."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")  # a float is written with the digits that bring it back
        writer.writerow(COLUMNS)
        writer.writerows([getattr(row, column) for column in COLUMNS] for row in rows)


def read_csv(path: Path) -> list[Row]:
    """Read what :func:`write_csv` wrote.

    Raises:
        ValueError: the columns are not those of the schema, or a value is none of its column.
    """
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        try:
            header = next(reader, [])
            if header != list(COLUMNS):
                found = ", ".join(header) or "none"
                raise ValueError(f"{path} has other columns than expected: {found}, not {', '.join(COLUMNS)}.")
            return [_parse(cells, f"{path}, line {reader.line_num}") for cells in reader]
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not a CSV file: {error}.") from error


def _parse(cells: Sequence[str], place: str) -> Row:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{place} has {len(cells)} values; expected {len(COLUMNS)}.")
    values: dict[str, Any] = {}
    for column, cell in zip(COLUMNS, cells, strict=True):
        try:
            values[column] = _parse_cell(column, cell)
        except ValueError:
            raise ValueError(f"{place}: {column} is {cell!r}; expected {_LEGAL[column]}.") from None
    return Row(**values)


def _parse_cell(column: str, cell: str) -> str | int | float | None:
    if column == "polyphony":
        return int(cell)
    if column in METRICS and not cell:
        return None
    if column in METRICS or column == "start_secs":
        if np.isnan(number := float(cell)):
            raise ValueError(cell)
        return number
    if column == "status" and cell not in STATUSES:
        raise ValueError(cell)
    return cell
