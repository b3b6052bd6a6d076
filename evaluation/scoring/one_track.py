"""Scores a track that lies in files, in several processes and bounded memory.

Each process reads and scores some seconds at a time. What a segment needs of the whole track is
measured first: where its sources sound, for the oracles how they lie in the channels, and if asked
for the filters of the whole track.

Axes: K slots, T frames, C channels.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs.schema import Evaluation
from data_prep.audio import activity
from evaluation.estimates import oracles
from evaluation.estimates.sound_files import Floats
from evaluation.estimates.track_on_disk import TrackOnDisk
from evaluation.metrics import bss_eval
from evaluation.metrics.least_squares import rare_bytes
from evaluation.scores.table import Row
from evaluation.scoring.one_segment import Scorer, in_order
from evaluation.scoring.segment_groups import (
    SegmentGroup,
    load,
    segment_bytes,
    split,
    sum_covariances,
)
from evaluation.scoring.track_filters import TrackFilters
from evaluation.scoring.track_fit import fit_track
from evaluation.scoring.workers import Workers, memory_lock


class _Measured(NamedTuple):
    """Holds what was measured in the segments of a group."""

    # Of every slot in dBFS, (segments, K).
    levels: Floats
    # Of the channels of every slot over the group, (K, C, C).
    products: Floats


def score_track_on_disk(
    track: TrackOnDisk,
    config: Evaluation,
    with_oracles: bool,
    workers: Workers,
    advance: Callable[[float], object] = lambda _: None,
) -> list[Row]:
    """Scores every segment of every slot under every system of a track.

    The rows are those of ``evaluation.scoring.one_segment.score_track``, but for the sources of
    which no system has an estimate: these are only what the others are told from.

    Args:
        track: where its audio lies.
        config: segments, thresholds and metrics.
        with_oracles: whether to score the oracles of ``evaluation.estimates.oracles`` too.
        workers: what computes.
        advance: is called with the seconds of the track that have been scored since the last call.

    Raises:
        ValueError: a file cannot be read, is shorter than the track, or has values that are not
            finite numbers.
    """
    systems = list(track.systems)
    if with_oracles:
        systems += oracles.ORACLES
    groups = split(track, len(systems), config)
    measured = list(workers.map(_measure, groups))
    groups = _with_activity(groups, np.concatenate([each.levels for each in measured]))
    if with_oracles:
        covariances = oracles.spatial_covariances(workers.map(sum_covariances, groups))
        groups = [group._replace(covariances=covariances) for group in groups]
    workers.fit(*_group_bytes(groups, len(systems)))
    filters = _fit_filters(groups, systems, measured, workers)
    rows_of_groups = []
    scored_groups = workers.map(_score, [(group, filters) for group in groups])
    for group, rows in zip(groups, scored_groups, strict=True):
        rows_of_groups.append(rows)
        advance((group.stop - group.start) / track.sample_rate)
    scored = track.scored
    return [row for row in in_order(rows_of_groups) if row.source in scored]


def _with_activity(groups: Sequence[SegmentGroup], levels: Floats) -> list[SegmentGroup]:
    """Tells every group which sources sound in its segments, and which in the track at all.

    Args:
        groups: of the track, in order.
        levels: of every slot in every segment of the track, (segments, K).
    """
    config = groups[0].config
    sounding = activity.active(levels, config.active_relative_db, config.silent_dbfs)
    slots = np.flatnonzero(np.isfinite(levels).any(axis=0))
    changed = []
    first = 0
    for group in groups:
        last = first + len(group.bounds)
        changed.append(group._replace(slots=slots, sounding=sounding[first:last]))
        first = last
    return changed


def _fit_filters(
    groups: Sequence[SegmentGroup],
    systems: Sequence[str],
    measured: Sequence[_Measured],
    workers: Workers,
) -> TrackFilters | None:
    """Fits the filters of the whole track, if that is asked for and anything sounds."""
    slots = groups[0].slots
    assert slots is not None
    if not groups[0].config.fits_track or not len(slots):
        return None
    # (K, C, C)
    products = np.sum([each.products for each in measured], axis=0)
    return fit_track(groups, systems, products[slots], workers)


def _group_bytes(groups: Sequence[SegmentGroup], num_systems: int) -> tuple[int, int]:
    """Returns what a process needs at most for any group, and what one of them may need beyond."""
    track = groups[0].track
    taps = groups[0].config.filter_taps
    polyphony = 0
    longest = 0
    audio = 0
    for group in groups:
        assert group.sounding is not None
        polyphony = max(polyphony, int(group.sounding.sum(axis=1).max()))
        longest = max(longest, *(stop - start for start, stop in group.bounds))
        in_group = len(group.bounds) * segment_bytes(track, group.bounds, num_systems)
        audio = max(audio, in_group)
    # Of every system that of each source that sounds, and the mixture.
    num_estimates = num_systems * polyphony + 1
    working = bss_eval.working_bytes(polyphony, num_estimates, longest, track.channels, taps)
    return 2 * audio + working, rare_bytes(polyphony * track.channels * taps)


def _measure(group: SegmentGroup) -> _Measured:
    """Reads everything once, and refuses what is no number."""
    track = group.track
    levels = []
    products = np.zeros((len(track.vocabulary), track.channels, track.channels))
    for start, stop in group.bounds:
        end = stop
        # What lies behind the last segment belongs to no segment, as museval has them, but to the
        # track.
        if (start, stop) == group.bounds[-1]:
            end = max(stop, group.stop)
        references = track.read_references(start, end)
        for name, waveform in _iter_named(track, start, end, references):
            if not np.isfinite(waveform).all():
                where = f"between {start / track.sample_rate:g} and {end / track.sample_rate:g} s"
                raise ValueError(
                    f"track {track.name}: {name} has values that are not finite numbers {where}."
                )
        levels.append(activity.rms_db(references[:, : stop - start]))
        # (K, C, T) @ (K, T, C) -> (K, C, C)
        products += references.swapaxes(1, 2) @ references
    return _Measured(np.stack(levels), products)


def _iter_named(
    track: TrackOnDisk, start: int, end: int, references: Floats
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yields all waveforms of some frames, each with its name in an error."""
    yield "the mixture", track.read_mixture(start, end, references)
    for source, reference in zip(track.vocabulary, references, strict=True):
        yield f"the reference {source}", reference
    for system, estimates in track.read_estimates(start, end).items():
        for source, estimate in zip(track.vocabulary, estimates, strict=True):
            yield f"{source} of the {system}", estimate


def _score(call: tuple[SegmentGroup, TrackFilters | None]) -> list[Row]:
    """Scores the segments of a group, with the filters of the track if there are any."""
    group, filters = call
    first = group.start
    audio = load(group, first, group.bounds[-1][1])
    scorer = Scorer(
        group.track.name,
        group.track.vocabulary,
        group.track.sample_rate,
        group.config,
        group.track.gains,
        memory_lock(),
    )
    rows: list[Row] = []
    assert group.sounding is not None
    for (start, stop), active in zip(group.bounds, group.sounding, strict=True):
        part = slice(start - first, stop - first)
        rows += scorer.score(
            start,
            audio.mixture[part],
            audio.references[:, part],
            {system: waveforms[:, part] for system, waveforms in audio.estimates.items()},
            active,
            filters,
        )
    return rows
