"""Score a track that lies in files, in several processes and bounded memory.

Each process reads and scores some seconds at a time. What a segment needs of the whole track is measured first: where
its sources sound, for the oracles how they lie in the channels, and if asked for the filters of the whole track.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from configs.schema import Evaluation
from data_prep.audio import activity
from evaluation.estimates import oracles
from evaluation.estimates.track_on_disk import Floats, TrackOnDisk
from evaluation.metrics import bss_eval
from evaluation.metrics.least_squares import rare_bytes
from evaluation.scores.table import Row
from evaluation.scoring.batches import SegmentGroup, load, segment_bytes, split, sum_covariances
from evaluation.scoring.one_segment import Scorer, in_order
from evaluation.scoring.track_filters import TrackFilters, fit_track
from evaluation.scoring.workers import Workers


class _Measured(NamedTuple):
    """Of the segments of a task."""

    levels: Floats  # of every slot in dBFS, (segments, K)
    products: Floats  # of the channels of every slot over the task, (K, C, C)


def score_track_on_disk(
    track: TrackOnDisk,
    config: Evaluation,
    with_oracles: bool,
    workers: Workers,
    advance: Callable[[float], object] = lambda _: None,
) -> list[Row]:
    """Every segment of every slot under every system of a track, as ``evaluation.scoring.one_segment.score_track``.

    Args:
        track: where its audio lies.
        config: segments, thresholds and metrics.
        with_oracles: whether to score the oracles of ``evaluation.estimates.oracles`` too.
        workers: what computes.
        advance: is called with the seconds of the track that have been scored since the last call.

    Raises:
        ValueError: a file cannot be read, is shorter than the track, or has values that are not finite numbers.
    """
    systems = [*track.systems, *(oracles.ORACLES if with_oracles else ())]
    tasks = split(track, len(systems), config)
    measured = list(workers.map(_measure, tasks))
    levels = np.concatenate([each.levels for each in measured])
    sounding = activity.active(levels, config.active_relative_db, config.silent_dbfs)
    slots = np.flatnonzero(np.isfinite(levels).any(axis=0))
    places = np.cumsum([0, *(len(task.bounds) for task in tasks)])
    tasks = [
        task._replace(slots=slots, sounding=sounding[first : first + len(task.bounds)])
        for first, task in zip(places[:-1], tasks, strict=True)
    ]
    if with_oracles:
        covariances = oracles.spatial_covariances(workers.map(sum_covariances, tasks))
        tasks = [task._replace(covariances=covariances) for task in tasks]
    workers.fit(*_task_bytes(tasks, len(systems)))
    filters = None
    if config.fits_track and len(slots):
        products = np.sum([each.products for each in measured], axis=0)
        filters = fit_track(tasks, systems, products[slots], workers)
    segments = []
    for task, rows in zip(
        tasks, workers.map(_score, [(task, filters) for task in tasks]), strict=True
    ):
        segments.append(rows)
        advance((task.stop - task.start) / track.sample_rate)
    return in_order(segments)


def _task_bytes(tasks: Sequence[SegmentGroup], systems: int) -> tuple[int, int]:
    """What a process needs at most for any of the tasks, and what one of them may need beyond."""
    track, config = tasks[0].track, tasks[0].config
    polyphony = max(
        int(task.sounding.sum(axis=1).max()) for task in tasks if task.sounding is not None
    )
    longest = max(stop - start for task in tasks for start, stop in task.bounds)
    audio = max(len(task.bounds) * segment_bytes(track, task.bounds, systems) for task in tasks)
    estimates = systems * polyphony + 1
    usual = 2 * audio + bss_eval.working_bytes(
        polyphony, estimates, longest, track.channels, config.filter_taps
    )
    return usual, rare_bytes(polyphony * track.channels * config.filter_taps)


def _measure(task: SegmentGroup) -> _Measured:
    """Read everything once, and refuse what is no number."""
    track, rate = task.track, task.track.sample_rate
    levels, last = [], task.bounds[-1]
    products = np.zeros((len(track.vocabulary), track.channels, track.channels))
    for start, stop in task.bounds:
        # What lies behind the last segment belongs to no segment, as museval has them, but to the track.
        end = max(stop, task.stop) if (start, stop) == last else stop
        references = track.read_references(start, end)
        waveforms = {"the mixture": track.read_mixture(start, end, references)}
        waveforms |= {
            f"the reference {name}": each
            for name, each in zip(track.vocabulary, references, strict=True)
        }
        for system, estimates in track.read_estimates(start, end).items():
            waveforms |= zip(
                (f"{source} of the {system}" for source in track.vocabulary), estimates, strict=True
            )
        for name, waveform in waveforms.items():
            if not np.isfinite(waveform).all():
                where = f"between {start / rate:g} and {end / rate:g} s"
                raise ValueError(
                    f"track {track.name}: {name} has values that are not finite numbers {where}."
                )
        levels.append(activity.rms_db(references[:, : stop - start]))
        products += references.swapaxes(1, 2) @ references
    return _Measured(np.stack(levels), products)


def _score(call: tuple[SegmentGroup, TrackFilters | None]) -> list[Row]:
    task, filters = call
    audio, first = load(task, task.start, task.bounds[-1][1]), task.start
    scorer = Scorer(task.track.name, task.track.vocabulary, task.track.sample_rate, task.config)
    rows: list[Row] = []
    assert task.sounding is not None
    for (start, stop), active in zip(task.bounds, task.sounding, strict=True):
        part = slice(start - first, stop - first)
        cut = {system: waveforms[:, part] for system, waveforms in audio.estimates.items()}
        rows += scorer.score(
            start, audio.mixture[part], audio.references[:, part], cut, active, filters
        )
    return rows
