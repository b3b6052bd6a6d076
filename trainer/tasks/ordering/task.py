"""Is ordering as the loop sees it: networks, examples, objective, validation, summaries.

Axes: B puzzles, P clips of a puzzle, T frames of a clip, C channels.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np
import tensorflow as tf

from configs import Config, OrderingSettings
from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.records.manifest import Manifest
from data_prep.runtime.quantities import pluralized
from trainer.batches.excerpts import load_excerpts
from trainer.loop.protocol import (
    Description,
    Figure,
    Learnt,
    Networks,
    Objective,
    Shown,
    Sound,
    Weights,
)
from trainer.tasks.learnt import read_learnt
from trainer.tasks.ordering import step
from trainer.tasks.ordering.answers import Rightness, chance, rightness
from trainer.tasks.ordering.asked import Solver, count_each, similar_share
from trainer.tasks.ordering.puzzles import Puzzle, RecordPuzzles, TrackPuzzles

# Between clips that are shown.
_PAUSE_SECS = 0.25


class OrderingTask:
    """Learns to put clips where they were (trainer.loop.protocol.Task)."""

    def __init__(self, config: Config, manifest: Manifest, folder: str) -> None:
        """Reads the training excerpts; ``ValueError`` where they do not fit the experiment."""
        manifest.require(config, folder)
        self._config = config
        self._manifest = manifest
        self._folder = folder
        assert isinstance(config.task, OrderingSettings)
        self._settings = config.task
        self._asked = TrackPuzzles(config)
        if not self._long_tracks:
            print(
                "The records have no validation track as long as a puzzle: no best checkpoint is "
                "kept, and nothing stops early.",
                flush=True,
            )
        excerpts = load_excerpts(manifest, folder, "train", config.train.cache)
        self._puzzles = RecordPuzzles(excerpts, config)

    def read_learnt(self) -> Learnt:
        """Reads what the run of ``train.begin_from`` has learnt."""
        return read_learnt(self._config.train.begin_from)

    def make_networks(self) -> Networks:
        """Makes the encoder and what compares its features."""
        return step.make_networks(self._config)

    def make_objectives(self, networks: Networks) -> Sequence[Objective]:
        """Makes the only objective: put clips where they were."""
        return step.make_objectives(self._config, networks)

    def make_examples(self, start_step: int) -> tf.data.Dataset:
        """Makes the puzzles of all steps from ``start_step`` on, in order, not batched."""
        settings = self._config.train
        first, stop = (n * settings.batch_size for n in (start_step, settings.steps))

        def make(number: tf.Tensor) -> dict[str, tf.Tensor]:
            return self._puzzles.puzzle(number)._asdict()

        numbers = tf.data.Dataset.range(first, stop)
        return numbers.map(make, num_parallel_calls=tf.data.AUTOTUNE)

    def validate(self, weights: Weights) -> Sequence[Figure]:
        """Asks about the same puzzles of the validation tracks each time; nothing without tracks.

        Of the contrastive head it is the share of clips that know their second half among those of
        their track.
        """
        if not self._long_tracks:
            return []
        solver = self._solver_with(weights)
        if self._settings.head == "contrastive":
            shares = [similar_share(solver.decide(each.clips)) for each in self._iter_asked()]
            return [Figure("same_excerpt", float(np.mean(shares)))]
        measured = [
            rightness(solver.places(each.clips), each.places.numpy().astype(np.int64))
            for each in self._iter_asked()
        ]
        values = Rightness(*(np.concatenate(part) for part in zip(*measured, strict=True)))
        return [Figure(name, float(part.mean())) for name, part in values._asdict().items()]

    def show(self, weights: Weights) -> Iterable[Shown]:
        """Lets people hear a puzzle: as it is shown, as the network orders it, as it is."""
        if not self._long_tracks or self._settings.head == "contrastive":
            return []
        return self._iter_shown(self._solver_with(weights))

    def describe(self) -> Description:
        """Says what a puzzle is, how many records there are, and what dice would reach."""
        task = self._settings
        config = self._config
        tracks = self._manifest.tracks("train")
        num_records = sum(track.num_excerpts for track in tracks)
        longest_gap = task.min_gap_secs + task.gap_secs
        shares = chance(task.num_clips)
        num_frames = step.clip_frames(config)
        flops = self._solver.encoder.clip_flops(num_frames)
        return Description(
            rows={
                "puzzle": f"{task.num_clips} clips of {task.clip_secs:g} s ({num_frames:,} frames),"
                f" gaps of {task.min_gap_secs:g} to {longest_gap:g} s ({task.gap_law})",
                "records": f"{num_records:,} of {pluralized(len(tracks), 'training track')}",
                "by dice": f"{shares['position']:.1%} of clips at their place, "
                f"{shares['exact']:.1%} of puzzles solved",
            },
            step_flops=3.0 * config.train.batch_size * task.num_clips * flops,
            suspect="task.gap_secs",
        )

    @cached_property
    def _long_tracks(self) -> list[str]:
        """Names the validation tracks of which puzzles can be drawn."""
        longest = self._asked.longest_frames
        tracks = self._manifest.tracks("valid")
        return [track.name for track in tracks if track.num_frames >= longest]

    def _iter_asked(self) -> Iterator[Puzzle]:
        """Yields the puzzles of each validation track."""
        counts = count_each(self._settings.validation_puzzles, len(self._long_tracks))
        for number, waveform in enumerate(self._iter_waveforms()):
            yield self._asked.of_track(waveform, number, counts[number])

    def _iter_waveforms(self) -> Iterator[Waveform]:
        wanted = set(self._long_tracks)
        for track in iter_full_tracks(self._manifest, self._folder, "valid"):
            if track.name in wanted:
                yield track.mixture

    def _solver_with(self, weights: Weights) -> Solver:
        self._solver.encoder.set_weights(weights[step.ENCODER])
        self._solver.head.set_weights(weights[step.SORTER])
        return self._solver

    @cached_property
    def _solver(self) -> Solver:
        """Has networks of its own: those that train may be spread over devices."""
        return Solver(self._config, step.make_networks(self._config))

    def _iter_shown(self, solver: Solver) -> Iterator[Shown]:
        waveform = next(self._iter_waveforms())
        puzzle = self._asked.of_track(waveform, 0, 1)
        clips = puzzle.clips[0].numpy()
        rate = self._config.audio.sample_rate
        pause = np.zeros((round(_PAUSE_SECS * rate), clips.shape[2]), np.float32)
        orders = {
            "shuffled": np.arange(len(clips)),
            "ordered": solver.places(puzzle.clips)[0],
            "true": puzzle.places[0].numpy().astype(np.int64),
        }
        for name, places in orders.items():
            parts = [part for clip in clips[np.argsort(places)] for part in (clip, pause)]
            yield Sound(name, np.concatenate(parts), rate)


def make_task(config: Config, manifest: Manifest, folder: str) -> OrderingTask:
    """Makes the task; ``ValueError`` where the records do not fit the experiment."""
    return OrderingTask(config, manifest, folder)
