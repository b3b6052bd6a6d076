"""Makes the page of what a run hears: how right it is, about what, and beside whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configs import Config, TaggerSettings, TaggingSettings
from data_prep.records.manifest import Manifest
from data_prep.runtime.quantities import pluralized
from evaluation.document.numbers import percent
from evaluation.document.parts import Block, Cell, Document, Figures, Section, Terms, Text
from evaluation.report.curves import training_blocks
from evaluation.scores import bootstrap
from evaluation.tasks.origin import origin_blocks
from evaluation.tasks.tagging.figures import calibration_panel, track_panel
from evaluation.tasks.tagging.scores import SystemScores
from evaluation.tasks.tagging.tables import (
    confusion_table,
    source_table,
    system_table,
    track_table,
)

# Of whose columns a strip is drawn, at most.
_MOST_STRIPS = 20
# Of a table of runs.
_SUMMED = {"f1": "F1", "roc_auc": "ROC-AUC", "average_precision": "Average precision"}


@dataclass(frozen=True)
class Report:
    """Holds what the page is made of."""

    config: Config
    step: int
    split: str
    # The model first.
    systems: Sequence[SystemScores]
    command: str
    code_revision: str
    manifest: Manifest
    # Lines of metrics.jsonl.
    curves: Sequence[Mapping[str, Any]]
    # Why the figures must not be quoted; None where they may.
    not_a_result: str | None
    # Why no rival stands beside the model; empty where they do, or were not asked for.
    no_rivals: str


def make_document(report: Report) -> Document:
    """Makes everything that the page says."""
    model = report.systems[0]
    strips = _strips(report)
    origin = origin_blocks(report.manifest, report.code_revision, report.command, report.config)
    sections = [
        Section("systems", "How right it is", "Scores", _systems(report)),
        Section("instruments", "Instrument by instrument", "Instruments", _sources(report)),
        Section("instead", "What is heard instead", "Confusions", _instead(model)),
        Section("calibration", "Can its probabilities be believed", "Calibration", _belief(model)),
        Section("strips", "What it hears over time", "Strips", strips),
        Section("tracks", "Track by track", "Tracks", _tracks(model)),
        Section(
            "training", "How it learnt", "Training", training_blocks(report.curves, report.step)
        ),
        Section("how", "How it was scored", "Method", _method(report)),
        Section("origin", "Where it comes from", "Origin", origin),
    ]
    return Document(
        report.config.name,
        f"{report.split.capitalize()} split · step {report.step:,} · "
        f"{report.config.audio.sample_rate:,} Hz",
        head=_head(report),
        sections=[section for section in sections if section.blocks],
        summary=_summary(report.systems),
    )


def _summary(systems: Sequence[SystemScores]) -> list[tuple[str, Cell]]:
    """Returns the figures of the model over columns and pieces, and the F1 of its rivals."""
    model, *others = systems
    cells = []
    for name, title in _SUMMED.items():
        if name in model.macro:
            interval = model.intervals.get(name)
            cells.append((title, Cell(model.macro[name], "share", interval=interval)))
    cells.append(("Piece F1", Cell(model.pieces.decisions.f1, "share")))
    for other in others:
        f1 = other.macro.get("f1")
        cells.append((f"F1, {other.answers.system}", Cell(f1, "share")))
    return cells


def _head(report: Report) -> list[Block]:
    model, *others = report.systems
    blocks: list[Block] = []
    if report.not_a_result:
        blocks.append(Text(f"Not a result: {report.not_a_result}.", "banner"))
    if report.no_rivals:
        words = f"No rival stands beside the model: {report.no_rivals}."
        blocks.append(Text(words, "banner"))
    if "f1" not in model.macro:
        return [*blocks, Text("No instrument sounds in any of the tracks.", "lead")]
    tracks = pluralized(len(model.answers.tracks), "track")
    within = _within(model, "f1")
    strong = f"F1 {percent(model.macro['f1'])}"
    lead = (
        f"The instruments that sound are heard with an {strong}{within}: the mean over "
        f"instruments, of the columns of {tracks}."
    )
    blocks.append(Text(lead, "lead", strong))
    note = f"Of whole pieces it says which instruments play with an F1 of {_piece(model)}."
    better = [other for other in others if other.macro.get("f1", 0.0) > model.macro["f1"]]
    if better:
        names = " and ".join(f"{o.answers.system} ({percent(o.macro['f1'])})" for o in better)
        note += f" It loses to {names}."
    elif others:
        best = max(others, key=lambda other: other.macro.get("f1", 0.0))
        best_f1 = percent(best.macro.get("f1", 0.0))
        note += f" The best of the rivals, {best.answers.system}, has {best_f1} and {_piece(best)}."
    return [*blocks, Text(note, "note")]


def _piece(system: SystemScores) -> str:
    return percent(system.pieces.decisions.f1)


def _within(system: SystemScores, name: str) -> str:
    interval = system.intervals.get(name)
    if interval is None:
        return ""
    return f" (95 % interval {percent(interval.low)} to {percent(interval.high)})"


def _systems(report: Report) -> list[Block]:
    note = (
        "In percent. Columns: the mean over the instruments that sound somewhere, each over the "
        "columns of all tracks. Pieces: over all pairs of a track and an instrument; wrong labels "
        "are missed and claimed ones, a track; all right is the share of tracks without any. "
    )
    why_none = bootstrap.why_none(len(report.systems[0].answers.tracks))
    if why_none:
        note += f"No intervals ({why_none})."
    else:
        note += (
            "Small below a number: its 95 % interval if other tracks had been drawn (bootstrap "
            f"over tracks, {bootstrap.RESAMPLES:,} resamples)."
        )
    return [Text(note, "note"), system_table(report.systems)]


def _sources(report: Report) -> list[Block]:
    note = (
        "In percent, over the columns of all tracks. An instrument counts as heard from its "
        "threshold on, the one with the highest F1 in validation. ROC-AUC and average precision "
        "depend on no threshold. Blank is what does not exist, as for an instrument that never "
        "sounds."
    )
    return [Text(note, "note"), source_table(report.systems[0])]


def _instead(model: SystemScores) -> list[Block]:
    note = (
        "Columns in which an instrument sounds and is not heard, and which others are heard in "
        "them that do not sound."
    )
    return [Text(note, "note"), confusion_table(model.answers)]


def _belief(model: SystemScores) -> list[Block]:
    return [Figures([calibration_panel(model.answers)])]


def _strips(report: Report) -> list[Block]:
    answers = report.systems[0].answers
    model = report.config.model
    assert isinstance(model, TaggerSettings)
    secs = model.column_frames / report.config.audio.sample_rate
    numbers = range(min(len(answers.tracks), _MOST_STRIPS))
    note = (
        "Coloured: the probability of an instrument, the line its threshold. The bar above it: "
        "where it is audible. Shown are instruments that play in the piece or were heard in it."
    )
    left = len(answers.tracks) - len(numbers)
    if left:
        note += f" The first {len(numbers)}; {pluralized(left, 'track')} more are not drawn."
    panels = [track_panel(answers, number, secs) for number in numbers]
    return [Text(note, "note"), Figures(panels, are_wide=True)]


def _tracks(model: SystemScores) -> list[Block]:
    note = "In percent, over all columns and instruments of a track. Best F1 first."
    return [Text(note, "note"), track_table(model.answers)]


def _method(report: Report) -> list[Block]:
    task = report.config.task
    model = report.config.model
    assert isinstance(task, TaggingSettings)
    assert isinstance(model, TaggerSettings)
    share = report.systems[0].answers.share
    millis = 1000 * model.column_frames / report.config.audio.sample_rate
    smoothed = "None."
    if task.median_secs:
        smoothed = f"A median of {task.median_secs:g} s over the probabilities of the model."
    pairs = [
        ("column", f"Every {millis:.1f} ms; column n is centred on n times that."),
        (
            "audible",
            f"An instrument sounds in a column if the power of its source over "
            f"{task.level_secs:g} s around it is above {task.audible_db:g} dB of the mixture's and "
            f"above {task.audible_dbfs:g} dBFS. Nobody typed it: it is computed from the sources.",
        ),
        ("filter", smoothed),
        (
            "piece",
            f"An instrument plays in a piece if it is heard in at least {share:.0%} of columns, "
            "which validation chose as it did the thresholds. True is what the corpus says of the "
            "piece, also where the instrument rests.",
        ),
        (
            "rivals",
            "Majority: what is true of most columns of the training split. Always on: everything "
            "sounds. MFCC, linear: 20 mel-frequency cepstral coefficients, their mean and "
            "deviation over half a second, and a logistic regression for each instrument, learnt "
            "from the training split, its thresholds chosen in validation.",
        ),
    ]
    return [Terms(pairs)]
