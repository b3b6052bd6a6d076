"""Makes the tables of the page of a run that makes single sounds."""

from collections.abc import Mapping, Sequence

import numpy as np

from evaluation.document.parts import Block, Cell, Column, Line, Role, Table, Terms
from evaluation.scores.table import MODEL
from evaluation.tasks.generation.faults import Fault
from evaluation.tasks.generation.paths import Evenness, Walks
from evaluation.tasks.generation.reconstruction import Row, System
from evaluation.tasks.generation.referee import Judged, Referee
from evaluation.tasks.generation.resemblance import Resemblance, SetFigures

# Squared discrepancies are small numbers.
MMD_DECIMALS = 4


def system_table(systems: Sequence[System]) -> Table:
    """Returns how far each system is from the unseen sounds."""
    lines = []
    for system in systems:
        role: Role = "key" if system.name == MODEL else ""
        cell = Cell(system.mean_db, interval=system.interval, role=role)
        lines.append(Line(system.name, [cell]))
    return Table("systems", "System", [Column("LSD, dB")], [lines])


def group_table(systems: Sequence[System], field: str, names: str) -> Table:
    """Returns the mean distances of the groups of sounds whose rows agree in a field.

    Args:
        systems: the model first, by which the groups are ordered.
        field: ``tag`` or ``kit``.
        names: the head of their names.
    """
    groups = [_means_by_group(system.rows, field) for system in systems]
    counts = _counts_by_group(systems[0].rows, field)
    lines = []
    for name in sorted(counts, key=lambda name: groups[0][name]):
        cells = [Cell(means[name]) for means in groups]
        lines.append(Line(name or "(none)", [*cells, Cell(counts[name], "count")]))
    columns = [Column(system.name, "LSD, dB") for system in systems]
    return Table(field, names, [*columns, Column("Sounds")], [lines])


def resemblance_table(alike: Resemblance, early_db: Mapping[str, float]) -> Table:
    """Returns how drawn sounds and training sounds lie among real ones.

    Args:
        alike: the figures of both.
        early_db: of drawn, of training and of unseen sounds, the median energy before the attack.
    """
    columns = [
        Column("MMD to unseen"),
        Column("Coverage of unseen"),
        Column("To the nearest training sound, dB"),
        Column("Between two of its own set, dB"),
        Column("Energy before the attack, dB"),
    ]
    lines = [
        Line("drawn", [*_set_cells(alike.drawn, "key"), Cell(early_db["drawn"])]),
        Line("training", [*_set_cells(alike.training, ""), Cell(early_db["training"])]),
    ]
    nothing = Cell(None)
    of_unseen = [nothing, nothing, Cell(alike.unseen_to_training_db), nothing]
    lines.append(Line("unseen", [*of_unseen, Cell(early_db["unseen"])]))
    return Table("drawn", "Sounds", columns, [lines])


def judged_table(referee: Referee, judged: Mapping[str, Judged]) -> Table:
    """Returns what a referee says of sets of sounds, by their names."""
    lines = []
    for name, each in judged.items():
        role: Role = "key" if name == "drawn" else ""
        shares = [Cell(each.shares[tag], "share") for tag in referee.classes]
        lines.append(Line(name, [Cell(each.accepted, "share", role=role), *shares]))
    columns = [Column(tag, "Most probably") for tag in referee.classes]
    return Table("referee", "Sounds", [Column("Accepted"), *columns], [lines])


def path_table(walks: Walks) -> Table:
    """Returns how even paths are, beside cross-fades of the same ends."""
    columns = [Column("Largest step over mean step"), Column("Length over direct distance")]
    lines = [
        Line("by the numbers", _evenness_cells(walks.made)),
        Line("cross-faded", _evenness_cells(walks.cross_faded)),
    ]
    return Table("paths", "Paths", columns, [lines])


def fault_blocks(faults: Sequence[Fault]) -> list[Block]:
    """Returns each fault that has a name, whether it is there, and by which rule."""
    columns = [Column("Found", is_text=True), Column("What is measured", is_text=True)]
    lines = []
    for fault in faults:
        # A clause as a sentence.
        measured = f"{fault.found[0].upper()}{fault.found[1:]}."
        word = "yes" if fault.is_found else "no"
        lines.append(Line(fault.name, [Cell(word, "text"), Cell(measured, "text")]))
    rules = Terms([(fault.name, fault.rule) for fault in faults])
    return [Table("faults", "Fault", columns, [lines]), rules]


def _set_cells(figures: SetFigures, role: Role) -> list[Cell]:
    return [
        Cell(figures.mmd, "points", role=role, decimals=MMD_DECIMALS),
        Cell(figures.coverage, "share"),
        Cell(figures.to_training_db),
        Cell(figures.apart_db),
    ]


def _evenness_cells(evenness: Evenness | None) -> list[Cell]:
    if evenness is None:
        return [Cell(None), Cell(None)]
    values = (evenness.largest_step, evenness.detour)
    return [Cell(value, "points", decimals=2) for value in values]


def _counts_by_group(rows: Sequence[Row], field: str) -> dict[str, int]:
    names, counts = np.unique([getattr(row, field) for row in rows], return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _means_by_group(rows: Sequence[Row], field: str) -> dict[str, float]:
    names = np.array([getattr(row, field) for row in rows])
    distances = np.array([row.lsd_db for row in rows])
    return {str(name): float(distances[names == name].mean()) for name in np.unique(names)}
