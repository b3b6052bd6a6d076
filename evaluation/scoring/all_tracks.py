"""Scores tracks one after the other, keeps what is done, and says how long it will take."""

import sys
import time
from collections.abc import Iterable, Mapping

from configs.schema import Evaluation
from data_prep.runtime.quantities import clock, pluralized
from evaluation.estimates.bars import make_bar
from evaluation.estimates.track_on_disk import TrackOnDisk
from evaluation.scores.results import Results
from evaluation.scores.table import Row
from evaluation.scoring.one_track import score_track_on_disk
from evaluation.scoring.workers import Workers


def score_all(
    tracks: Iterable[TrackOnDisk],
    secs: Mapping[str, float],
    results: Results,
    config: Evaluation,
    with_oracles: bool,
    workers: Workers,
) -> list[Row]:
    """Scores the tracks that ``results`` does not have yet.

    Args:
        tracks: those that are not kept yet, in order.
        secs: how long each track is, also of those that are kept.
        results: where each track is kept as soon as it is scored.
        config: segments, thresholds and metrics.
        with_oracles: whether to score the oracles of ``evaluation.estimates.oracles`` too.
        workers: what computes.

    Returns:
        The rows of all tracks.

    Raises:
        ValueError: a file cannot be read, is shorter than its track, or has values that are not
            finite numbers.
    """
    progress = _ScoringProgress(secs, results.kept)
    try:
        for track in tracks:
            rows = score_track_on_disk(track, config, with_oracles, workers, progress.advance)
            results.keep(track.name, rows)
            progress.end(track.name)
    finally:
        progress.close()
    return results.rows()


class _ScoringProgress:
    """Shows a bar of the seconds of audio on a terminal, and anywhere a line for each track."""

    def __init__(self, secs: Mapping[str, float], kept: Iterable[str]) -> None:
        done = set(kept)
        self._num_tracks = len(secs)
        self._num_done = len(done)
        # Of the tracks that this call scores: others tell nothing about its speed.
        self._secs = sum(secs[name] for name in secs.keys() - done)
        self._secs_scored = 0.0
        self._started = time.monotonic()
        self._bar = make_bar("scored", self._secs)
        if done:
            self._say(f"{len(done)} of {pluralized(len(secs), 'track')} scored before.")

    def advance(self, secs: float) -> None:
        self._secs_scored += secs
        self._bar.update(secs)

    def end(self, track: str) -> None:
        self._num_done += 1
        slowness = (time.monotonic() - self._started) / self._secs_scored
        remaining = slowness * (self._secs - self._secs_scored)
        self._say(f"{self._num_done}/{self._num_tracks} {track} scored ({clock(remaining)} left)")

    def close(self) -> None:
        self._bar.close()

    def _say(self, line: str) -> None:
        self._bar.write(line)
        # Where the output goes to a file, it is to be seen there at once.
        sys.stdout.flush()
