"""Decides whether runs can be compared at all, and on what: the rows that all of them have."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from evaluation.scores.aggregates import SegmentKey, segment_key
from evaluation.scores.saved import ScoredRun
from evaluation.scores.table import METRICS, MODEL, Row

# The majority is that of the references, the same for all runs.
COMPARED_METRICS = (*METRICS, "bins")


def rows_of(run: ScoredRun, system: str = MODEL) -> list[Row]:
    """Returns the rows of one system of a run."""
    return [row for row in run.rows if row.system == system]


def tracks_of(run: ScoredRun) -> list[str]:
    """Returns the tracks of a run, in order."""
    return list(dict.fromkeys(row.track for row in rows_of(run)))


def lacking(runs: Sequence[ScoredRun], system: str) -> list[str]:
    """Returns the names of the runs without rows of a system that another one has."""
    without = [run.name for run in runs if not rows_of(run, system)]
    if len(without) == len(runs):
        return []
    return without


def segment_words(key: SegmentKey) -> str:
    """Names a segment in errors."""
    track, start_secs, source = key
    return f"track {track}, {start_secs:g} s, {source}"


def restrict_to_common(
    runs: Sequence[ScoredRun], metric: str, sources: Collection[str]
) -> list[ScoredRun]:
    """Returns the runs with the sources to compare.

    Args:
        runs: of different names.
        metric: a column of the scores.
        sources: those to compare, empty for all that all runs have.

    Raises:
        ValueError: they do not compare.
    """
    if metric not in COMPARED_METRICS:
        raise ValueError(
            f"the scores have no metric {metric!r}; they have {', '.join(COMPARED_METRICS)}."
        )
    if len({run.name for run in runs}) < max(len(runs), 2):
        raise ValueError("name two or more different runs to compare.")
    restricted = [_restrict(run, sources) for run in runs]
    if not sources:
        common = _common_sources(restricted)
        restricted = [_restrict(run, common) for run in restricted]
    for run in restricted[1:]:
        _require_alike(restricted[0], run)
    return restricted


def on_common_tracks(runs: Sequence[ScoredRun]) -> list[ScoredRun]:
    """Returns runs with the tracks that all of them have; ``ValueError`` where there are none."""
    common = set.intersection(*(set(tracks_of(run)) for run in runs))
    if not common:
        raise ValueError("the runs have no track in common.")
    return [replace(run, rows=[row for row in run.rows if row.track in common]) for run in runs]


def on_common_segments(runs: Sequence[ScoredRun]) -> list[ScoredRun]:
    """Returns runs with the segments that all of them have.

    One system may have a segment more at the end of a track: estimates differ by some frames.

    Raises:
        ValueError: they have less than half in common, and so were cut otherwise.
    """
    keys = {run.name: {segment_key(row) for row in rows_of(run)} for run in runs}
    common = set.intersection(*keys.values())
    for run in runs:
        others = keys[run.name] - common
        if len(others) > len(common):
            raise ValueError(
                f"the runs have different segments: not all have {segment_words(min(others))} of "
                f"{run.name}, and {len(others) - 1} more; score them with the same segments."
            )
    return [
        replace(run, rows=[row for row in run.rows if segment_key(row) in common]) for run in runs
    ]


def _restrict(run: ScoredRun, sources: Collection[str]) -> ScoredRun:
    """Returns a run with some sources alone, with all where none are named.

    Raises:
        ValueError: the run has no model, or not all of these sources.
    """
    found = {row.source for row in rows_of(run)}
    if not found:
        raise ValueError(f"{run.name} has no rows of the system {MODEL!r}.")
    missing = set(sources) - found
    if missing:
        names = ", ".join(sorted(missing))
        raise ValueError(f"{run.name} has no source {names}; it has {', '.join(sorted(found))}.")
    return replace(run, rows=[row for row in run.rows if not sources or row.source in sources])


def _common_sources(runs: Sequence[ScoredRun]) -> set[str]:
    """Returns the sources that all runs have.

    Raises:
        ValueError: there are none.
    """
    found = {run.name: {row.source for row in rows_of(run)} for run in runs}
    common = set.intersection(*found.values())
    if not common:
        named = "; ".join(f"{name} has {', '.join(sorted(own))}" for name, own in found.items())
        raise ValueError(f"the runs have no source in common: {named}.")
    return common


def _require_alike(reference: ScoredRun, run: ScoredRun) -> None:
    """Raises a ``ValueError`` where two runs were scored with other settings."""
    for key in sorted(reference.settings.keys() & run.settings.keys()):
        first = reference.settings[key]
        second = run.settings[key]
        if first != second:
            raise ValueError(
                f"{reference.name} was scored with {key} = {first}, {run.name} with {second}."
            )
