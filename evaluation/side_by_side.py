"""Several runs as one report: how they differ, their scores side by side, and the same seconds of each to be heard.

The first run is the reference that the others are compared with.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from evaluation import bootstrap, violins
from evaluation.aggregates import AGGREGATES, summarise
from evaluation.document import (
    Block,
    Cell,
    Code,
    Column,
    Document,
    Figures,
    Items,
    Line,
    Section,
    Table,
    Text,
    count,
    gain,
)
from evaluation.paired import Comparison, Difference
from evaluation.sides import Sides, config_table
from evaluation.tables import AGGREGATE_NAMES, METRIC_NAMES, NOT_OF_MIXTURE, counted, source_line, status_words

_DECIMALS = 2  # of differences, which are small
_FIGURES = ("sdr", "sir", "sar", "si_sdr")  # those of the metrics that are drawn


def make_document(sides: Sides, comparisons: Sequence[Comparison], sounds: Sequence[Block] = ()) -> Document:
    """The report.

    Args:
        sides: the runs, the reference first.
        comparisons: of these runs, one for each metric; the first is the one that is tested.
        sounds: what there is to be heard.
    """
    main = comparisons[0]
    title = METRIC_NAMES[main.metric]
    sections = [
        Section("differences", "How the runs differ", "Differences", _differences(sides, comparisons)),
        Section("by-source", f"Differences in {title} by source", "Sources", _by_source(sides, main)),
        Section("metrics", "Scores side by side", "Scores", _scores(sides)),
        Section("figures", "Segment by segment", "Figures", _figures(sides)),
        Section("listen", "Listen", "Listen", list(sounds)),
        Section("sums", f"{title}, summed up in four ways", "Aggregates", _aggregates(sides, main)),
        Section("tracks", f"{title}, track by track", "Tracks", _tracks(sides, main.metric)),
        Section("scored", "What could be scored, and what could not", "Statuses", _statuses(sides, main)),
        Section("origin", "Where they come from", "Origin", _origin(sides)),
    ]
    heading = " · ".join(sides.runs)
    subtitle = f"{count(len(sides.runs), 'run')} compared on {count(len(main.tracks), 'track')} that all have"
    return Document(heading, subtitle, _lead(sides, main), [each for each in sections if each.blocks])


def _lead(sides: Sides, main: Comparison) -> list[Block]:
    parts = []
    for each in main.differences:
        if each.source is None and each.median_db is not None:
            within = f" ({_interval(each)})" if each.interval else ""
            parts.append(f"{sides.names[each.run]} {gain(each.median_db, _DECIMALS)} dB{within}")
    title, tracks = METRIC_NAMES[main.metric], count(len(main.tracks), "track")
    if not parts:
        return [Text(f"No segment has a value of {title} in two runs.", "lead")]
    text = f"{title} minus that of {sides.reference}: {'; '.join(parts)}."
    note = f"Median over {tracks} of the differences, segment by segment and source by source, in dB. {_why(main)}"
    return [Text(text, "lead"), Text(note, "note")]


def _why(main: Comparison) -> str:
    reason = bootstrap.why_none(len(main.tracks))
    if reason:
        return f"No intervals and no tests ({reason})."
    return "In brackets the 95 % interval if other tracks had been drawn."


def _interval(each: Difference) -> str:
    assert each.interval is not None
    return f"{gain(each.interval.low, _DECIMALS)} to {gain(each.interval.high, _DECIMALS)}"


def _differences(sides: Sides, comparisons: Sequence[Comparison]) -> list[Block]:
    main = comparisons[0]
    note = (
        f"Each run minus {sides.reference}, in dB, over the segments in which a source sounds together with another "
        "one. For every source the median difference of each track is taken, for all sources the mean of these; shown "
        f"is their median over tracks, with its bootstrap interval over tracks. For {METRIC_NAMES[main.metric]}, the "
        "metric that was asked for, p is that of Wilcoxon's signed-rank test over tracks, and Holm the same corrected "
        "for the number of runs; several metrics of the same runs are no independent tests, so the others have none."
    )
    columns = [Column(title) for title in ("Difference", "Tracks", "Higher in", "p", "Holm")]
    bodies = []
    for comparison in comparisons:
        overall = [each for each in comparison.differences if each.source is None]
        tested = comparison is main
        bodies.append([_difference(sides, comparison.metric, each, tested) for each in overall])
    return [Text(f"{note} {_why(main)}", "note"), Table("differences", "Metric", columns, bodies)]


def _difference(sides: Sides, metric: str, each: Difference, tested: bool) -> Line:
    cells = [
        Cell(each.median_db, "gain", interval=each.interval, role="key" if tested else "", decimals=_DECIMALS),
        Cell(each.num_tracks, "count"),
        Cell(each.num_higher, "count"),
        Cell(each.p_value if tested else None, "p"),
        Cell(each.p_holm if tested else None, "p"),
    ]
    return Line(METRIC_NAMES[metric], cells, sides.names[each.run])


def _by_source(sides: Sides, main: Comparison) -> list[Block]:
    found = {(each.source, sides.names[each.run]): each for each in main.differences}
    sources = [source for source in sides.sources if any((source, name) in found for name in sides.runs)]
    others = list(sides.runs)[1:]
    lines = [source_line(source, [_source_cell(found.get((source, name))) for name in others]) for source in sources]
    note = (
        f"Each run minus {sides.reference}, in dB: median over the tracks in which the source is compared, their "
        "number below it. Sources with fewer tracks than an interval needs have none."
    )
    return [Text(note, "note"), Table("by-source", "Source", [Column(name) for name in others], [lines])]


def _source_cell(each: Difference | None) -> Cell:
    if each is None or each.median_db is None:
        return Cell(None, "gain", 0)
    return Cell(each.median_db, "gain", each.num_tracks, interval=each.interval, decimals=_DECIMALS)


def _scores(sides: Sides) -> list[Block]:
    metrics = [
        metric for metric in METRIC_NAMES if any(metric in sides.summaries[name].together for name in sides.runs)
    ]
    lines: list[list[Line]] = [[], []]
    for name, summary in sides.summaries.items():
        hidden = NOT_OF_MIXTURE if name == "mixture" else ()
        found = [summary.together.get(metric) if metric not in hidden else None for metric in metrics]
        cells = [
            Cell(each.median_of_segments, role=sides.role(name), n=each.num_values, interval=_of_median(each.intervals))
            if each
            else Cell(None, n=0, role=sides.role(name))
            for each in found
        ]
        lines[name not in sides.runs].append(Line(name, counted(cells)))
    note = (
        "dB, median of segments over all sources, where a source sounds together with another one; n below a number "
        f"that is made of fewer. The lower part is what {sides.reference} was set beside: the mixture as every "
        "estimate, silence, and oracles where they were scored. SDR, SIR and SAR are BSS Eval v3, those with v4 are "
        "version 4, of which SNR is the SDR."
    )
    columns = [Column("Segments"), *(Column(METRIC_NAMES[metric]) for metric in metrics)]
    return [Text(note, "note"), Table("scores", "Run", columns, [body for body in lines if body])]


def _of_median(intervals: Mapping[str, bootstrap.Interval] | None) -> bootstrap.Interval | None:
    return intervals["median_of_segments"] if intervals else None


def _figures(sides: Sides) -> list[Block]:
    """The violins by run of SDR, SIR and SAR, as in the first publication's comparison of its networks."""
    panels = []
    for metric in _FIGURES:
        beside = () if metric in NOT_OF_MIXTURE else ("mixture",)
        shown = [name for name in sides.systems if name in sides.runs or name in beside]
        strips = [violins.Strip(name, [_violin(sides, name, metric)]) for name in shown]
        panels.append(violins.make_panel(metric, violins.TITLES[metric], strips))
    note = "All sources, where they sound together; the stroke is the median of segments, the number after a name n."
    return [Text(note, "note"), Figures(panels)]


def _violin(sides: Sides, name: str, metric: str) -> violins.Violin:
    found = sides.summaries[name].together.get(metric)
    system: violins.System = "model" if name in sides.runs else "mixture"
    values = [value for _, value in violins.segment_values(sides.systems[name], metric)]
    return violins.Violin(system, values, found.median_of_segments if found else None)


def _aggregates(sides: Sides, main: Comparison) -> list[Block]:
    columns = [Column("Segments"), *map(Column, AGGREGATE_NAMES.values())]
    lines = []
    for name, summary in sides.summaries.items():
        found = summary.together.get(main.metric)
        if found:
            intervals = found.intervals or {}
            four = [Cell(getattr(found, key), interval=intervals.get(key), role=sides.role(name)) for key in AGGREGATES]
            lines.append(Line(name, [Cell(found.num_values, "count"), *four]))
    note = "dB, over all sources. Published figures use any of these four; only like may be compared with like."
    return [Text(note, "note"), Table("aggregates", "Run", columns, [lines])]


def _tracks(sides: Sides, metric: str) -> list[Block]:
    found = {
        name: {each.track: each for each in summarise(sides.systems[name], "track") if each.track}
        for name in sides.runs
    }
    tracks = list(found[sides.reference])
    lines = []
    for track in tracks:
        aggregates = [found[name][track].together.get(metric) for name in sides.runs]
        cells = [Cell(each.median_of_segments, n=each.num_values) if each else Cell(None, n=0) for each in aggregates]
        lines.append(Line(track, cells))
    note = "dB, median of the segments of a track over all sources; n below each number."
    return [Text(note, "note"), Table("tracks", "Track", [Column(name) for name in sides.runs], [lines])]


def _statuses(sides: Sides, main: Comparison) -> list[Block]:
    blocks: list[Block] = [Items([f"{name}: {status_words(each.shares)}" for name, each in sides.summaries.items()])]
    left = [f"{sides.names[run]}: {', '.join(tracks)}" for run, tracks in main.left_out.items()]
    unpaired = [
        f"{sides.names[run]}: {count(number, 'segment')} with a value in it or in {sides.reference} alone"
        for run, number in main.unpaired.items()
        if number
    ]
    if left:
        blocks.append(Items(left, "Tracks left out, as not all runs have them:"))
    if unpaired:
        blocks += [Text("Not compared:"), Items(unpaired)]
    return blocks


def _origin(sides: Sides) -> list[Block]:
    blocks: list[Block] = []
    if fields := config_table(sides):
        blocks += [Text("Where their configs differ:"), fields]
    for name, run in sides.runs.items():
        blocks.append(Text(f"{name}: {run.name}{_revision(run.about)}"))
        if "command" in run.about:
            blocks.append(Code(str(run.about["command"])))
    return blocks


def _revision(about: Mapping[str, Any]) -> str:
    parts = [f"{key.replace('_', ' ')} {about[key]}" for key in ("split", "step", "code_revision") if key in about]
    return f", {', '.join(parts)}" if parts else ""
