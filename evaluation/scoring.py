"""Score a track that lies in files, in several processes and bounded memory.

Each process reads and scores some seconds at a time. What a segment needs of the whole track is measured first: where
its sources sound, and for the oracles how they lie in the channels.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs.schema import Evaluation
from data_prep import activity
from evaluation import baselines, bss
from evaluation.scores import Row, Scorer, in_order
from evaluation.stored import Floats, StoredTrack
from evaluation.workers import Workers

_TASK_BYTES = 64 * 2**20  # of audio in a task, or one segment

Bounds = Sequence[tuple[int, int]]


class _Task(NamedTuple):
    """Some segments, and what the track as a whole has to say of them."""

    track: StoredTrack
    bounds: Bounds
    stop: int  # where the next task starts
    config: Evaluation
    sounding: NDArray[np.bool_] | None = None  # (segments, K)
    slots: NDArray[np.intp] | None = None  # of the J sources that are not silent throughout
    covariances: baselines.Spectra | None = None  # None: without oracles


def score_stored(
    track: StoredTrack,
    config: Evaluation,
    oracles: bool,
    workers: Workers,
    advance: Callable[[float], object] = lambda _: None,
) -> list[Row]:
    """Every segment of every slot under every system of a track, as ``evaluation.scores.score_track``.

    Args:
        track: where its audio lies.
        config: segments, thresholds and metrics.
        oracles: whether to score the oracles of ``evaluation.baselines`` too.
        workers: what computes.
        advance: is called with the seconds of the track that have been scored since the last call.

    Raises:
        ValueError: a file cannot be read, is shorter than the track, or has values that are not finite numbers.
    """
    systems = len(track.systems) + (len(baselines.ORACLES) if oracles else 0)
    tasks = _split(track, systems, config)
    levels = list(workers.map(_measure, tasks))
    sounding = activity.active(np.concatenate(levels), config.active_relative_db, config.silent_dbfs)
    slots = np.flatnonzero(np.isfinite(np.concatenate(levels)).any(axis=0))
    tasks = [task._replace(slots=slots) for task in tasks]
    covariances = baselines.spatial_covariances(workers.map(_sum_covariances, tasks)) if oracles else None
    places = np.cumsum([0, *(len(task.bounds) for task in tasks)])
    tasks = [
        task._replace(sounding=sounding[first : first + len(task.bounds)], covariances=covariances)
        for first, task in zip(places[:-1], tasks, strict=True)
    ]
    workers.fit(_task_bytes(track, tasks, systems, config))
    segments = []
    for task, rows in zip(tasks, workers.map(_score, tasks), strict=True):
        segments.append(rows)
        advance((task.stop - task.bounds[0][0]) / track.sample_rate)
    return in_order(segments)


def _split(track: StoredTrack, systems: int, config: Evaluation) -> list[_Task]:
    """Segments in groups whose audio is not much."""
    bounds = activity.segments(track.num_frames, track.sample_rate, config)
    each = max(_TASK_BYTES // _segment_bytes(track, bounds, systems), 1)
    parts = [bounds[i : i + each] for i in range(0, len(bounds), each)]
    stops = [*(part[0][0] for part in parts[1:]), track.num_frames]
    return [_Task(track, part, stop, config) for part, stop in zip(parts, stops, strict=True)]


def _segment_bytes(track: StoredTrack, bounds: Bounds, systems: int) -> int:
    """Of the audio of the longest segment: mixture and references, and every system."""
    longest = max(stop - start for start, stop in bounds)
    return 8 * longest * track.channels * len(track.vocabulary) * (systems + 2)


def _task_bytes(track: StoredTrack, tasks: Sequence[_Task], systems: int, config: Evaluation) -> int:
    """What a process needs at most for any of the tasks."""
    polyphony = max(int(task.sounding.sum(axis=1).max()) for task in tasks if task.sounding is not None)
    longest = max(stop - start for task in tasks for start, stop in task.bounds)
    audio = max(len(task.bounds) * _segment_bytes(track, task.bounds, systems) for task in tasks)
    estimates = systems * polyphony + 1
    return 2 * audio + bss.working_bytes(polyphony, estimates, longest, track.channels, config.filter_taps)


def _measure(task: _Task) -> Floats:
    """The level of every slot in every segment in dBFS, (segments, K)."""
    track, levels = task.track, []
    for start, stop in task.bounds:
        references = track.read_references(start, stop)
        waveforms = {"the mixture": track.read_mixture(start, stop, references)}
        waveforms |= {f"the reference {name}": each for name, each in zip(track.vocabulary, references, strict=True)}
        for system, estimates in track.read_estimates(start, stop).items():
            names = (f"{source} of the {system}" for source in track.vocabulary)
            waveforms |= zip(names, estimates, strict=True)
        for name, waveform in waveforms.items():
            if not np.isfinite(waveform).all():
                where = f"between {start / track.sample_rate:g} and {stop / track.sample_rate:g} s"
                raise ValueError(f"track {track.name}: {name} has values that are not finite numbers {where}.")
        levels.append(activity.rms_db(references))
    return np.stack(levels)


def _sounding(task: _Task, start: int, stop: int) -> tuple[Floats, Floats]:
    """Mixture and references as the oracles read them."""
    references = task.track.read_references(start, stop)
    return task.track.read_mixture(start, stop, references), references[task.slots]


def _sum_covariances(task: _Task) -> baselines.Spectra:
    stretch = task.track.num_frames, task.bounds[0][0], task.stop, task.track.sample_rate
    return baselines.covariance_sums(partial(_sounding, task), *stretch)


def _score(task: _Task) -> list[Row]:
    track, first, last = task.track, task.bounds[0][0], task.bounds[-1][1]
    references, estimates = track.read_references(first, last), track.read_estimates(first, last)
    mixture = track.read_mixture(first, last, references)
    if task.covariances is not None:
        stretch = track.num_frames, first, last, track.sample_rate, task.covariances
        for oracle, waveforms in baselines.oracle_stretch(partial(_sounding, task), *stretch).items():
            estimates[oracle] = np.zeros(references.shape, np.float32)
            estimates[oracle][task.slots] = waveforms
    scorer = Scorer(track.name, track.vocabulary, track.sample_rate, task.config)
    rows: list[Row] = []
    assert task.sounding is not None
    for (start, stop), active in zip(task.bounds, task.sounding, strict=True):
        part = slice(start - first, stop - first)
        cut = {system: waveforms[:, part] for system, waveforms in estimates.items()}
        rows += scorer.score(start, mixture[part], references[:, part], cut, active)
    return rows
