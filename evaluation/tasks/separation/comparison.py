"""Compares runs of separation: prints the comparison, and writes it as JSON and as a page.

``evaluation.compare`` says what is compared, and how.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from data_prep.runtime import command
from data_prep.runtime.quantities import pluralized
from data_prep.storage.files import replacing
from data_prep.storage.lock import held
from evaluation.document.render import write
from evaluation.ratings.saved import Rating, read_ratings
from evaluation.scores.aggregates import AGGREGATES
from evaluation.scores.bootstrap import Interval
from evaluation.scores.paired import ComparedSummary, Comparison, Difference, compare, has
from evaluation.scores.saved import ScoredRun, load
from evaluation.scores.table import MAJORITY, SHARES

if TYPE_CHECKING:
    # It reads sounds, which take matplotlib; a comparison without ratings does without.
    from evaluation.ratings.summary import Summary

# Of what --out writes.
SCHEMA_VERSION = 1
# The metrics of a report, as far as all runs have them.
REPORTED = ("snr", "sdr", "sir", "sar", "si_sdr", "si_sar", "isr", "sir_v4", "sar_v4", "bins")

# Of tracks in a sentence.
_MOST_NAMES = 5
_DECIMALS = 2


def lines(comparison: Comparison) -> list[str]:
    """Returns the comparison as text; runs have letters there, as their names are long."""
    letters = {summary.name: _letter(number) for number, summary in enumerate(comparison.summaries)}
    listed = [(letters[summary.name], summary) for summary in comparison.summaries]
    listed += [(summary.name, summary) for summary in comparison.beside]
    text = [f"{letter} = {name}" for name, letter in letters.items()]
    text.append(
        f"{pluralized(len(comparison.tracks), 'track')} that all have; segments of a source that "
        "sounds alone are left out"
    )
    for run, tracks in comparison.left_out.items():
        text.append(f"left out, not in all: {_some(tracks)} of {letters[run]}")
    for run, others in comparison.other_sources.items():
        text.append(f"left out, not in all: the sources {_some(others)} of {letters[run]}")
    for run, count in comparison.num_other_rows.items():
        rows = pluralized(count, "row")
        text.append(f"left out: {rows} of {letters[run]}, of segments that not all have")
    if comparison.without_constant_gain:
        without = ", ".join(letters[run] for run in comparison.without_constant_gain)
        text.append(f"without the constant gain beside them, which others have: {without}")
    metric = comparison.metric
    unit = "%" if metric in SHARES else "dB"
    difference_unit = "percentage points" if metric in SHARES else "dB"
    aggregates = [f"{name.replace('_', ' '):>25}" for name in AGGREGATES]
    text += ["", f"{f'{metric}, {unit}':<14}{'n':>8}{''.join(aggregates)}"]
    text += [_summary_line(name, summary, metric) for name, summary in listed]
    text += ["", "shares of all rows"]
    text += [_shares_line(name, summary) for name, summary in listed if name != MAJORITY]
    heads = f"{'median':>8}{'95 %':>18}{'higher in':>18}{'p':>10}{'Holm':>10}"
    text += ["", f"{f'minus A, {difference_unit}':<26}{heads}"]
    for difference in comparison.differences:
        text.append(_difference_line(letters[difference.run], difference, metric))
    for run, count in comparison.unpaired.items():
        if count:
            segments = pluralized(count, "segment")
            text.append(
                f"{letters[run]}: {segments} not compared, with a value in it or in A alone"
            )
    return text


def _letter(number: int) -> str:
    """Returns what stands for a run; from the 27th on, its number."""
    if number < len(ascii_uppercase):
        return ascii_uppercase[number]
    return str(number + 1)


def _some(names: Sequence[str]) -> str:
    listed = ", ".join(names[:_MOST_NAMES])
    if len(names) <= _MOST_NAMES:
        return listed
    return f"{listed} and {len(names) - _MOST_NAMES} more"


def _summary_line(name: str, summary: ComparedSummary, metric: str) -> str:
    aggregate = summary.aggregate
    if aggregate is None:
        return f"{name:<14}{0:>8}"
    cells = []
    for key in AGGREGATES:
        cell = _number(getattr(aggregate, key), metric)
        if aggregate.intervals:
            cell += f" ({_bounds(aggregate.intervals[key], metric)})"
        cells.append(f"{cell:>25}")
    return f"{name:<14}{aggregate.num_values:>8,}{''.join(cells)}"


def _shares_line(name: str, summary: ComparedSummary) -> str:
    """Returns the shares of the statuses of a run's rows, the greatest first."""
    listed = sorted(summary.shares.items(), key=lambda item: -item[1])
    return f"{name:<14}" + ", ".join(f"{status} {share:.1%}" for status, share in listed)


def _number(value: float, metric: str) -> str:
    # Adding zero turns -0.0, which would be printed with its sign, into 0.0.
    return f"{round(_in_unit(value, metric), _DECIMALS) + 0.0:.{_DECIMALS}f}"


def _in_unit(value: float, metric: str) -> float:
    """Returns a value of a metric in dB, or in percent where the metric is a share."""
    if metric in SHARES:
        return 100 * value
    return value


def _bounds(interval: Interval, metric: str) -> str:
    return f"{_number(interval.low, metric)} to {_number(interval.high, metric)}"


def _difference_line(run: str, difference: Difference, metric: str) -> str:
    start = f"{run} {difference.source or 'all sources':<24}"
    if difference.median is None:
        return f"{start}no segment has a value in both"
    counts = f"{difference.num_higher} of {difference.num_tracks}"
    interval = _bounds(difference.interval, metric) if difference.interval else ""
    median = _in_unit(difference.median, metric)
    line = f"{start}{median:>+8.2f}{interval:>18}{counts:>18}"
    if difference.why_none:
        return f"{line}   no interval, no p: {difference.why_none}"
    # All sources together are tested, one alone is not.
    if difference.p_value is None:
        return line
    return f"{line}{difference.p_value:>10.2g}{difference.p_holm:>10.2g}"


def summarise_ratings(
    ratings: Mapping[str, Sequence[Rating]], runs: Sequence[ScoredRun], sources: Sequence[str]
) -> "Summary":
    """Sums up what listeners said of the sounds of runs.

    Args:
        ratings: those that each file holds.
        runs: the reference first.
        sources: those whose sounds count, empty for all.

    Raises:
        ValueError: a file holds no ratings of these sounds, or no run has sounds.
    """
    with command.importing():
        from evaluation.ratings.matching import match, sounds_of
        from evaluation.ratings.summary import summarise

    matched = match(ratings, sounds_of(runs, sources))
    return summarise(matched, [run.name for run in runs])


def rating_lines(ratings: "Summary", comparison: Comparison) -> list[str]:
    """Returns a summary of ratings as text, with the letters of the comparison."""
    from evaluation.ratings import words

    letters = {run.name: _letter(number) for number, run in enumerate(comparison.summaries)}
    return words.lines(ratings, letters.__getitem__)


def write_json(path: Path, comparison: Comparison, ratings: "Summary | None" = None) -> None:
    """Writes everything that is printed, in full precision; shares are from 0 to 1.

    The name of a median difference says its unit: ``median_db`` or ``median_share``.
    """
    described: dict[str, Any] = {"schema_version": SCHEMA_VERSION, **asdict(comparison)}
    name = "median_share" if comparison.metric in SHARES else "median_db"
    described["differences"] = [
        {name if key == "median" else key: value for key, value in difference.items()}
        for difference in described["differences"]
    ]
    if ratings:
        described["ratings"] = asdict(ratings)
    text = json.dumps(described, indent=1, allow_nan=False) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_report(
    path: Path,
    runs: Sequence[ScoredRun],
    comparison: Comparison,
    sources: Sequence[str],
    ratings: "Summary | None" = None,
) -> None:
    """Writes the comparison as a page, and as Markdown and JSON beside it.

    Args:
        path: of the page, such as compared.html.
        runs: that were compared, the reference first.
        comparison: in the metric that was asked for; all others that every run has are added.
        sources: those that were compared, empty for all.
        ratings: what listeners said.
    """
    # They draw, which takes matplotlib; a comparison as text does without.
    with command.importing():
        from evaluation.ratings import words
        from evaluation.report.comparison import ComparedRuns
        from evaluation.report.comparison_page import make_document
        from evaluation.report.shared_clips import common_clips

    compared = ComparedRuns(runs, comparison.tracks, sources)
    others = [metric for metric in compared.metrics if metric != comparison.metric]
    # A run that came from museval has fewer of them.
    shared = [metric for metric in others if all(has(run, metric) for run in runs)]
    added = [compare(runs, metric, sources) for metric in REPORTED if metric in shared]
    comparisons = [comparison, *added]
    rated = words.blocks(ratings, compared.short_name_of.__getitem__) if ratings else []
    write(path, make_document(compared, comparisons, common_clips(compared.runs), rated))
    print(f"report: {path}")


def compare_runs(
    names: Sequence[str],
    metric: str,
    sources: Sequence[str],
    report: str,
    out: str,
    ratings: Sequence[str] = (),
) -> None:
    """Compares runs, prints the comparison, and writes what is asked for.

    Args:
        names: of the runs, as ``evaluation.scores.saved.load`` takes them, the reference first.
        metric: a column of the scores.
        sources: those to compare, empty for all.
        report: the page to write, or empty.
        out: the JSON file to write, or empty.
        ratings: files that pages saved.

    Raises:
        ValueError: the runs cannot be compared, or a file holds no ratings of their sounds.
    """
    # First, as it is quick to say what is wrong with them.
    given = {name: read_ratings(Path(name)) for name in ratings}
    if len(given) < len(ratings):
        raise ValueError("a file of ratings is named twice; name each once.")
    runs = [load(name) for name in names]
    comparison = compare(runs, metric, sources)
    rated = summarise_ratings(given, runs, sources) if given else None
    print("\n".join(lines(comparison)))
    if rated:
        print("\n".join(rating_lines(rated, comparison)))
    if out:
        write_json(Path(out), comparison, rated)
    if report:
        # A page is three files, which belong together.
        with held(report, "--report", beside=True):
            write_report(Path(report), runs, comparison, sources, rated)
