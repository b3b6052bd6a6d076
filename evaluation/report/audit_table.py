"""What a report shows of the audit of the labels."""

from collections.abc import Sequence

from evaluation.document.parts import Block, Cell, Column, Line, Table, Text
from evaluation.scores.conditions import Condition

LABELS = {
    "true": "the instruments of the piece",
    "unknown": "nothing",
    "empty": "that nothing plays",
    "full": "that all instruments play",
    "swapped": "for each instrument of the piece another one that has no part in it",
}


def audit_blocks(conditions: Sequence[Condition]) -> list[Block]:
    """The same network told other instruments; nothing where that was not tried."""
    if not conditions:
        return []
    note = (
        "The same network on the same tracks, told other instruments. dB, medians over segments and sources; n below "
        "each number. Improvement is over the mixture; leakage is the energy in the slots of sources that do not "
        "sound; misnamed is the energy in the slot named instead of a source, where that source sounds; both relative "
        "to the mixture."
    )
    columns = [
        Column("The network is told", is_text=True),
        *map(Column, ("Improvement", "Leakage", "Misnamed")),
    ]
    return [
        Text(note, "note"),
        Table("audit", "Labels", columns, [[_condition(each) for each in conditions]]),
    ]


def _condition(each: Condition) -> Line:
    if each.not_measured:
        return Line(
            each.labels, [Cell(f"Not measured: {each.not_measured}.", "text"), *[Cell(None)] * 3]
        )
    told = Cell(LABELS[each.labels], "text")
    improvement = Cell(
        each.improvement_db,
        "gain",
        each.num_improvements,
        role="key" if each.labels == "true" else "",
    )
    energies = [
        Cell(each.leakage_db, n=each.num_leakages),
        Cell(each.misnamed_db, n=each.num_misnamed),
    ]
    return Line(each.labels, [told, improvement, *energies])
