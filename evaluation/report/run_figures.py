"""Draws the figures of a report on one run: violins by source, and by polyphony."""

from collections.abc import Callable, Sequence
from typing import Any

from configs import instruments
from data_prep.runtime.quantities import pluralized
from evaluation.document.parts import Block, Figures, Panel, Text
from evaluation.report import violins
from evaluation.report.digest import Digest
from evaluation.report.metric_names import FIGURE_TITLES, NOT_OF_MIXTURE, repeats_version_3
from evaluation.report.strips import Strip, make_strips, segment_values
from evaluation.scores.aggregates import By
from evaluation.scores.table import MODEL, Row

_NOTE = (
    "Segments in which a source sounds together with another one. Where there are two colours, "
    "the model lies above the line in colour and the mixture below it in grey; the upright stroke "
    "is the median; the number after a name counts the model's segments; fewer than "
    f"{violins.MIN_VALUES} are drawn as dots. Blank is a metric that the segment's status does not "
    "define."
)
_BY_POLYPHONY = ("snri", "sdr")


def figure_blocks(rows: Sequence[Row], digest: Digest) -> list[Block]:
    """Draws every metric that the model has, a strip per source.

    Args:
        rows: of all systems.
        digest: of these rows by source.
    """
    panels = []
    for metric, title in FIGURE_TITLES.items():
        if digest.has_metric(metric) and not repeats_version_3(rows, metric):
            strips = _strips(rows, metric, digest, "source", instruments.name_of)
            panels.append(violins.make_panel(metric, title, strips))
    if not panels:
        return [Text("No segment has a finite value.")]
    return [Text(_NOTE, "note"), Figures(panels)]


def polyphony_panels(rows: Sequence[Row], digest: Digest) -> list[Panel]:
    """Draws two metrics, a strip per number of sources that sound at once.

    Args:
        rows: of all systems.
        digest: of these rows by polyphony.
    """
    panels = []
    for metric in _BY_POLYPHONY:
        strips = _strips(
            rows, metric, digest, "polyphony", lambda number: pluralized(number, "source")
        )
        panels.append(violins.make_panel(f"{metric}-together", FIGURE_TITLES[metric], strips))
    return panels


def _strips(
    rows: Sequence[Row], metric: str, digest: Digest, by: By, name_of: Callable[[Any], str]
) -> list[Strip]:
    """Makes a strip per group of rows, in the order of the groups of ``digest``."""
    systems = [MODEL]
    if metric not in NOT_OF_MIXTURE:
        systems.append("mixture")
    values = segment_values([row for row in rows if row.system in systems], metric)
    values.sort(key=lambda pair: digest.groups.index(getattr(pair[0], by)))
    return make_strips(
        values,
        name=lambda row: name_of(getattr(row, by)),
        median=lambda system, row: digest.printed_median(metric, system, getattr(row, by)),
    )
