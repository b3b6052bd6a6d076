"""Sums up ratings: mean of each run, differences from the first, agreement with the metric.

Runs are set side by side only where one listener rated all of them in one passage: listeners use
the scale differently, and passages differ more than runs do.

Axes: P such pairs of a listener and a passage.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.ratings.matching import Matched, Opinion, Passage
from evaluation.scores import bootstrap
from evaluation.scores.bootstrap import Interval

# Estimates with a rating and an improvement. Of eight, chance alone gives a rank correlation beyond
# 0.74 or below -0.74 once in twenty times; of fewer, hardly any value says something.
MIN_ESTIMATES = 8

Floats = NDArray[np.float64]
# By listener, passage and run, which is None for the true source.
Rated = dict[tuple[str, Passage, str | None], float]


@dataclass(frozen=True)
class MeanRating:
    """Holds a mean of ratings, or of differences of ratings."""

    mean: float
    interval: Interval | None


@dataclass(frozen=True)
class RunRating:
    """Sums up the ratings of a run over the pairs in which every run is rated."""

    name: str
    rating: MeanRating
    # Minus the first run; None for itself.
    difference: MeanRating | None


@dataclass(frozen=True)
class Single:
    """Holds the means of one listener, or of one track."""

    name: str
    num_pairs: int
    # In the order of the runs.
    means: list[float]


@dataclass(frozen=True)
class Summary:
    """Holds everything that is said of ratings."""

    # Who rated anything.
    listeners: list[str]
    num_ratings: int
    # Empty where nobody rated every run in one passage.
    runs: list[RunRating]
    num_pairs: int
    # "tracks" or "listeners": what the intervals draw again; None where both are too few.
    drawn: str | None
    # All of those that are too few for an interval.
    by_track: list[Single]
    by_listener: list[Single]
    # Of runs, in no pair.
    num_unpaired: int
    # The true source, where it was among the sounds to be judged.
    reference_mean: float | None
    num_reference: int
    # Spearman's, of rating and improvement; None where it says nothing.
    rank_correlation: float | None
    num_estimates: int
    # File -> its ratings of other sounds.
    num_others: Mapping[str, int]


def summarise(matched: Matched, runs: Sequence[str]) -> Summary:
    """Sums up ratings of the sounds of runs, the first of which is the reference of the others."""
    rated = _means(matched.opinions)
    pairs = _pairs(rated, runs)
    # (P, runs)
    values = np.array([[rated[who, what, run] for run in runs] for who, what in pairs])
    listeners = np.array([who for who, _ in pairs])
    tracks = np.array([what.track for _, what in pairs])
    drawn = _drawn(tracks, listeners)
    groups = listeners if drawn == "listeners" else tracks
    correlation, num_estimates = _agreement(matched.opinions)
    heard = [opinion.rating for opinion in matched.opinions if opinion.sound.run is None]
    num_of_runs = sum(run is not None for _, _, run in rated)
    return Summary(
        listeners=sorted({opinion.listener for opinion in matched.opinions}),
        num_ratings=matched.num_ratings,
        runs=_run_ratings(runs, values, groups),
        num_pairs=len(pairs),
        drawn=drawn,
        by_track=_singles(tracks, values),
        by_listener=_singles(listeners, values),
        num_unpaired=num_of_runs - len(pairs) * len(runs),
        reference_mean=float(np.mean(heard)) if heard else None,
        num_reference=len(heard),
        rank_correlation=correlation,
        num_estimates=num_estimates,
        num_others=matched.num_others,
    )


def _means(opinions: Iterable[Opinion]) -> Rated:
    """Returns what each listener thinks of each run in each passage.

    A listener may have rated a sound on several pages, or two equal sounds on one: the mean counts
    once.
    """
    found: dict[tuple[str, Passage, str | None], list[float]] = defaultdict(list)
    for each in opinions:
        found[each.listener, each.sound.passage, each.sound.run].append(each.rating)
    return {key: float(np.mean(values)) for key, values in found.items()}


def _pairs(rated: Rated, runs: Sequence[str]) -> list[tuple[str, Passage]]:
    """Returns the listeners and passages of which every run is rated."""
    present = dict.fromkeys((who, what) for who, what, _ in rated)
    return [(who, what) for who, what in present if all((who, what, run) in rated for run in runs)]


def _drawn(tracks: NDArray[np.str_], listeners: NDArray[np.str_]) -> str | None:
    for name, groups in (("tracks", tracks), ("listeners", listeners)):
        if bootstrap.why_none(len(set(groups.tolist()))) is None:
            return name
    return None


def _run_ratings(runs: Sequence[str], values: Floats, groups: NDArray[np.str_]) -> list[RunRating]:
    """Computes the means over pairs, values (P, runs), each pair of the group (P,) beside it."""
    if not len(values):
        return []
    found = []
    for number, name in enumerate(runs):
        rating = _mean(values[:, number], groups)
        difference = None
        if number:
            difference = _mean(values[:, number] - values[:, 0], groups)
        found.append(RunRating(name, rating, difference))
    return found


def _mean(values: Floats, groups: NDArray[np.str_]) -> MeanRating:
    bounds = bootstrap.intervals(values, groups)
    return MeanRating(float(np.mean(values)), bounds.mean if bounds else None)


def _singles(groups: NDArray[np.str_], values: Floats) -> list[Single]:
    """Returns the means of each group; none where there are enough groups for an interval."""
    names = list(dict.fromkeys(groups.tolist()))
    if bootstrap.why_none(len(names)) is None:
        return []
    singles = []
    for name in names:
        own = values[groups == name]
        singles.append(Single(name, len(own), own.mean(axis=0).tolist()))
    return singles


def _agreement(opinions: Sequence[Opinion]) -> tuple[float | None, int]:
    """Computes the rank correlation of rating and improvement over estimates.

    An estimate is that of one run in one passage, and its rating the mean over listeners.

    Returns:
        Spearman's correlation, None where there are too few estimates or all are equal; and their
        number.
    """
    # It takes a second to import.
    from scipy import stats

    ratings: dict[tuple[str | None, Passage], list[float]] = defaultdict(list)
    improvements: dict[tuple[str | None, Passage], float] = {}
    for each in opinions:
        if each.sound.improvement_db is not None:
            key = (each.sound.run, each.sound.passage)
            ratings[key].append(each.rating)
            improvements[key] = each.sound.improvement_db
    means = np.array([np.mean(ratings[key]) for key in improvements])
    levels = np.array(list(improvements.values()))
    if len(means) < MIN_ESTIMATES or not np.ptp(means) or not np.ptp(levels):
        return None, len(means)
    return float(stats.spearmanr(means, levels).statistic), len(means)
