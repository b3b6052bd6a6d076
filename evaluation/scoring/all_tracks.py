"""Score tracks one after the other, keep what is done, and say how long it will take."""

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
    """Score the tracks that ``results`` does not have yet; returns the rows of all.

    Args:
        tracks: those that are not kept yet, in order.
        secs: how long each track is, also of those that are kept.
        results: where each track is kept as soon as it is scored.
        config: see ``evaluation.scoring.one_track.score_stored``.
        with_oracles: see there.
        workers: see there.

    Raises:
        ValueError: see there.
    """
    progress = _ScoringProgress(secs, results.kept)
    try:
        for track in tracks:
            results.keep(
                track.name,
                score_track_on_disk(track, config, with_oracles, workers, progress.advance),
            )
            progress.end(track.name)
    finally:
        progress.close()
    return results.rows()


class _ScoringProgress:
    """A bar on a terminal, counted in seconds of audio, and a line for every track anywhere."""

    def __init__(self, secs: Mapping[str, float], kept: Iterable[str]) -> None:
        done = set(kept)
        self._count, self._number = len(secs), len(done)
        self._secs, self._scored, self._started = (
            sum(secs[name] for name in secs.keys() - done),
            0.0,
            time.monotonic(),
        )
        self._bar = make_bar("scored", self._secs)
        if done:
            self._say(f"{len(done)} of {pluralized(len(secs), 'track')} scored before.")

    def advance(self, secs: float) -> None:
        self._scored += secs
        self._bar.update(secs)

    def end(self, track: str) -> None:
        self._number += 1
        left = (time.monotonic() - self._started) / self._scored * (self._secs - self._scored)
        self._say(f"{self._number}/{self._count} {track} scored ({clock(left)} left)")

    def close(self) -> None:
        self._bar.close()

    def _say(self, line: str) -> None:
        self._bar.write(line)
        sys.stdout.flush()
