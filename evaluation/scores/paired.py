"""How runs differ, paired by segment and source, over the tracks that they all have.

For every source the median difference of each track is taken, and for all sources the mean of these: a median would
not see one source of four change. Their median over tracks is the result, with a bootstrap interval over tracks and,
for all sources, the p-value of Wilcoxon's signed-rank test (Biometrics Bulletin 1, 1945), as it is and corrected for
the number of runs.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.scores import bootstrap
from evaluation.scores.aggregates import Aggregate, Place, aggregate, alone, place
from evaluation.scores.bootstrap import Interval
from evaluation.scores.saved import MODEL, ScoredRun
from evaluation.scores.table import METRICS, Row

Values = dict[Place, float | None]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A run minus the reference, in dB."""

    run: str
    source: str | None  # None: all sources
    median_db: float | None  # over tracks; None where no segment has a value in both
    num_tracks: int
    num_higher: int  # tracks in which the run is above the reference
    interval: Interval | None
    p_value: float | None  # for all sources alone
    p_holm: float | None
    why_none: str | None  # why there is no interval and no p-value


@dataclass(frozen=True)
class ComparedSummary:
    """The metric of a run, or of another system that the reference has, over the tracks that all runs have."""

    name: str
    aggregate: Aggregate | None  # over the rows but of a lone source; None where it has no value
    shares: dict[str, float]  # status -> its share of all rows


@dataclass(frozen=True)
class Comparison:
    """Everything that is printed; each list begins with the reference."""

    metric: str
    tracks: list[str]  # that all runs have
    left_out: dict[str, list[str]]  # run -> its other tracks
    unpaired: dict[str, int]  # run -> segments with a value in it or in the reference alone
    summaries: list[ComparedSummary]  # of the runs
    beside: list[
        ComparedSummary
    ]  # of the other systems of the reference: the mixture, silence, oracles
    differences: list[Difference]


def compare(
    runs: Sequence[ScoredRun], metric: str = "snr", sources: Collection[str] = ()
) -> Comparison:
    """Compare the first of two or more runs with each of the others.

    Args:
        runs: of different names.
        metric: a column of the scores.
        sources: those to compare, empty for all; then all runs must have the same.

    Raises:
        ValueError: the runs were not scored alike, on the same segments and sources, or have no track in common.
    """
    if metric not in METRICS:
        raise ValueError(f"the scores have no metric {metric!r}; they have {', '.join(METRICS)}.")
    if len({run.name for run in runs}) < max(len(runs), 2):
        raise ValueError("name two or more different runs to compare.")
    runs = [_restrict(run, sources) for run in runs]
    for run in runs[1:]:
        _require_alike(runs[0], run)
    own = {run.name: list(dict.fromkeys(row.track for row in _of(run))) for run in runs}
    common = set.intersection(*map(set, own.values()))
    if not common:
        raise ValueError("the runs have no track in common.")
    runs = [replace(run, rows=[row for row in run.rows if row.track in common]) for run in runs]
    tables = {run.name: _table(run, metric) for run in runs}
    (reference, baseline), *others = tables.items()
    paired = {name: _pair(reference, baseline, name, values) for name, values in others}
    found = [each for name, by_source in paired.items() for each in _differences(name, by_source)]
    return Comparison(
        metric=metric,
        tracks=[track for track in own[reference] if track in common],
        left_out={
            name: left
            for name, tracks in own.items()
            if (left := [t for t in tracks if t not in common])
        },
        unpaired={
            name: sum(
                (value is None) != (baseline[where] is None) for where, value in values.items()
            )
            for name, values in others
        },
        summaries=[_summary(run.name, _of(run), metric) for run in runs],
        beside=_beside(runs[0], metric),
        differences=_correct(found),
    )


def _of(run: ScoredRun, system: str = MODEL) -> list[Row]:
    return [row for row in run.rows if row.system == system]


def _restrict(run: ScoredRun, sources: Collection[str]) -> ScoredRun:
    there = {row.source for row in _of(run)}
    if not there:
        raise ValueError(f"{run.name} has no rows of the system {MODEL!r}.")
    if missing := set(sources) - there:
        names = ", ".join(sorted(missing))
        raise ValueError(f"{run.name} has no source {names}; it has {', '.join(sorted(there))}.")
    return replace(run, rows=[row for row in run.rows if not sources or row.source in sources])


def _require_alike(reference: ScoredRun, run: ScoredRun) -> None:
    for key in sorted(reference.settings.keys() & run.settings.keys()):
        if reference.settings[key] != run.settings[key]:
            first, second = reference.settings[key], run.settings[key]
            raise ValueError(
                f"{reference.name} was scored with {key} = {first}, {run.name} with {second}."
            )
    first, second = ({row.source for row in _of(each)} for each in (reference, run))
    if first != second:
        only = [(reference.name, first - second), (run.name, second - first)]
        named = "; ".join(
            f"only {name} has {', '.join(sorted(sources))}" for name, sources in only if sources
        )
        raise ValueError(
            f"the runs have different sources ({named}); choose common ones with --sources."
        )


def _table(run: ScoredRun, metric: str) -> Values:
    """The metric of every segment and source; None where it is blank, infinite or of a source that sounds alone."""
    rows = _of(run)
    table = {place(row): _value(row, metric) for row in rows}
    if len(table) < len(rows):
        twice = next(where for where, count in Counter(map(place, rows)).items() if count > 1)
        raise ValueError(f"{run.name} has {_words(twice)} more than once.")
    if all(value is None for value in table.values()):
        raise ValueError(f"{run.name} has no {metric} where sources sound together.")
    return table


def has(run: ScoredRun, metric: str) -> bool:
    """Whether a run has values of a metric that can be compared."""
    return any(_value(row, metric) is not None for row in _of(run))


def _value(row: Row, metric: str) -> float | None:
    value: float | None = getattr(row, metric)
    return None if value is None or not np.isfinite(value) or alone(row) else value


def _words(where: Place) -> str:
    track, start_secs, source = where
    return f"track {track}, {start_secs:g} s, {source}"


def _pair(
    reference: str, baseline: Values, run: str, values: Values
) -> dict[str, dict[str, float]]:
    """The median difference by source and track."""
    if differing := baseline.keys() ^ values.keys():
        first = min(differing)
        owner = reference if first in baseline else run
        raise ValueError(
            f"{reference} and {run} have different segments: only {owner} has {_words(first)}."
        )
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for where, before in baseline.items():
        after, (track, _, source) = values[where], where
        if before is not None and after is not None:
            found[source][track].append(after - before)
    return {
        source: {track: float(np.median(each)) for track, each in by_track.items()}
        for source, by_track in found.items()
    }


def _beside(reference: ScoredRun, metric: str) -> list[ComparedSummary]:
    systems = dict.fromkeys(row.system for row in reference.rows if row.system != MODEL)
    return [_summary(system, _of(reference, system), metric) for system in systems]


def _summary(name: str, rows: Sequence[Row], metric: str) -> ComparedSummary:
    pairs = [(row.track, value) for row in rows if (value := _value(row, metric)) is not None]
    tracks, values = (
        np.array([track for track, _ in pairs]),
        np.array([value for _, value in pairs]),
    )
    counts = Counter(row.status for row in rows)
    return ComparedSummary(
        name=name,
        aggregate=aggregate(values, tracks, bootstrap.RESAMPLES) if pairs else None,
        shares={status: count / len(rows) for status, count in counts.items()},
    )


def _differences(run: str, by_source: Mapping[str, Mapping[str, float]]) -> Iterator[Difference]:
    """For all sources, then for each."""
    by_track: dict[str, list[float]] = defaultdict(list)
    for medians in by_source.values():
        for track, median in medians.items():
            by_track[track].append(median)
    yield _difference(run, None, np.array([np.mean(medians) for medians in by_track.values()]))
    for source, medians in by_source.items():
        yield _difference(run, source, np.array(list(medians.values())))


def _difference(run: str, source: str | None, values: Floats) -> Difference:
    bounds = bootstrap.intervals(values, np.arange(len(values)))
    why_none = bootstrap.why_none(len(values))
    return Difference(
        run=run,
        source=source,
        median_db=float(np.median(values)) if len(values) else None,
        num_tracks=len(values),
        num_higher=int((values > 0).sum()),
        interval=bounds[0] if bounds else None,
        p_value=_signed_rank(values) if source is None and not why_none else None,
        p_holm=None,
        why_none=why_none,
    )


def _signed_rank(differences: Floats) -> float:
    """Wilcoxon's two-sided p-value; a track without a difference speaks half for either run."""
    from scipy import stats  # takes a second to import

    if not differences.any():
        return 1.0
    return float(stats.wilcoxon(differences, zero_method="zsplit").pvalue)


def _correct(differences: Sequence[Difference]) -> list[Difference]:
    corrected = iter(holm([each.p_value for each in differences if each.p_value is not None]))
    return [
        each if each.p_value is None else replace(each, p_holm=next(corrected))
        for each in differences
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction for several tests, in the order given (Scand. J. Statist. 6, 1979)."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min((len(p_values) - rank) * p_values[i], 1.0))
        corrected[i] = largest
    return corrected
