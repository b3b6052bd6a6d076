"""Gathers per-segment scores for violins: a strip per source, number of sources, or run."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from evaluation.scores.aggregates import alone
from evaluation.scores.table import COUNTED_STATUSES, Row

System = Literal["model", "mixture"]


@dataclass(frozen=True)
class Violin:
    """Holds the scores of a system, one per segment in which a source sounds; nan where blank."""

    system: System
    values: Sequence[float]
    # As the tables print it.
    median: float | None

    @property
    def finite(self) -> list[float]:
        """Returns what can be drawn."""
        return [value for value in self.values if math.isfinite(value)]


@dataclass(frozen=True)
class Strip:
    """Is a row of a panel: one violin, or the halves of two."""

    name: str
    violins: Sequence[Violin]

    @property
    def num_segments(self) -> int:
        """Returns the number of segments behind the strip: those of the model where it has one."""
        by_system = {violin.system: violin for violin in self.violins}
        violin = by_system.get("model", self.violins[0])
        return len(violin.finite)


def segment_values(rows: Iterable[Row], metric: str) -> list[tuple[Row, float]]:
    """Returns the rows of sources that sound together with others, each with its value.

    A blank value is nan.
    """
    pairs = []
    for row in rows:
        if row.status in COUNTED_STATUSES and not alone(row):
            value = getattr(row, metric)
            if value is None:
                value = math.nan
            pairs.append((row, value))
    return pairs


def make_strips(
    values: Sequence[tuple[Row, float]],
    name: Callable[[Row], str],
    median: Callable[[str, Row], float | None],
) -> list[Strip]:
    """Makes a strip for every name of a row, in order of appearance.

    Args:
        values: of the model, and of another system where there is one.
        name: of a row: that of its strip.
        median: of a system and a row of a strip: what the tables print for them.
    """
    grouped: dict[str, dict[System, list[tuple[Row, float]]]] = {}
    for row, value in values:
        system: System = "model" if row.system == "model" else "mixture"
        by_system = grouped.setdefault(name(row), {})
        by_system.setdefault(system, []).append((row, value))
    strips = []
    for title, by_system in grouped.items():
        violins = []
        for system, pairs in by_system.items():
            first_row, _ = pairs[0]
            own = [value for _, value in pairs]
            violins.append(Violin(system, own, median(system, first_row)))
        strips.append(Strip(title, violins))
    return strips
