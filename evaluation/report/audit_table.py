"""Makes the sections of a report on the audits of labels and of notes."""

from collections.abc import Sequence

from evaluation.document.parts import Block, Cell, Column, Line, Role, Table, Text
from evaluation.scores.conditions import Condition

# What the network is told under each condition.
LABELS = {
    "true": "the instruments of the piece",
    "recognised": "the instruments that a tagger hears",
    "unknown": "nothing",
    "empty": "that nothing plays",
    "full": "that all instruments play",
    "swapped": "for each instrument of the piece another one that has no part in it",
}
NOTES = {
    "true": "the notes of the records",
    "none": "that nobody knows the notes",
    "jittered_25": "each onset and offset moved by up to 25 ms",
    "jittered_50": "moved by up to 50 ms",
    "jittered_100": "moved by up to 100 ms",
    "jittered_200": "moved by up to 200 ms",
    "shifted": "all of them a second later",
    "another": "the notes of another track",
    "octave": "all of them an octave higher",
}


def audit_blocks(conditions: Sequence[Condition]) -> list[Block]:
    """Makes a table of the same network told other instruments; nothing where none was tried."""
    if not conditions:
        return []
    note = (
        "The same network on the same tracks, told other instruments. dB, medians over segments "
        "and sources; n below each number. Improvement is over the mixture; leakage is the energy "
        "in the slots of sources that do not sound; misnamed is the energy in the slot named "
        "instead of a source, where that source sounds; both relative to the mixture."
    )
    columns = [
        Column("The network is told", is_text=True),
        Column("Improvement"),
        Column("Leakage"),
        Column("Misnamed"),
    ]
    lines = []
    for condition in conditions:
        misnamed = Cell(condition.misnamed_db, n=condition.num_misnamed)
        lines.append(_line(condition, LABELS[condition.labels], [misnamed]))
    return [Text(note, "note"), Table("audit", "Labels", columns, [lines])]


def note_blocks(conditions: Sequence[Condition]) -> list[Block]:
    """Makes a table of the same network told other notes; nothing where none was tried."""
    if not conditions:
        return []
    note = (
        "The same network on the same tracks, told their labels and other notes. dB, medians over "
        "segments and sources; n below each number. Improvement is over the mixture; leakage is "
        "the energy in the slots of sources that do not sound, relative to the mixture."
    )
    columns = [
        Column("The network is told", is_text=True),
        Column("Improvement"),
        Column("Leakage"),
    ]
    lines = [_line(condition, NOTES[condition.labels], []) for condition in conditions]
    return [Text(note, "note"), Table("audit_of_notes", "Notes", columns, [lines])]


def _line(condition: Condition, told: str, others: Sequence[Cell]) -> Line:
    """Makes the line of a condition; ``others`` are the cells behind improvement and leakage."""
    if condition.not_measured:
        why = Cell(f"Not measured: {condition.not_measured}.", "text")
        return Line(condition.labels, [why, Cell(None), Cell(None), *[Cell(None) for _ in others]])
    # What is true is what the others are read against.
    role: Role = "key" if condition.labels == "true" else ""
    improvement = Cell(
        condition.improvement_db, "signed_db", n=condition.num_improvements, role=role
    )
    cells = [
        Cell(told, "text"),
        improvement,
        Cell(condition.leakage_db, n=condition.num_leakages),
        *others,
    ]
    return Line(condition.labels, cells)
