"""Makes the section of a report on the audit of the labels."""

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
    lines = [_line(condition) for condition in conditions]
    return [Text(note, "note"), Table("audit", "Labels", columns, [lines])]


def _line(condition: Condition) -> Line:
    if condition.not_measured:
        why = Cell(f"Not measured: {condition.not_measured}.", "text")
        return Line(condition.labels, [why, Cell(None), Cell(None), Cell(None)])
    # The true labels are what the others are read against.
    role: Role = "key" if condition.labels == "true" else ""
    improvement = Cell(
        condition.improvement_db, "signed_db", n=condition.num_improvements, role=role
    )
    cells = [
        Cell(LABELS[condition.labels], "text"),
        improvement,
        Cell(condition.leakage_db, n=condition.num_leakages),
        Cell(condition.misnamed_db, n=condition.num_misnamed),
    ]
    return Line(condition.labels, cells)
