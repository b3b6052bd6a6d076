"""Plays with the features of a run: makes sounds that excite them, and the page of these."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from configs import OrderingSettings
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.runtime.quantities import clock
from evaluation.document.render import write
from evaluation.tasks.ordering.excitation import Excited, Excitement
from evaluation.tasks.ordering.play_page import make_document
from evaluation.tasks.ordering.scores import Floats
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import TrainingRun
from trainer.tasks.ordering import step
from trainer.tasks.ordering.puzzles import TrackPuzzles

# Clips of music, of all validation tracks together, or of the training tracks where there are none.
_NUM_CLIPS = 1000


def play(
    run: TrainingRun,
    workdir: str,
    checkpoint: str,
    weights: str,
    features: Sequence[int],
    out: Path,
    command: str,
) -> None:
    """Writes the page of some features.

    Raises:
        ValueError: the run has no such checkpoint, or its records are gone.
    """
    networks = step.make_networks(run.config)
    for network in networks.values():
        steps = restore_network(workdir, network, checkpoint, weights)
    excitement = Excitement(run.config, networks)
    of_music = excitement.describe(_clips_of_music(run))
    excited = _told(excitement, features)
    write(out, make_document(run.config, steps, excited, of_music, command))


def _told(excitement: Excitement, features: Sequence[int]) -> Iterator[Excited]:
    """Excites features one after the other, and says how long it will take."""
    started = time.monotonic()
    for number, each in enumerate(excitement.excite(features), start=1):
        secs = (time.monotonic() - started) / number * (len(features) - number)
        print(f"{number}/{len(features)} feature {each.feature} ({clock(secs)} left)", flush=True)
        yield each


def _clips_of_music(run: TrainingRun) -> Floats:
    """Returns clips of the tracks of a run, (clips, T, C)."""
    puzzles = TrackPuzzles(run.config)
    assert isinstance(run.config.task, OrderingSettings)
    split = "valid" if run.manifest.tracks("valid") else "train"
    long = [
        track.name
        for track in run.manifest.tracks(split)
        if track.num_frames >= puzzles.longest_frames
    ]
    count = max(1, _NUM_CLIPS // (len(long) * run.config.task.num_clips))
    clips = []
    for track in iter_full_tracks(run.manifest, run.records, split):
        if track.name in long:
            puzzle = puzzles.of_track(track.mixture, long.index(track.name), count)
            clips.append(np.concatenate(puzzle.clips.numpy()))
    return np.concatenate(clips)
