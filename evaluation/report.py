"""The rows of scores.csv as one self-contained HTML page that says in a minute what was separated how well."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

import configs
from configs import instruments
from data_prep.storage import replacing
from evaluation import aggregates, baselines, figures, scores

if TYPE_CHECKING:
    from evaluation.audit import Condition  # brings TensorFlow with it, which a page does not need

MODEL = "model"
STATUSES = {
    "scored": "The source sounds together with another one: every metric, and part of the improvement.",
    "solo": "It is the only source that sounds: no SIR, and left out of the improvement, as the mixture is the source.",
    "silent_estimate": "It sounds, but its estimate is silent: SDR and SNR count as 0 dB, the other metrics are blank.",
    "absent": "It does not sound: no metric, but the energy that its estimate leaks.",
    "silent_mixture": "Nothing sounds at all: not scored.",
}
AGGREGATES = {
    "median_of_track_medians": "Median of track medians",
    "median_of_segments": "Median of segments",
    "mean_of_track_medians": "Mean of track medians",
    "mean_of_segments": "Mean of segments",
}
LABELS = {
    "true": "the instruments of the piece",
    "unknown": "nothing",
    "empty": "that nothing plays",
    "full": "that all instruments play",
    "swapped": "for each instrument of the piece another one that has no part in it",
}
METRICS = {"sdr": "SDR", "sir": "SIR", "sar": "SAR", "si_sdr": "SI-SDR"}


@dataclass(frozen=True)
class About:
    """What the rows do not say: where they come from, and how they were scored."""

    title: str  # of the experiment
    step: int
    split: str
    sample_rate: int  # of the records, in frames per second
    channels: int
    labels: str  # how the network was told what plays: "oracle labels of each piece", "no labels"
    evaluation: configs.Evaluation
    config_json: str
    manifest: Mapping[str, str]  # what the records are, in words
    code_revision: str
    command: str  # that makes this report again
    not_a_result: str | None = None  # why the figures must not be quoted
    known_leaks: Sequence[str] = field(default=())  # recordings that splits share, each with its reason


@dataclass(frozen=True)
class _Cell:
    value: float | None  # dB; None: blank
    n: int  # values behind it
    system: str


@dataclass(frozen=True)
class _Line:
    name: str
    label: str | None
    cells: list[_Cell]
    summary: aggregates.Summary | None = None  # of the model


def write_report(path: Path, rows: Sequence[scores.Row], about: About, conditions: "Sequence[Condition]" = ()) -> None:
    """Write the page; whoever reads ``path`` meanwhile finds the old page or the new one, never half of it.

    Args:
        path: of the page.
        rows: of every system that was scored.
        about: what the rows do not say.
        conditions: the audit of the labels, empty where there was none.

    Raises:
        ValueError: no row is the model's, or one has no row of the mixture beside it.
    """
    if not any(row.system == MODEL for row in rows):
        raise ValueError(f"expected rows of the system {MODEL!r} among the scores; there are none, nothing to report.")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        db=figures.decibels, gain=_gain, count="{:,}".format, plain=_plain, share="{:.1%}".format
    )
    html = environment.get_template("report.html.jinja").render(
        about=about, conditions=conditions, label_meanings=LABELS, **_content(rows, about)
    )
    with replacing(path) as temporary:
        # A file name that is no text (a lone surrogate) must not cost the report.
        temporary.write_text(html, encoding="utf-8", errors="xmlcharrefreplace", newline="\n")


def _gain(value: float | None) -> str:
    """A difference in dB, with its sign."""
    text = figures.decibels(value)
    return f"+{text}" if value is not None and value > 0 and text != "0.0" else text


def _plain(value: float) -> str:
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


class _Scores:
    """The aggregates of a table of rows, by system and source; the source None stands for all of them."""

    def __init__(self, rows: Sequence[scores.Row]) -> None:
        present = dict.fromkeys(row.system for row in rows)
        self.systems = [name for name in dict.fromkeys((MODEL, *scores.BASELINES, *present)) if name in present]
        # What the improvement of the model is set beside: doing nothing, and what knows the sources.
        self.compared = ["silence", *(name for name in baselines.ORACLES if name in present)]
        self.sources = list(dict.fromkeys(row.source for row in rows if row.system == MODEL))
        self.summaries = {(each.system, each.source): each for each in aggregates.summarise(rows)}
        # The improvement leaves out the rows of a lone source; so do the SNRs that stand beside it.
        together = aggregates.summarise([row for row in rows if row.polyphony > 1 and row.snr is not None])
        self._together = {(each.system, each.source): each for each in together}
        self._improvements = {
            (system, each.source): each
            for system in (MODEL, *self.compared)
            for each in aggregates.improvement(rows, system)
        }

    def improvement(self, system: str, source: str | None = None) -> _Cell:
        found = self._improvements.get((system, source))
        return _Cell(found.median_db, found.num_rows, system) if found else _Cell(None, 0, system)

    def num_left_out(self) -> int:
        return self._improvements[MODEL, None].num_left_out

    def snr_together(self, system: str, source: str | None = None) -> _Cell:
        return _cell(self._together.get((system, source)), "snr", system)

    def median(self, metric: str, system: str = MODEL, source: str | None = None) -> _Cell:
        return _cell(self.summaries.get((system, source)), metric, system)

    def shown(self, metric: str, system: str, source: str) -> float | None:
        """The median that a figure marks."""
        cell = self.improvement(system, source) if metric == "improvement" else self.median(metric, system, source)
        return cell.value

    def systems_with(self, metric: str) -> list[str]:
        """The model, and every other system for which the metric has a finite value; of the oracles the SDR alone."""
        shown = [name for name in self.systems if metric == "sdr" or name not in baselines.ORACLES]
        return [name for name in shown if name == MODEL or metric in self.summaries[name, None].metrics]


def _cell(summary: aggregates.Summary | None, metric: str, system: str) -> _Cell:
    found = summary.metrics.get(metric) if summary else None
    return _Cell(found.median_of_segments, found.num_values, system) if found else _Cell(None, 0, system)


def _content(rows: Sequence[scores.Row], about: About) -> dict[str, Any]:
    table = _Scores(rows)
    tracks = _track_lines(rows)
    above = _lines(table, lambda source: _above(table, source))
    return {
        "headline": above[-1].cells[0],
        "silence": above[-1].cells[1],
        "num_tracks": sum(line.cells[0].n > 0 for line in tracks),
        "rate_and_channels": f"{about.sample_rate:,} Hz, "
        + {1: "mono", 2: "stereo"}.get(about.channels, f"{about.channels} channels"),
        "comparable": (about.sample_rate, about.channels) == (44100, 2),
        "num_left_out": table.num_left_out(),
        "above": above,
        "compared": table.compared,
        "metric_groups": [(title, table.systems_with(metric)) for metric, title in METRICS.items()],
        "metric_lines": _lines(table, lambda source: _metrics(table, source)),
        "panels": figures.make_panels(rows, table.shown),
        "min_values": figures.MIN_VALUES,
        "aggregate_names": AGGREGATES,
        "aggregate_groups": _aggregate_groups(table),
        "statuses": STATUSES,
        "status_lines": _status_lines(table),
        "track_columns": ["Improvement", "SNR", *METRICS.values()],
        "track_lines": tracks,
    }


def _lines(table: _Scores, cells: Callable[[str | None], list[_Cell]]) -> list[_Line]:
    """A line per source, then one for all of them."""
    lines = [_Line(instruments.name_of(source), source, cells(source)) for source in table.sources]
    return [*lines, _Line("All sources", None, cells(None))]


def _above(table: _Scores, source: str | None) -> list[_Cell]:
    gains = [table.improvement(system, source) for system in (MODEL, *table.compared)]
    return gains + [table.snr_together(system, source) for system in (MODEL, "mixture")]


def _metrics(table: _Scores, source: str | None) -> list[_Cell]:
    return [table.median(metric, system, source) for metric in METRICS for system in table.systems_with(metric)]


def _aggregate_groups(table: _Scores) -> list[tuple[str, list[tuple[str, aggregates.Aggregate]]]]:
    """Per metric, every system for which it has a finite value."""
    pooled = {system: table.summaries[system, None].metrics for system in table.systems}
    titles = METRICS | {"snr": "SNR"}
    return [
        (title, lines)
        for metric, title in titles.items()
        if (lines := [(system, metrics[metric]) for system, metrics in pooled.items() if metric in metrics])
    ]


def _status_lines(table: _Scores) -> list[_Line]:
    lines = _lines(table, lambda source: [table.median("leakage", MODEL, source)])
    return [replace(line, summary=table.summaries[MODEL, line.label]) for line in lines]


def _track_lines(rows: Sequence[scores.Row]) -> list[_Line]:
    """A line per track, best improvement first, those without one last."""
    by_track: dict[str, list[scores.Row]] = defaultdict(list)
    for row in rows:
        if row.system in (MODEL, "mixture"):  # the others are of no use here, and most of the work
            by_track[row.track].append(row)
    lines = []
    for track, own in by_track.items():
        table = _Scores(own)
        medians = [table.median(metric) for metric in METRICS]
        lines.append(_Line(track, None, [table.improvement(MODEL), table.snr_together(MODEL), *medians]))
    return sorted(lines, key=lambda line: -math.inf if (gain := line.cells[0].value) is None else gain, reverse=True)
