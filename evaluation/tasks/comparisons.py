"""Finds what compares runs of a task, and imports it only then; it needs no TensorFlow.

A comparison is a function (names of runs, metric, sources, page, JSON file, files of ratings) that
prints the comparison and writes what is asked for.
"""

from collections.abc import Callable, Collection, Sequence
from importlib import import_module

CompareRuns = Callable[[Sequence[str], str, Sequence[str], str, str, Sequence[str]], None]

# A line for every task whose runs can be compared: the module that has ``compare_runs``.
COMPARISONS = {
    "separation": "evaluation.tasks.separation.comparison",
    "query": "evaluation.tasks.separation.comparison",
}


def comparison_of(kinds: Collection[str]) -> CompareRuns:
    """Returns what compares runs of these tasks, which must be one.

    Raises:
        ValueError: the runs are of several tasks, or of one whose runs cannot be compared.
    """
    if len(kinds) > 1:
        raise ValueError(f"the runs are of different tasks: {', '.join(sorted(kinds))}.")
    # Without any run, the comparison says how many it wants.
    kind = next(iter(kinds), "separation")
    if kind not in COMPARISONS:
        raise ValueError(f"runs of the task {kind} cannot be compared; read their reports.")
    compare_runs: CompareRuns = import_module(COMPARISONS[kind]).compare_runs
    return compare_runs
