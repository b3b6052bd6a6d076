"""Decides whether two runs can be compared at all."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from evaluation.scores.saved import ScoredRun
from evaluation.scores.table import MODEL, Row


def rows_of(run: ScoredRun, system: str = MODEL) -> list[Row]:
    """Returns the rows of one system of a run."""
    return [row for row in run.rows if row.system == system]


def restrict(run: ScoredRun, sources: Collection[str]) -> ScoredRun:
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


def common_sources(runs: Sequence[ScoredRun]) -> set[str]:
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


def require_alike(reference: ScoredRun, run: ScoredRun) -> None:
    """Raises a ``ValueError`` where two runs were scored with other settings."""
    for key in sorted(reference.settings.keys() & run.settings.keys()):
        first = reference.settings[key]
        second = run.settings[key]
        if first != second:
            raise ValueError(
                f"{reference.name} was scored with {key} = {first}, {run.name} with {second}."
            )
