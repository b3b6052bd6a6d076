"""Makes several runs one report: differences, scores side by side, and seconds to be heard.

The first run is the reference that the others are compared with.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from data_prep.runtime.quantities import pluralized
from evaluation.document.parts import Block, Cell, Code, Document, Figures, Items, Section, Text
from evaluation.report import comparison_tables, curves, violins
from evaluation.report.comparison import ComparedRuns
from evaluation.report.comparison_tables import DECIMALS
from evaluation.report.metric_names import (
    FIGURE_TITLES,
    METRIC_NAMES,
    NOT_OF_MIXTURE,
    difference_kind_of,
    difference_unit_of,
    unit_of,
)
from evaluation.report.run_tables import status_words
from evaluation.report.strips import Strip, System, Violin, segment_values
from evaluation.scores import bootstrap
from evaluation.scores.bootstrap import Interval
from evaluation.scores.paired import Comparison
from evaluation.scores.table import MAJORITY, SHARES


def make_document(
    compared: ComparedRuns,
    comparisons: Sequence[Comparison],
    sounds: Sequence[Block] = (),
    ratings: Sequence[Block] = (),
) -> Document:
    """Makes everything that the report says.

    Args:
        compared: the runs, the reference first.
        comparisons: of these runs, one for each metric; the first is the one that is tested.
        sounds: what there is to be heard.
        ratings: what listeners said of it.
    """
    main = comparisons[0]
    runs = pluralized(len(compared.runs), "run")
    tracks = pluralized(len(main.tracks), "track")
    sections = _sections(compared, comparisons, sounds, ratings)
    return Document(
        title=" · ".join(compared.runs),
        subtitle=f"{runs} compared on {tracks} that all have",
        head=_lead(compared, main),
        sections=[section for section in sections if section.blocks],
    )


def _sections(
    compared: ComparedRuns,
    comparisons: Sequence[Comparison],
    sounds: Sequence[Block],
    ratings: Sequence[Block],
) -> list[Section]:
    """Makes all sections; those that the runs have nothing for have no blocks."""
    main = comparisons[0]
    title = METRIC_NAMES[main.metric]
    differences = _differences(compared, comparisons)
    by_source = _by_source(compared, main)
    polyphony = _polyphony(compared, main.metric)
    aggregates = _aggregates(compared, main.metric)
    tracks = _tracks(compared, main.metric)
    statuses = _statuses(compared, main)
    return [
        Section("differ", "How the runs differ", "Differences", differences),
        Section("sources", f"Differences in {title} by source", "Sources", by_source),
        Section("metrics", "Scores side by side", "Scores", _scores(compared)),
        Section("figures", "Segment by segment", "Figures", _figures(compared)),
        Section("together", f"{title} when more sources sound at once", "Polyphony", polyphony),
        Section("listen", "Listen", "Listen", list(sounds)),
        Section("rated", "What listeners say", "Ratings", list(ratings)),
        Section("sums", f"{title}, summed up in four ways", "Aggregates", aggregates),
        Section("pieces", f"{title}, track by track", "Tracks", tracks),
        Section("training", "How they learnt", "Training", _training(compared)),
        Section("scored", "What could be scored, and what could not", "Statuses", statuses),
        Section("origin", "Where they come from", "Origin", _origin(compared)),
    ]


def _lead(compared: ComparedRuns, main: Comparison) -> list[Block]:
    title = METRIC_NAMES[main.metric]
    parts = []
    for difference in main.differences:
        if difference.source is None and difference.median is not None:
            name = compared.short_name_of[difference.run]
            within = ""
            if difference.interval:
                within = f" ({_in_words(difference.interval, main.metric)})"
            parts.append(f"{name} {_with_unit(difference.median, main.metric)}{within}")
    if not parts:
        return [Text(f"No segment has a value of {title} in two runs.", "lead")]
    text = f"{title} minus that of {compared.reference}: {'; '.join(parts)}."
    note = (
        f"Median over {pluralized(len(main.tracks), 'track')} of the differences, segment by "
        f"segment and source by source, in {difference_unit_of(main.metric)}. "
        f"{_about_intervals(main)}"
    )
    return [Text(text, "lead"), Text(note, "note")]


def _about_intervals(main: Comparison) -> str:
    why_none = bootstrap.why_none(len(main.tracks))
    if why_none:
        return f"No intervals and no tests ({why_none})."
    return "In brackets the 95 % interval if other tracks had been drawn."


def _in_words(interval: Interval, metric: str) -> str:
    return f"{_number(interval.low, metric)} to {_number(interval.high, metric)}"


def _with_unit(difference: float, metric: str) -> str:
    unit = "" if metric in SHARES else " dB"
    return f"{_number(difference, metric)}{unit}"


def _number(difference: float, metric: str) -> str:
    return Cell(difference, difference_kind_of(metric), decimals=DECIMALS).text


def _differences(compared: ComparedRuns, comparisons: Sequence[Comparison]) -> list[Block]:
    tested = METRIC_NAMES[comparisons[0].metric]
    has_bins = any(comparison.metric == "bins" for comparison in comparisons)
    unit = "dB, bins in percentage points" if has_bins else "dB"
    note = (
        f"Each run minus {compared.reference}, in {unit}, over the segments in which a source "
        "sounds together with another one. For every source the median difference of each track is "
        "taken, for all sources the mean of these; shown is their median over tracks, with its "
        f"bootstrap interval over tracks. For {tested}, the metric that was asked for, p is that "
        "of Wilcoxon's signed-rank test over tracks, and Holm the same corrected for the number of "
        "runs; several metrics of the same runs are no independent tests, so the others have none."
    )
    return [Text(note, "note"), comparison_tables.difference_table(compared, comparisons)]


def _by_source(compared: ComparedRuns, main: Comparison) -> list[Block]:
    note = (
        f"Each run minus {compared.reference}, in {difference_unit_of(main.metric)}: median over "
        "the tracks in which the source is compared, their number below it. Sources with fewer "
        "tracks than an interval needs have none."
    )
    return [Text(note, "note"), comparison_tables.source_table(compared, main)]


def _scores(compared: ComparedRuns) -> list[Block]:
    has_bins = "bins" in compared.metrics
    unit = "dB, bins in %" if has_bins else "dB"
    note = (
        f"{unit}, median of segments over all sources, where a source sounds together with "
        "another one; n below a number that is made of fewer. The lower part is what "
        f"{compared.reference} was set beside: the mixture as every estimate, silence, and the "
        "constant gain and oracles where they were scored. "
        "SDR, SIR and SAR are BSS Eval v3, those with v4 are version 4, of which SNR is the SDR."
    )
    if has_bins:
        note += (
            " Bins: the share of bins on the right side of the ideal binary mask, beside the "
            "majority, what the better of two answers for all bins reaches."
        )
    return [Text(note, "note"), comparison_tables.score_table(compared)]


def _figures(compared: ComparedRuns) -> list[Block]:
    """Draws a violin per run, as the first publication does to compare its networks."""
    panels = []
    metrics = compared.metrics
    for metric, title in FIGURE_TITLES.items():
        if metric in metrics:
            shown = list(compared.runs)
            # What the runs have in common, as far as a metric says anything of it.
            if "mixture" in compared.systems and metric not in NOT_OF_MIXTURE:
                shown.append("mixture")
            strips = [Strip(name, [_violin(compared, name, metric)]) for name in shown]
            panels.append(violins.make_panel(metric, title, strips))
    note = (
        "All sources, where they sound together; the stroke is the median of segments, the number "
        "after a name n."
    )
    return [Text(note, "note"), Figures(panels)]


def _violin(compared: ComparedRuns, name: str, metric: str) -> Violin:
    system: System = "model" if name in compared.runs else "mixture"
    pairs = segment_values(compared.systems[name], metric)
    aggregate = compared.summaries[name].together.get(metric)
    median = aggregate.median_of_segments if aggregate else None
    return Violin(system, [value for _, value in pairs], median)


def _polyphony(compared: ComparedRuns, metric: str) -> list[Block]:
    note = (
        f"{unit_of(metric)}, median of the segments in which so many sources sound; n below each "
        "number."
    )
    return [Text(note, "note"), comparison_tables.polyphony_table(compared, metric)]


def _aggregates(compared: ComparedRuns, metric: str) -> list[Block]:
    note = (
        f"{unit_of(metric)}, over all sources. Published figures use any of these four; only like "
        "may be compared with like."
    )
    return [Text(note, "note"), comparison_tables.aggregate_table(compared, metric)]


def _tracks(compared: ComparedRuns, metric: str) -> list[Block]:
    note = (
        f"{unit_of(metric)}, median of the segments of a track over all sources; n below each "
        "number."
    )
    return [Text(note, "note"), comparison_tables.track_table(compared, metric)]


def _training(compared: ComparedRuns) -> list[Block]:
    # Only a run on a disk has its curves; a published system has none either, and a mean, which
    # lies within its first run, was not trained.
    lines = {
        name: curves.read(run.folder)
        for name, run in compared.runs.items()
        if run.folder and not run.about.get("averaged")
    }
    panel = curves.make_common_panel(lines)
    if panel is None:
        return []
    return [Figures([panel])]


def _statuses(compared: ComparedRuns, main: Comparison) -> list[Block]:
    shares = [
        f"{name}: {status_words(summary.shares)}"
        for name, summary in compared.summaries.items()
        if name != MAJORITY
    ]
    blocks: list[Block] = [Items(shares)]
    left_out = [
        f"{compared.short_name_of[run]}: {', '.join(tracks)}"
        for run, tracks in main.left_out.items()
    ]
    if left_out:
        blocks.append(Items(left_out, "Tracks left out, as not all runs have them:"))
    others = [
        f"{compared.short_name_of[run]}: the sources {', '.join(sources)}"
        for run, sources in main.other_sources.items()
    ]
    others += [
        f"{compared.short_name_of[run]}: {pluralized(number, 'row')} of other segments"
        for run, number in main.num_other_rows.items()
    ]
    if others:
        blocks.append(Items(others, "Left out of these tracks, as not all runs have it:"))
    if main.without_constant_gain:
        names = [compared.short_name_of[run] for run in main.without_constant_gain]
        blocks.append(Items(names, "Without the constant gain beside them, which others have:"))
    unpaired = [
        f"{compared.short_name_of[run]}: {pluralized(number, 'segment')} with a value in it or in "
        f"{compared.reference} alone"
        for run, number in main.unpaired.items()
        if number
    ]
    if unpaired:
        blocks += [Text("Not compared:"), Items(unpaired)]
    return blocks


def _origin(compared: ComparedRuns) -> list[Block]:
    blocks: list[Block] = []
    differing = comparison_tables.config_table(compared)
    if differing:
        blocks += [Text("Where their configs differ:"), differing]
    for name, run in compared.runs.items():
        blocks.append(Text(f"{name}: {run.name}{_revision(run.about)}"))
        if "command" in run.about:
            blocks.append(Code(str(run.about["command"])))
    return blocks


def _revision(about: Mapping[str, Any]) -> str:
    """Says which checkpoint and code a run is of, as far as its scores.json says so."""
    keys = ("split", "step", "code_revision")
    known = [key for key in keys if about.get(key) is not None]
    words = [f", {key.replace('_', ' ')} {about[key]}" for key in known]
    if about.get("averaged"):
        words.append(f", the mean of {' and '.join(map(str, about['averaged']))}")
    return "".join(words)
