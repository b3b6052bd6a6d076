"""Makes the page of a run that makes single sounds: its faults, how right it is, what it draws."""

from collections.abc import Sequence

from configs import GenerationSettings
from data_prep.runtime.quantities import pluralized
from evaluation.document.numbers import decibels, percent
from evaluation.document.parts import Block, Cell, Document, Section, Text
from evaluation.report.curves import training_blocks
from evaluation.scores.table import MODEL
from evaluation.tasks.generation.method import method_blocks
from evaluation.tasks.generation.reconstruction import NEAREST, System, verdicts_of
from evaluation.tasks.generation.report import Report
from evaluation.tasks.generation.sections import (
    DEAF,
    back_blocks,
    drawn_blocks,
    numbers_blocks,
    referee_blocks,
)
from evaluation.tasks.generation.tables import MMD_DECIMALS, fault_blocks
from evaluation.tasks.origin import origin_blocks


def make_document(report: Report) -> Document:
    """Makes everything that the page says."""
    config = report.config
    training = training_blocks(report.curves, report.step)
    origin = origin_blocks(report.manifest, report.code_revision, report.command, config)
    task = config.task
    assert isinstance(task, GenerationSettings)
    sections = [
        Section("back", "How sounds come back", "Come back", back_blocks(report)),
        Section("drawn", "What it draws", "Drawn", drawn_blocks(report)),
        Section("referee", "What a referee says", "Referee", referee_blocks(report)),
        Section("numbers", "What its numbers do", "Numbers", numbers_blocks(report)),
        Section("faults", "Faults that have names", "Faults", fault_blocks(report.faults)),
        Section("sounds", "Sounds to hear", "Sounds", report.sounds),
        Section("training", "How it learnt", "Training", training),
        Section("how", "How it was scored", "Method", method_blocks(task, report.num_drawn)),
        Section("origin", "Where it comes from", "Origin", origin),
    ]
    return Document(
        config.name,
        f"{report.split.capitalize()} split · step {report.step:,} · "
        f"{config.audio.sample_rate:,} Hz",
        head=_head(report),
        sections=[section for section in sections if section.blocks],
        summary=_summary(report),
    )


def _summary(report: Report) -> list[tuple[str, Cell]]:
    """Returns the few figures of a table of runs; a run that hears nothing has no LSD."""
    model = report.systems[0] if report.hears else None
    lsd = Cell(None)
    if model is not None:
        lsd = Cell(model.mean_db, interval=model.interval)
    num_faults = sum(fault.is_found for fault in report.faults)
    drawn = report.alike.drawn
    cells = [
        (f"LSD, {MODEL}, dB", lsd),
        (f"LSD, {NEAREST}, dB", Cell(_named(report, NEAREST).mean_db)),
        ("MMD, drawn", Cell(drawn.mmd, "points", decimals=MMD_DECIMALS)),
        ("Coverage, drawn", Cell(drawn.coverage, "share")),
        ("Faults", Cell(num_faults, "count")),
    ]
    if report.referee is not None:
        cells.append(("Accepted, drawn", Cell(report.judged["drawn"].accepted, "share")))
        accuracy = report.referee.accuracy
        right = None if accuracy is None else accuracy.balanced
        cells.append(("Right, the referee", Cell(right, "share")))
    return cells


def _named(report: Report, name: str) -> System:
    return next(system for system in report.systems if system.name == name)


def _head(report: Report) -> list[Block]:
    blocks: list[Block] = []
    if report.not_a_result:
        blocks.append(Text(f"Not a result: {report.not_a_result}.", "banner"))
    found = [fault for fault in report.faults if fault.is_found]
    for fault in found:
        words = f"{fault.name.capitalize()}: {fault.found}."
        blocks.append(Text(words, "banner", fault.name.capitalize()))
    if not found:
        names = ", ".join(fault.name for fault in report.faults)
        blocks.append(Text(f"None of the faults that have names was found: {names}."))
    if report.hears:
        blocks += _lead(report)
    else:
        blocks.append(Text(DEAF, "lead"))
    alike = report.alike
    mmd = decibels(alike.drawn.mmd, MMD_DECIMALS)
    words = (
        f"Sounds by dice are {mmd} from unseen ones (squared maximum mean discrepancy), training "
        f"sounds {decibels(alike.training.mmd, MMD_DECIMALS)}; they cover "
        f"{percent(alike.drawn.coverage)} of the unseen ones, as many training sounds "
        f"{percent(alike.training.coverage)}."
    )
    return [*blocks, Text(words, "note")]


def _lead(report: Report) -> list[Block]:
    model = report.systems[0]
    strong = f"{decibels(model.mean_db)} dB"
    within = ""
    if model.interval is not None:
        low = decibels(model.interval.low)
        within = f" (95 % interval {low} to {decibels(model.interval.high)})"
    lead = (
        f"Unseen sounds come back {strong} away{within}: the log-spectral distance, the mean over "
        f"{pluralized(len(model.rows), 'sound')}."
    )
    rivals: dict[str, list[str]] = {}
    for verdict in verdicts_of(report.systems):
        rivals.setdefault(verdict.verb, []).append(verdict.rival_in_words)
    clauses = [f"{verb} {_listed(names)}" for verb, names in rivals.items()]
    words = f"The model {'; it '.join(clauses)}."
    return [Text(lead, "lead", strong), Text(words, "note")]


def _listed(names: Sequence[str]) -> str:
    """Returns names with commas, and a word before the last one."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
