"""Writes what was measured as tables for a terminal.

Axes: F files, K classes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.runtime.quantities import pluralized
from evaluation.classes.folds import Numbers
from evaluation.classes.held_out import LAYERS, MFCC
from evaluation.classes.measures import Figure, confusion, precision_recall_f1
from evaluation.scores.bootstrap import MIN_TRACKS

UNGROUPED = (
    "No accuracy is printed: nothing says which files are of one artist or album. Such files "
    "resemble each other in how they were recorded and mastered, so that one that is tested after "
    "its neighbour was learnt from seems to be recognised (the artist and album effect: Pampalk, "
    "Flexer, Widmer, ISMIR 2005). Name groups with --groups or a column group, or ask with "
    "--ungrouped for what is measured without them, which is too good."
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns lines of aligned columns: the first one to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for cells in (head, *rows):
        first, *others = (
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        lines.append("  ".join([first, *others]).rstrip())
    return "\n".join(lines)


def figures_in_words(figures: Mapping[str, Mapping[str, Figure]], unit: str) -> str:
    """Returns a table of figures, a line for each way of saying.

    Args:
        figures: by way of saying and name.
        unit: what intervals are over, in words.
    """
    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    head = [""]
    for name in names:
        head += [name, f"95 % over {unit}"]
    rows = []
    for way, row in figures.items():
        cells = [way]
        for name in names:
            cells += _figure(row.get(name), signed=" less " in way)
        rows.append(cells)
    return table(head, rows)


def classes_in_words(classes: Sequence[str], truth: Numbers, said: Numbers) -> str:
    """Returns tables of each class, and of what is said of which."""
    counts = confusion(truth, said, len(classes))
    shares = precision_recall_f1(counts)
    rows = []
    for name, count, values in zip(classes, counts.sum(axis=1), shares, strict=True):
        rows.append([name, str(count), *(f"{value:.3f}" for value in values)])
    of_classes = table([LAYERS, "support", "precision", "recall", "F1"], rows)
    rows = [[name, *map(str, row)] for name, row in zip(classes, counts.tolist(), strict=True)]
    of_confusion = table(["true (down), said (across)", *classes], rows)
    return f"{of_classes}\n\n{of_confusion}"


def groups_in_words(
    names: Sequence[str],
    truth: NDArray[Any],
    said: Mapping[str, NDArray[Any]],
    is_class: bool,
) -> str:
    """Returns why so few groups have no interval, and what is right of each.

    Args:
        names: the group of each file.
        truth: of each file.
        said: of each file, by way of saying.
        is_class: whether classes are said, and not numbers.
    """
    groups = list(dict.fromkeys(names))
    figure = "right" if is_class else "mean error"
    rows = []
    for group in groups:
        of_group = np.array([name == group for name in names])
        cells = [group, str(int(of_group.sum()))]
        for way in (LAYERS, MFCC):
            if is_class:
                right = truth[of_group] == said[way][of_group]
                cells.append(str(int(right.sum())))
            else:
                errors = np.abs(truth[of_group] - said[way][of_group])
                cells.append(f"{errors.mean():.3f}")
        rows.append(cells)
    listed = table(["group", "files", f"{figure}: {LAYERS}", MFCC], rows)
    why = f"No interval: {pluralized(len(groups), 'group')}, fewer than {MIN_TRACKS}. Each of them:"
    return f"{why}\n{listed}"


def _figure(figure: Figure | None, signed: bool) -> Iterator[str]:
    """Yields a figure and its interval, dashes where there are none."""
    if figure is None:
        yield from ("-", "-")
        return
    yield f"{figure.value:+.3f}" if signed else f"{figure.value:.3f}"
    if figure.interval is None:
        yield "-"
        return
    yield f"{figure.interval.low:.3f} to {figure.interval.high:.3f}"
