"""Say whether runs differ, segment by segment on the same tracks; the first one is what the others are compared with.

    python -m evaluation.compare runs/plain/evaluation/20000-test runs/film/evaluation/20000-test --metric=snr \
        --report=compared.html

A RUN is a folder with a scores.csv, such a file, or a folder of the JSON files that museval writes, one per track, in
which published systems come. Museval's figures are those of BSS Eval v4: its SDR, the plain ratio of signal to noise,
is our snr; its ISR, SIR and SAR are our isr, sir_v4 and sar_v4. Compare with them only what was scored at their rate
and channels (published: 44.1 kHz, stereo).

Segments in which a source sounds alone are left out, as in the improvement. For every source the median difference of
each track is taken, and for all sources the mean of these (a median would not see one source of four change). What is
printed is their median over tracks with a bootstrap interval over tracks and, for all sources, the p-value of
Wilcoxon's signed-rank test, as it is and corrected for the number of runs (Holm 1979).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from absl import flags

from data_prep.runtime import command
from data_prep.runtime.quantities import pluralized
from data_prep.storage.files import replacing
from evaluation.document.render import SUFFIXES, write
from evaluation.scores.aggregates import AGGREGATES
from evaluation.scores.bootstrap import Interval
from evaluation.scores.paired import ComparedSummary, Comparison, Difference, compare, has
from evaluation.scores.saved import ScoredRun, load
from evaluation.scores.table import METRICS

FLAGS = flags.FLAGS
SCHEMA_VERSION = 1  # of what --out writes
REPORTED = (
    "snr",
    "sdr",
    "sir",
    "sar",
    "si_sdr",
    "isr",
    "sir_v4",
    "sar_v4",
)  # the metrics of a report

_MOST_NAMES = 5  # of tracks in a sentence


def lines(comparison: Comparison) -> list[str]:
    """The comparison as text; the runs are lettered, as their names are long."""
    runs = [each.name for each in comparison.summaries]
    letters = {name: chr(ord("A") + i) if i < 26 else str(i + 1) for i, name in enumerate(runs)}
    listed = [(letters[each.name], each) for each in comparison.summaries]
    listed += [(each.name, each) for each in comparison.beside]
    text = [f"{letters[name]} = {name}" for name in runs]
    text.append(
        f"{pluralized(len(comparison.tracks), 'track')} that all have; segments of a source that sounds alone are left out"
    )
    text += [
        f"left out, not in all: {_some(names)} of {letters[run]}"
        for run, names in comparison.left_out.items()
    ]
    heading = [name.replace("_", " ") for name in AGGREGATES]
    text += [
        "",
        f"{comparison.metric + ', dB':<10}{'n':>8}" + "".join(f"{name:>25}" for name in heading),
    ]
    text += [_summary_line(*each) for each in listed]
    text += ["", "shares of all rows", *(_shares_line(*each) for each in listed)]
    text += [
        "",
        f"{'minus A, dB':<26}{'median':>8}{'95 %':>18}{'higher in':>18}{'p':>10}{'Holm':>10}",
    ]
    text += [_difference_line(letters[each.run], each) for each in comparison.differences]
    text += [
        f"{letters[run]}: {pluralized(count, 'segment')} not compared, with a value in it or in A alone"
        for run, count in comparison.unpaired.items()
        if count
    ]
    return text


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _summary_line(name: str, summary: ComparedSummary) -> str:
    found = summary.aggregate
    if found is None:
        return f"{name:<10}{0:>8}"
    values = {each: _decibels(getattr(found, each)) for each in AGGREGATES}
    if found.intervals:
        values = {
            each: f"{value} ({_bounds(found.intervals[each])})" for each, value in values.items()
        }
    return f"{name:<10}{found.num_values:>8,}" + "".join(
        f"{value:>25}" for value in values.values()
    )


def _shares_line(name: str, summary: ComparedSummary) -> str:
    listed = sorted(summary.shares.items(), key=lambda item: -item[1])
    return f"{name:<10}" + ", ".join(f"{status} {share:.1%}" for status, share in listed)


def _decibels(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # adding zero turns -0.0 into 0.0


def _bounds(interval: Interval) -> str:
    return f"{_decibels(interval.low)} to {_decibels(interval.high)}"


def _difference_line(run: str, each: Difference) -> str:
    start = f"{run} {each.source or 'all sources':<24}"
    if each.median_db is None:
        return f"{start}no segment has a value in both"
    counts = f"{each.num_higher} of {each.num_tracks}"
    interval = _bounds(each.interval) if each.interval else ""
    line = f"{start}{each.median_db:>+8.2f}{interval:>18}{counts:>18}"
    if each.why_none:
        return f"{line}   no interval, no p: {each.why_none}"
    return line if each.p_value is None else f"{line}{each.p_value:>10.2g}{each.p_holm:>10.2g}"


def write_json(path: Path, comparison: Comparison) -> None:
    """Write everything that is printed, in full precision."""
    described = {"schema_version": SCHEMA_VERSION, **asdict(comparison)}
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(described, indent=1, allow_nan=False) + "\n", encoding="utf-8"
        )


def write_report(
    path: Path, runs: Sequence[ScoredRun], comparison: Comparison, sources: Sequence[str]
) -> None:
    """Write the comparison as a page, and as Markdown and JSON beside it; the metrics that all runs have are in it."""
    with command.importing():
        from evaluation.report.comparison import ComparedRuns
        from evaluation.report.comparison_page import make_document
        from evaluation.report.shared_clips import common_clips

    sides = ComparedRuns(runs, comparison.tracks, sources)
    others = [
        each for each in REPORTED if each in sides.metrics and all(has(run, each) for run in runs)
    ]
    comparisons = [
        comparison,
        *(compare(runs, metric, sources) for metric in others if metric != comparison.metric),
    ]
    write(path, make_document(sides, comparisons, common_clips(sides.runs)))
    print(f"report: {path}")


def _require_places(report: str, out: str) -> None:
    if report and Path(report).suffix != ".html":
        raise ValueError(f"--report is {report}; expected a name that ends in .html.")
    if (
        report
        and out
        and Path(out).absolute() in [Path(report).absolute().with_suffix(each) for each in SUFFIXES]
    ):
        raise ValueError(
            f"--out is {out}, which --report={report} writes too; choose another name."
        )
    for name in filter(None, (report, out)):
        if not Path(name).absolute().parent.is_dir():
            raise ValueError(
                f"there is no folder {Path(name).parent} for {name}; make it or choose another."
            )


def main(arguments: Sequence[str]) -> None:
    """Flags -> runs -> one call."""
    sources = [name.strip() for name in FLAGS.sources.split(",") if name.strip()]
    _require_places(FLAGS.report, FLAGS.out)
    runs = [load(name) for name in arguments[1:]]
    comparison = compare(runs, FLAGS.metric, sources)
    print("\n".join(lines(comparison)))
    if FLAGS.out:
        write_json(Path(FLAGS.out), comparison)
    if FLAGS.report:
        write_report(Path(FLAGS.report), runs, comparison, sources)


if __name__ == "__main__":
    flags.DEFINE_enum("metric", "snr", METRICS, "which column of the scores to compare")
    flags.DEFINE_string("sources", "", "the sources to compare, separated by commas; all if empty")
    flags.DEFINE_string(
        "report", "", "page to write, such as compared.html, with figures and sounds"
    )
    flags.DEFINE_string("out", "", "file to write the comparison to, as JSON")
    command.run(main, takes_files=True)
