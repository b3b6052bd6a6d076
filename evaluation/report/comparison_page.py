"""Several runs as one report: how they differ, their scores side by side, and the same seconds of each to be heard.

The first run is the reference that the others are compared with.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.document.parts import (
    Block,
    Code,
    Document,
    Figures,
    Items,
    Section,
    Text,
    count,
    gain,
)
from evaluation.report import comparison_tables, curves, violins
from evaluation.report.comparison import ComparedRuns
from evaluation.report.comparison_tables import DECIMALS
from evaluation.report.run_tables import METRIC_NAMES, NOT_OF_MIXTURE, status_words
from evaluation.scores import bootstrap
from evaluation.scores.paired import Comparison, Difference


def make_document(
    sides: ComparedRuns, comparisons: Sequence[Comparison], sounds: Sequence[Block] = ()
) -> Document:
    """The report.

    Args:
        sides: the runs, the reference first.
        comparisons: of these runs, one for each metric; the first is the one that is tested.
        sounds: what there is to be heard.
    """
    main = comparisons[0]
    title = METRIC_NAMES[main.metric]
    sections = [
        Section("differ", "How the runs differ", "Differences", _differences(sides, comparisons)),
        Section("sources", f"Differences in {title} by source", "Sources", _by_source(sides, main)),
        Section("metrics", "Scores side by side", "Scores", _scores(sides)),
        Section("figures", "Segment by segment", "Figures", _figures(sides)),
        Section(
            "together",
            f"{title} when more sources sound at once",
            "Polyphony",
            _polyphony(sides, main.metric),
        ),
        Section("listen", "Listen", "Listen", list(sounds)),
        Section(
            "sums",
            f"{title}, summed up in four ways",
            "Aggregates",
            _aggregates(sides, main.metric),
        ),
        Section("pieces", f"{title}, track by track", "Tracks", _tracks(sides, main.metric)),
        Section("training", "How they learnt", "Training", _training(sides)),
        Section(
            "scored", "What could be scored, and what could not", "Statuses", _statuses(sides, main)
        ),
        Section("origin", "Where they come from", "Origin", _origin(sides)),
    ]
    heading = " · ".join(sides.runs)
    subtitle = f"{count(len(sides.runs), 'run')} compared on {count(len(main.tracks), 'track')} that all have"
    return Document(
        heading, subtitle, _lead(sides, main), [each for each in sections if each.blocks]
    )


def _lead(sides: ComparedRuns, main: Comparison) -> list[Block]:
    parts = []
    for each in main.differences:
        if each.source is None and each.median_db is not None:
            within = f" ({_interval(each)})" if each.interval else ""
            parts.append(f"{sides.names[each.run]} {gain(each.median_db, DECIMALS)} dB{within}")
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
    return f"{gain(each.interval.low, DECIMALS)} to {gain(each.interval.high, DECIMALS)}"


def _differences(sides: ComparedRuns, comparisons: Sequence[Comparison]) -> list[Block]:
    main = comparisons[0]
    note = (
        f"Each run minus {sides.reference}, in dB, over the segments in which a source sounds together with another "
        "one. For every source the median difference of each track is taken, for all sources the mean of these; shown "
        f"is their median over tracks, with its bootstrap interval over tracks. For {METRIC_NAMES[main.metric]}, the "
        "metric that was asked for, p is that of Wilcoxon's signed-rank test over tracks, and Holm the same corrected "
        "for the number of runs; several metrics of the same runs are no independent tests, so the others have none."
    )
    return [Text(note, "note"), comparison_tables.difference_table(sides, comparisons)]


def _by_source(sides: ComparedRuns, main: Comparison) -> list[Block]:
    note = (
        f"Each run minus {sides.reference}, in dB: median over the tracks in which the source is compared, their "
        "number below it. Sources with fewer tracks than an interval needs have none."
    )
    return [Text(note, "note"), comparison_tables.source_table(sides, main)]


def _scores(sides: ComparedRuns) -> list[Block]:
    note = (
        "dB, median of segments over all sources, where a source sounds together with another one; n below a number "
        f"that is made of fewer. The lower part is what {sides.reference} was set beside: the mixture as every "
        "estimate, silence, and oracles where they were scored. SDR, SIR and SAR are BSS Eval v3, those with v4 are "
        "version 4, of which SNR is the SDR."
    )
    return [Text(note, "note"), comparison_tables.score_table(sides)]


def _figures(sides: ComparedRuns) -> list[Block]:
    """The violins by run of SDR, SIR and SAR, as in the first publication's comparison of its networks."""
    panels = []
    for metric in violins.TITLES:
        if metric not in sides.metrics:
            continue
        beside = () if metric in NOT_OF_MIXTURE else ("mixture",)
        shown = [name for name in sides.systems if name in sides.runs or name in beside]
        strips = [violins.Strip(name, [_violin(sides, name, metric)]) for name in shown]
        panels.append(violins.make_panel(metric, violins.TITLES[metric], strips))
    note = "All sources, where they sound together; the stroke is the median of segments, the number after a name n."
    return [Text(note, "note"), Figures(panels)]


def _violin(sides: ComparedRuns, name: str, metric: str) -> violins.Violin:
    found = sides.summaries[name].together.get(metric)
    system: violins.System = "model" if name in sides.runs else "mixture"
    values = [value for _, value in violins.segment_values(sides.systems[name], metric)]
    return violins.Violin(system, values, found.median_of_segments if found else None)


def _polyphony(sides: ComparedRuns, metric: str) -> list[Block]:
    note = "dB, median of the segments in which so many sources sound; n below each number."
    return [Text(note, "note"), comparison_tables.polyphony_table(sides, metric)]


def _aggregates(sides: ComparedRuns, metric: str) -> list[Block]:
    note = "dB, over all sources. Published figures use any of these four; only like may be compared with like."
    return [Text(note, "note"), comparison_tables.aggregate_table(sides, metric)]


def _tracks(sides: ComparedRuns, metric: str) -> list[Block]:
    note = "dB, median of the segments of a track over all sources; n below each number."
    return [Text(note, "note"), comparison_tables.track_table(sides, metric)]


def _training(sides: ComparedRuns) -> list[Block]:
    panel = curves.make_common_panel(
        {name: curves.read(run.folder) for name, run in sides.runs.items() if run.folder}
    )
    return [Figures([panel])] if panel else []


def _statuses(sides: ComparedRuns, main: Comparison) -> list[Block]:
    blocks: list[Block] = [
        Items([f"{name}: {status_words(each.shares)}" for name, each in sides.summaries.items()])
    ]
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


def _origin(sides: ComparedRuns) -> list[Block]:
    blocks: list[Block] = []
    if fields := comparison_tables.config_table(sides):
        blocks += [Text("Where their configs differ:"), fields]
    for name, run in sides.runs.items():
        blocks.append(Text(f"{name}: {run.name}{_revision(run.about)}"))
        if "command" in run.about:
            blocks.append(Code(str(run.about["command"])))
    return blocks


def _revision(about: Mapping[str, Any]) -> str:
    parts = [
        f"{key.replace('_', ' ')} {about[key]}"
        for key in ("split", "step", "code_revision")
        if key in about
    ]
    return f", {', '.join(parts)}" if parts else ""
