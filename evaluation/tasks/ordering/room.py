"""Asks a run for the order of clips, and those that learn nothing, and makes the page of it.

Axes: B puzzles, P clips of a puzzle, T frames, C channels.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

import configs
from configs import Config, OrderingSettings
from configs.reading import parse_object
from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.runtime.revision import code_revision
from evaluation.document.parts import Document
from evaluation.estimates.bars import make_bar
from evaluation.estimates.opened_run import OpenedRun
from evaluation.scores.results import Parts
from evaluation.scores.table import MODEL
from evaluation.tasks.ordering.controls import NUM_PIECES, iter_controls
from evaluation.tasks.ordering.document import Report, make_document
from evaluation.tasks.ordering.rivals import places_by_edges
from evaluation.tasks.ordering.scores import (
    BACKWARDS,
    EDGES,
    Row,
    System,
    by_chance,
    make_system,
    to_csv,
)
from evaluation.tasks.ordering.sounds import HeardPuzzle
from evaluation.tasks.room import Tables
from trainer.inference.identity import weights_checksum
from trainer.loop.checkpoints import restore_network
from trainer.loop.metrics import read_metrics
from trainer.tasks.ordering import step
from trainer.tasks.ordering.answers import Places, rightness
from trainer.tasks.ordering.asked import Solver, count_each
from trainer.tasks.ordering.puzzles import Puzzle, TrackPuzzles

OPTIONS: tuple[str, ...] = ("puzzles",)
SCORES_MEANS = False
_SCHEMA_VERSION = 1
# Unless another number is asked for.
_NUM_PUZZLES = 1500
# Puzzles to hear, each of another track.
_NUM_HEARD = 6
_CONTROLS = "controls"


def score(opened: OpenedRun, options: Mapping[str, Any], processes: int) -> Tables:  # noqa: ARG001
    """Scores a run.

    Args:
        opened: the run, and the tracks.
        options: ``puzzles``, how many are asked of all tracks together, and of each control.
        processes: plays no part.

    Raises:
        ValueError: the run learnt nothing of order, or no track is as long as a puzzle.
    """
    config = opened.config
    assert isinstance(config.task, OrderingSettings)
    if config.task.head == "contrastive":
        raise ValueError(
            f"{opened.workdir} was trained with task.head=contrastive, which says nothing about "
            "order: score what begins from it (train.begin_from)."
        )
    networks = step.make_networks(config)
    for network in networks.values():
        restore_network(opened.workdir, network, str(opened.step), opened.weights)
    num_puzzles = int(options.get("puzzles", _NUM_PUZZLES))
    asked = _Asked(opened, Solver(config, networks), num_puzzles)
    rows = asked.rows_of_tracks()
    controls = asked.rows_of_controls()
    systems = [make_system(name, own) for name, own in rows.items()]
    systems.append(by_chance(config.task.num_clips))
    report = Report(
        config=config,
        step=opened.step,
        split=opened.split,
        systems=systems,
        controls=[make_system(name, own).whole for name, own in controls.items()],
        too_short=asked.too_short,
        heard=asked.heard(),
        command=_command(opened, num_puzzles),
        code_revision=code_revision(),
        manifest=opened.manifest,
        curves=read_metrics(opened.workdir),
        not_a_result=opened.why_no_result,
    )
    described = {
        "schema_version": _SCHEMA_VERSION,
        "split": opened.split,
        "step": opened.step,
        "num_puzzles": num_puzzles,
        "config": configs.to_json(config),
        "command": report.command,
        "code_revision": report.code_revision,
    }
    return Tables(
        files={"scores.csv": to_csv(_all_rows(systems, report.controls))},
        described=described,
        content=report,
        done=asked.parts.delete,
    )


def page(tables: Tables) -> Document:
    """Makes the page of the scores."""
    report: Report = tables.content
    return make_document(report)


def _command(opened: OpenedRun, num_puzzles: int) -> str:
    """Returns the command that scores the same again."""
    words = ["python", "-m", "evaluation.evaluate", *opened.arguments]
    return shlex.join([*words, f"--puzzles={num_puzzles}"])


def _all_rows(systems: Sequence[System], controls: Sequence[Row]) -> list[Row]:
    rows = [row for system in systems for row in (*system.tracks, system.whole)]
    return [*rows, *controls]


class _Asked:
    """Asks about the tracks of a split, and about controls; each is kept as soon as it was."""

    def __init__(self, opened: OpenedRun, solver: Solver, num_puzzles: int) -> None:
        self._opened = opened
        self._num_puzzles = num_puzzles
        self._config: Config = opened.config
        self._solver = solver
        self._puzzles = TrackPuzzles(opened.config)
        entries = opened.manifest.tracks(opened.split)
        longest = self._puzzles.longest_frames
        self._names = [track.name for track in entries if track.num_frames >= longest]
        self.too_short = [track.name for track in entries if track.num_frames < longest]
        if not self._names:
            raise ValueError(
                f"no {opened.split} track of {opened.folder} is as long as a puzzle, "
                f"{longest / self._config.audio.sample_rate:.2f} s."
            )
        shards = [[shard.name, shard.crc32c] for shard in opened.manifest.shards[opened.split]]
        made_from = [
            _SCHEMA_VERSION,
            opened.step,
            opened.weights,
            num_puzzles,
            weights_checksum(solver.encoder),
            weights_checksum(solver.head),
            shards,
            configs.to_json(self._config),
            code_revision(),
        ]
        self.parts = Parts(opened.out, "asked", [*self._names, _CONTROLS], made_from)

    def rows_of_tracks(self) -> dict[str, list[Row]]:
        """Returns the rows of every track by the systems, the model first."""
        counts = count_each(self._num_puzzles, len(self._names))
        rate = self._config.audio.sample_rate
        tracks = {each.name: each for each in self._opened.manifest.tracks(self._opened.split)}
        missing = [name for name in self._names if name not in self.parts.kept]
        bar = make_bar("asked about", sum(tracks[name].num_frames / rate for name in missing))
        for name, waveform in self._iter_tracks(set(missing)):
            number = self._names.index(name)
            rows = self._ask(name, waveform, number, counts[number])
            self.parts.keep(name, json.dumps([asdict(row) for row in rows]))
            bar.update(len(waveform) / rate)
        bar.close()
        kept = [row for name in self._names for row in self._read(name)]
        systems = list(dict.fromkeys(row.system for row in kept))
        return {system: [row for row in kept if row.system == system] for system in systems}

    def rows_of_controls(self) -> dict[str, list[Row]]:
        """Returns the rows of the pieces of each control."""
        if _CONTROLS not in self.parts.kept:
            counts = count_each(self._num_puzzles, NUM_PIECES)
            rows = []
            print("asking about sound that has no order ...", flush=True)
            for name, pieces in iter_controls(self._config):
                for number, waveform in enumerate(pieces):
                    puzzle = self._puzzles.of_track(waveform, number, counts[number])
                    found = self._solver.places(puzzle.clips)
                    rows.append(_row(name, name, found, puzzle))
            self.parts.keep(_CONTROLS, json.dumps([asdict(row) for row in rows]))
        kept = self._read(_CONTROLS)
        names = list(dict.fromkeys(row.system for row in kept))
        return {name: [row for row in kept if row.system == name] for name in names}

    def heard(self) -> list[HeardPuzzle]:
        """Returns puzzles to hear, each of another track."""
        heard = []
        wanted = self._names[:_NUM_HEARD]
        for name, waveform in self._iter_tracks(set(wanted)):
            puzzle = self._puzzles.of_track(waveform, self._names.index(name), 1)
            places = self._solver.places(puzzle.clips)[0]
            true = puzzle.places[0].numpy().astype(np.int64)
            heard.append(HeardPuzzle(name, puzzle.clips[0].numpy(), places, true))
        return heard

    def _ask(self, name: str, waveform: Waveform, number: int, count: int) -> list[Row]:
        puzzle = self._puzzles.of_track(waveform, number, count)
        reversed_puzzle = self._puzzles.of_track(np.flip(waveform, axis=0), number, count)
        by_edges = places_by_edges(puzzle.clips.numpy(), self._config.audio.sample_rate)
        return [
            _row(MODEL, name, self._solver.places(puzzle.clips), puzzle),
            _row(EDGES, name, by_edges, puzzle),
            _row(BACKWARDS, name, self._solver.places(reversed_puzzle.clips), reversed_puzzle),
        ]

    def _iter_tracks(self, names: set[str]) -> Any:
        for track in iter_full_tracks(
            self._opened.manifest, self._opened.folder, self._opened.split
        ):
            if track.name in names:
                yield track.name, track.mixture

    def _read(self, name: str) -> list[Row]:
        values = parse_object(f'{{"rows": {self.parts.read(name)}}}', f"what was asked of {name}")
        return [Row(**row) for row in values["rows"]]


def _row(system: str, track: str, found: Places, puzzle: Puzzle) -> Row:
    true = puzzle.places.numpy().astype(np.int64)
    measured = rightness(found, true)
    means = {name: float(values.mean()) for name, values in measured._asdict().items()}
    return Row(system, track, len(true), **means)
