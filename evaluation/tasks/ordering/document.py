"""Makes the page of how well a run puts clips in order: beside whom, and whether it cheats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configs import Config, OrderingSettings
from data_prep.records.manifest import Manifest
from data_prep.runtime.quantities import pluralized
from evaluation.document.numbers import percent
from evaluation.document.parts import (
    Block,
    Cell,
    Column,
    Document,
    Line,
    Section,
    Table,
    Terms,
    Text,
)
from evaluation.report.curves import training_blocks
from evaluation.scores import bootstrap
from evaluation.scores.table import MODEL
from evaluation.tasks.ordering.scores import BACKWARDS, CHANCE, MEASURES, Row, System, is_by_dice
from evaluation.tasks.ordering.sounds import HeardPuzzle, puzzle_clips
from evaluation.tasks.origin import origin_blocks

_TITLES = {
    "position": "At their place",
    "exact": "Solved",
    "exact_or_reversed": "Solved or reversed",
    "tau": "Kendall's tau",
}


@dataclass(frozen=True)
class Report:
    """Holds what the page is made of."""

    config: Config
    step: int
    split: str
    # The model first, dice last.
    systems: Sequence[System]
    # Of sound without order, a row each.
    controls: Sequence[Row]
    # Names of tracks that are shorter than a puzzle.
    too_short: Sequence[str]
    heard: Sequence[HeardPuzzle]
    command: str
    code_revision: str
    manifest: Manifest
    # Lines of metrics.jsonl.
    curves: Sequence[Mapping[str, Any]]
    # Why the figures must not be quoted; None where they may.
    not_a_result: str | None

    @property
    def task(self) -> OrderingSettings:
        """Returns what puzzles are made of."""
        assert isinstance(self.config.task, OrderingSettings)
        return self.config.task


def make_document(report: Report) -> Document:
    """Makes everything that the page says."""
    sounds = puzzle_clips(report.heard, report.config.audio.sample_rate)
    training = training_blocks(report.curves, report.step)
    origin = origin_blocks(report.manifest, report.code_revision, report.command, report.config)
    sections = [
        Section("systems", "How often it is right", "Scores", _systems(report)),
        Section("controls", "Does it cheat", "Controls", _controls(report)),
        Section("sounds", "Puzzles to hear", "Sounds", sounds),
        Section("tracks", "Track by track", "Tracks", _tracks(report)),
        Section("training", "How it learnt", "Training", training),
        Section("how", "How it was scored", "Method", _method(report)),
        Section("origin", "Where it comes from", "Origin", origin),
    ]
    return Document(
        report.config.name,
        f"{report.split.capitalize()} split · step {report.step:,} · "
        f"{report.config.audio.sample_rate:,} Hz",
        head=_head(report),
        sections=[section for section in sections if section.blocks],
        summary=_summary(report),
    )


def _summary(report: Report) -> list[tuple[str, Cell]]:
    """Returns the shares of the model and of its rivals, with what dice would reach."""
    cells = []
    for system in report.systems:
        if system.name != BACKWARDS:
            for measure in ("position", "exact"):
                value, interval = system.whole.value(measure), system.intervals.get(measure)
                title = f"{_TITLES[measure]}, {system.name}"
                cells.append((title, Cell(value, "share", interval=interval)))
    return cells


def cheats(report: Report) -> list[Row]:
    """Returns the controls whose clips were put in order better, or worse, than by dice."""
    num_clips = report.task.num_clips
    return [row for row in report.controls if not is_by_dice(row, num_clips)]


def _head(report: Report) -> list[Block]:
    blocks: list[Block] = []
    if report.not_a_result:
        blocks.append(Text(f"Not a result: {report.not_a_result}.", "banner"))
    found = cheats(report)
    if found:
        names = ", ".join(row.system for row in found)
        words = (
            f"It cheats: sound without order comes out otherwise than by dice ({names}). What it "
            "hears there it may hear in music, too."
        )
        blocks.append(Text(words, "banner"))
    model, *others = report.systems
    strong = percent(model.whole.position)
    interval = model.intervals.get("position")
    within = ""
    if interval is not None:
        within = f" (95 % interval {percent(interval.low)} to {percent(interval.high)})"
    dice = report.systems[-1].whole
    lead = (
        f"{strong} of the clips are put at their place{within}, by dice {percent(dice.position)}; "
        f"{percent(model.whole.exact)} of the puzzles are solved, by dice {percent(dice.exact)}."
    )
    blocks.append(Text(lead, "lead", strong))
    rivals = [each for each in others if each.name not in (CHANCE, BACKWARDS)]
    for rival in rivals:
        verb = "loses to" if rival.whole.position > model.whole.position else "is above"
        words = f"It {verb} the {rival.name}, which learns nothing: {percent(rival.whole.position)}"
        blocks.append(Text(f"{words} and {percent(rival.whole.exact)}.", "note"))
    if report.too_short:
        left = pluralized(len(report.too_short), "track")
        words = f"Left out, as they are shorter than a puzzle: {left}"
        blocks.append(Text(f"{words} ({', '.join(report.too_short)}).", "note"))
    return blocks


def _cells(row: Row, system: System | None = None) -> list[Cell]:
    cells = []
    for measure in MEASURES:
        interval = system.intervals.get(measure) if system is not None else None
        value = row.value(measure)
        if measure == "tau":
            # Not a share, but read in the same hundredths.
            cells.append(Cell(f"{value:.2f}", "text"))
        else:
            is_key = row.system == MODEL and measure == "position"
            cells.append(Cell(value, "share", interval=interval, role="key" if is_key else ""))
    return cells


def _columns() -> list[Column]:
    return [Column(title) for title in _TITLES.values()]


def _systems(report: Report) -> list[Block]:
    note = (
        "In percent, the mean over tracks of the mean over their puzzles; tau from -1 to 1. The "
        "edge rule learns nothing: neighbours are clips whose ends have the nearest spectra. Of "
        "music backwards a network that learnt which way time goes solves less, and reverses more. "
    )
    why_none = bootstrap.why_none(len(report.systems[0].tracks))
    if why_none:
        note += f"No intervals ({why_none})."
    else:
        note += (
            "Small below a number: its 95 % interval if other tracks had been drawn (bootstrap "
            f"over tracks, {bootstrap.RESAMPLES:,} resamples)."
        )
    lines = [Line(system.name, _cells(system.whole, system)) for system in report.systems]
    return [Text(note, "note"), Table("systems", "System", _columns(), [lines])]


def _controls(report: Report) -> list[Block]:
    note = (
        "Of white noise, of steady tones and of noise that went through a lossy codec nobody can "
        "learn an order. Whoever finds one hears something else than music, such as the phase "
        "behind a gap of known length. By dice: all shares within four standard deviations of "
        "those of dice."
    )
    columns = [*_columns(), Column("Puzzles"), Column("By dice", is_text=True)]
    lines = []
    for row in report.controls:
        verdict = "yes" if is_by_dice(row, report.task.num_clips) else "no"
        cells = [*_cells(row), Cell(row.num_puzzles, "count"), Cell(verdict, "text")]
        lines.append(Line(row.system, cells))
    return [Text(note, "note"), Table("controls", "Control", columns, [lines])]


def _tracks(report: Report) -> list[Block]:
    systems = [system for system in report.systems if system.tracks]
    columns = []
    for system in systems:
        columns += [Column(_TITLES[name], system.name) for name in ("position", "exact")]
    columns.append(Column("Puzzles"))
    lines = []
    for rows in zip(*(system.tracks for system in systems), strict=True):
        shares = [value for row in rows for value in (row.position, row.exact)]
        cells = [Cell(value, "share") for value in shares]
        lines.append(Line(rows[0].track, [*cells, Cell(rows[0].num_puzzles, "count")]))
    lines.sort(key=lambda line: float(line.cells[0].value or 0), reverse=True)
    table = Table("tracks", "Track", columns, [lines])
    return [Text("In percent. Best first.", "note"), table]


def _method(report: Report) -> list[Block]:
    task = report.task
    longest = task.min_gap_secs + task.gap_secs
    polarity = ", turned upside down or not" if task.flip_polarity else ""
    law = "as a Hann window over that range" if task.gap_law == "hann" else "evenly"
    pairs = [
        (
            "puzzle",
            f"{task.num_clips} clips of {task.clip_secs:g} s of one stretch of a track, shuffled; "
            f"gaps of {task.min_gap_secs:g} to {longest:g} s between them, drawn one by one, "
            f"{law}.",
        ),
        (
            "level",
            f"Each puzzle has the same level, each clip a gain of its own within {task.gain_db:g} "
            f"dB{polarity}. One with a clip below {task.silent_dbfs:g} dBFS is drawn again.",
        ),
        ("order", "One permutation: that with the least sum of costs of clips at places."),
        (
            "same",
            "The same puzzles are asked of every system; they follow from train.seed and the number"
            " of the track.",
        ),
    ]
    return [Terms(pairs)]
